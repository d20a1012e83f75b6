"""What a campaign may be made from, and what is said of anything else."""

from __future__ import annotations

from typing import Any

import pytest

from services.campaigns import schemas
from services.campaigns.errors import InvalidFields

GOOD: dict[str, Any] = {
    "name": "Άνοιξη",
    "text": "Γεια {%firstname|σου}",
    "sender": "Keryx",
    "audience": {"group_ids": [1]},
}


def load(**changes: Any) -> dict[str, Any]:
    return schemas.load(schemas.Settings, {**GOOD, **changes})


def complaint(**changes: Any) -> dict[str, str]:
    with pytest.raises(InvalidFields) as refused:
        load(**changes)
    assert refused.value.code == "invalid_fields"
    [error] = refused.value.errors
    return error


def test_what_is_not_given_takes_its_usual_value() -> None:
    loaded = load()
    assert (loaded["price_class"], loaded["encoding"], loaded["unsubscribe"]) == ("normal", "auto", False)
    assert (loaded["pace"], loaded["scheduled_at"], loaded["labels"]) == (None, None, {})


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"name": ""}, "/name", "invalid"),
        ({"name": "a\x00b"}, "/name", "control_characters"),
        ({"name": 5}, "/name", "invalid"),
        ({"text": "x" * 2_001}, "/text", "invalid"),
        ({"text": "x" * 1_600}, "/text", "too_many_parts"),
        ({"text": "   "}, "/text", "text_empty"),
        ({"text": "a\x1bb"}, "/text", "control_characters"),
        ({"text": "a\ud800b"}, "/text", "control_characters"),
        ({"text": "{%firstname"}, "/text", "unclosed"),
        ({"text": "{%nobody}"}, "/text", "unknown_placeholder"),
        ({"text": "😀", "encoding": "gsm"}, "/text", "not_gsm"),
        ({"sender": "TwelveLetter"}, "/sender", "sender_too_long"),
        ({"sender": None}, "/sender", "invalid"),
        ({"price_class": "gold"}, "/price_class", "invalid"),
        ({"encoding": "utf-8"}, "/encoding", "invalid"),
        ({"audience": {}}, "/audience", "empty_audience"),
        ({"audience": {"group_ids": [], "all": False}}, "/audience", "empty_audience"),
        ({"audience": {"minus_group_ids": [1]}}, "/audience", "empty_audience"),
        ({"audience": {"group_ids": ["1"]}}, "/audience/group_ids/0", "invalid"),
        ({"audience": {"group_ids": [True]}}, "/audience/group_ids/0", "invalid"),
        ({"audience": {"group_ids": [2**70]}}, "/audience/group_ids/0", "invalid"),
        ({"audience": {"contact_ids": list(range(1, 10_002))}}, "/audience/contact_ids", "invalid"),
        ({"audience": {"numbers": ["2101234567"]}}, "/audience/numbers/0", "landline"),
        ({"audience": [1]}, "/audience", "invalid"),
        ({"pace": 0}, "/pace", "invalid"),
        ({"pace": 1.5}, "/pace", "invalid"),
        ({"pace": 10**30}, "/pace", "invalid"),
        ({"unsubscribe": "yes"}, "/unsubscribe", "invalid"),
        ({"scheduled_at": "tomorrow"}, "/scheduled_at", "invalid"),
        ({"scheduled_at": "2030-01-01T10:00:00"}, "/scheduled_at", "invalid"),
        ({"labels": {"Κωδικός": "custom9"}}, "/labels/Κωδικός", "invalid"),
        ({"state": "running"}, "/state", "unknown_field"),
    ],
)
def test_a_wrong_field_is_pointed_at(changes: dict[str, Any], pointer: str, code: str) -> None:
    found = complaint(**changes)
    assert (found["pointer"], found["code"]) == (pointer, code)
    assert found["detail"]


def test_a_missing_field_is_pointed_at() -> None:
    with pytest.raises(InvalidFields) as refused:
        schemas.load(schemas.Settings, {})
    assert {(e["pointer"], e["code"]) for e in refused.value.errors} == {
        (f"/{name}", "required") for name in ("name", "text", "sender", "audience")
    }


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_what_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(InvalidFields):
        schemas.load(schemas.Settings, data)


def test_an_error_in_the_text_says_where() -> None:
    assert (
        "character 6" in complaint(text="Γεια {%nobody}")["detail"]
        or "character" in complaint(text="Γεια {%nobody}")["detail"]
    )


def test_numbers_are_kept_as_digits_whatever_their_shape() -> None:
    audience = load(audience={"numbers": ["+30 691 234 5678", "6912345679"]})["audience"]
    assert audience == {"numbers": ["306912345678", "306912345679"]}


def test_line_breaks_are_plain_and_tabs_are_spaces() -> None:
    assert load(text="a\r\nb\rc\td")["text"] == "a\nb\nc d"


def test_a_time_needs_a_zone_and_keeps_its_moment() -> None:
    assert (
        schemas.iso(load(scheduled_at="2030-01-01T10:00:00+02:00")["scheduled_at"])
        == "2030-01-01T08:00:00.000Z"
    )


def test_settings_load_again_as_they_were_stored() -> None:
    once = load(audience={"numbers": ["6912345678"]}, labels={"Κωδικός": "custom1"}, sender="+306912345678")
    assert schemas.load(schemas.Settings, once) == once
