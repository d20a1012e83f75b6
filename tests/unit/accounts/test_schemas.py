"""What accounts takes at its edge."""

from __future__ import annotations

from typing import Any

import pytest

from services.accounts import schemas
from services.accounts.errors import InvalidFields


def pointers(schema: type, data: Any) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        schemas.load(schema, data)
    return {error["pointer"]: error["code"] for error in caught.value.errors}


def test_a_part_of_the_settings_may_change_alone() -> None:
    assert schemas.load(schemas.SettingsChanges, {"locale": "en"}) == {"locale": "en"}


def test_every_wrong_setting_is_named_by_a_pointer() -> None:
    wrong = {
        "default_sender": "far too long a sender",
        "timezone": "Europe/Sparta",
        "custom_labels": ["one"],
        "low_balance": {"level": -1, "emails": ["nobody"]},
    }
    found = pointers(schemas.SettingsChanges, wrong)
    assert found["/default_sender"] == "sender_too_long"
    assert found["/timezone"] == "unknown_timezone"
    assert {"/custom_labels", "/low_balance/level", "/low_balance/emails/0"} <= found.keys()


def test_a_level_is_whole_micro_euro() -> None:
    assert "/low_balance/level" in pointers(schemas.SettingsChanges, {"low_balance": {"level": 1.5}})


def test_an_unknown_setting_is_refused() -> None:
    assert "/colour" in pointers(schemas.SettingsChanges, {"colour": "red"})


def test_a_key_needs_a_known_scope() -> None:
    assert "/scopes/0" in pointers(schemas.NewKey, {"name": "k", "scopes": ["root"]})
    assert "/scopes" in pointers(schemas.NewKey, {"name": "k", "scopes": []})


def test_something_that_is_no_object_is_refused() -> None:
    assert pointers(schemas.SettingsChanges, ["locale"]) == {"": "invalid"}
