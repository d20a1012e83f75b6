"""Filters of the history: each is one condition, of one account, and no value reaches the database unread."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher import queries
from services.dispatcher.domain import State
from services.dispatcher.errors import InvalidFields


def test_an_account_sees_only_its_own() -> None:
    assert queries.conditions(7, {}) == (["m.account_id = %s"], [7])


@pytest.mark.parametrize(
    ("name", "value", "condition", "parameter"),
    [
        ("id", 5, "m.id = %s", 5),
        ("since", "2026-03-25T10:00:00.000Z", "m.accepted_at >= %s", datetime(2026, 3, 25, 10, tzinfo=UTC)),
        ("until", "2026-03-25T12:00:00+02:00", "m.accepted_at < %s", datetime(2026, 3, 25, 10, tzinfo=UTC)),
        ("since", "2026-03-25T10:00:00", "m.accepted_at >= %s", datetime(2026, 3, 25, 10, tzinfo=UTC)),
        ("to", "306912345678", "m.recipient = %s", 306912345678),
        ("sender", "KERYX", "m.sender = %s", "KERYX"),
        ("state", "delivered", "m.state = %s", int(State.DELIVERED)),
        ("channel", "api", "c.channel = %s", "api"),
        ("campaign_id", 3, "c.campaign_id = %s", 3),
    ],
)
def test_each_filter_is_one_condition(name: str, value: Any, condition: str, parameter: Any) -> None:
    assert queries.conditions(7, {name: value}) == (["m.account_id = %s", condition], [7, parameter])


def test_what_is_not_given_or_not_known_is_no_condition() -> None:
    filters = {"state": None, "to": None, "account_id": 8, "1=1; --": "x"}
    assert queries.conditions(7, filters) == (["m.account_id = %s"], [7])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "x"), ("id", -1), ("id", 10**20), ("id", [1]), ("id", True), ("since", "yesterday"), ("until", 5),
        ("until", "2026-13-01"), ("to", "+30691"), ("to", "٣٠"), ("to", "9" * 19), ("sender", "a\0b"), ("sender", 5),
        ("sender", "\ud800"), ("state", "lost"), ("state", 3), ("state", ["delivered"]), ("campaign_id", "1 OR 1=1"),
        ("channel", {"a": 1}),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidFields) as refusal:
        queries.conditions(7, {name: value})
    assert refusal.value.errors[0]["pointer"] == f"/{name}"


@given(
    st.dictionaries(
        st.sampled_from(["id", "since", "until", "to", "sender", "state", "campaign_id", "channel"]),
        st.none() | st.text() | st.integers() | st.floats() | st.lists(st.integers()) | st.booleans(),
    )
)
def test_whatever_is_asked_it_is_read_or_refused(filters: dict[str, Any]) -> None:
    try:
        where, parameters = queries.conditions(7, filters)
    except InvalidFields:
        return
    assert sum(condition.count("%s") for condition in where) == len(parameters)
