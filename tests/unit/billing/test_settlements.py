"""What outcomes do to holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import Settlement, settlement_entries, sum_settlements, topup_entry


def test_outcomes_of_one_hold_are_added_up() -> None:
    summed = sum_settlements([Settlement("a", 1, 10, 0), Settlement("b", 1, 1, 1), Settlement("a", 1, 5, 7)])

    assert summed == [Settlement("a", 1, 15, 7), Settlement("b", 1, 1, 1)]


def test_progress_without_money_settles_nothing() -> None:
    assert sum_settlements([Settlement("a", 1, 0, 0)]) == []


@pytest.mark.parametrize("item", [Settlement("a", 1, -1, 0), Settlement("a", 1, 0, -1)])
def test_a_negative_amount_is_refused(item: Settlement) -> None:
    with pytest.raises(ValueError, match="negative"):
        sum_settlements([item])


def test_an_entry_tells_what_each_hold_gave() -> None:
    (entry,) = settlement_entries("e1", [Settlement("a", 1, 15, 7), Settlement("b", 1, 1, 0)])

    assert entry.cause == "settlement:e1:1"
    assert entry.postings == {"1:held": -23, "1:available": 7, "revenue": 16}
    assert entry.details == {"event": "e1", "holds": {"a": [15, 7], "b": [1, 0]}, "sales": True}


money = st.integers(0, 10**9)
settlements = st.lists(
    st.builds(Settlement, st.text("abc", min_size=1, max_size=2), st.integers(1, 3), money, money)
)


@given(settlements)
def test_every_settlement_entry_sums_to_zero_and_has_no_empty_posting(items: list[Settlement]) -> None:
    for entry in settlement_entries("e", sum_settlements(items)):
        assert sum(entry.postings.values()) == 0
        assert all(entry.postings.values())
        assert len(entry.postings) >= 2


@given(st.integers(1, 10**13))
def test_a_topup_takes_from_outside_what_it_gives(amount: int) -> None:
    assert sum(topup_entry(1, amount, "deposit", "k").postings.values()) == 0
