"""Which holds go beyond a spend limit."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import Cap, HoldRequest, over_cap

DAY, MIDNIGHT, LATER = (
    date(2026, 3, 25),
    datetime(2026, 3, 25, 22, tzinfo=UTC),
    datetime(2026, 3, 26, tzinfo=UTC),
)


def cap(spender: str, daily: int, spent: int = 0, until: datetime = MIDNIGHT) -> Cap:
    return Cap(1, spender, daily, DAY, until, spent)


def ask(id_: str, amount: int, spender: str = "key:1", account_id: int = 1) -> HoldRequest:
    return HoldRequest(id_, account_id, amount, "r", spender)


def test_what_does_not_fit_any_more_is_refused_and_a_smaller_one_after_it_passes() -> None:
    refused = over_cap([ask("a", 6), ask("b", 6), ask("c", 4)], [cap("key:1", 10)])

    assert list(refused) == ["b"]


def test_a_limit_is_of_its_spender_and_account_only() -> None:
    asked = [ask("mine", 11), ask("colleague's", 11, "key:2"), ask("stranger's", 11, account_id=2)]

    assert list(over_cap(asked, [cap("key:1", 10)])) == ["mine"]


def test_the_accounts_limit_counts_for_all_its_spenders() -> None:
    asked = [ask("a", 6, "key:1"), ask("b", 6, "key:2"), ask("c", 1, "")]

    assert list(over_cap(asked, [cap("account", 10)])) == ["b"]


def test_what_was_spent_before_counts() -> None:
    assert list(over_cap([ask("a", 5), ask("b", 1)], [cap("key:1", 10, spent=6)])) == ["a"]


def test_the_later_of_two_broken_limits_says_until_when() -> None:
    refused = over_cap([ask("a", 11)], [cap("key:1", 10), cap("account", 10, until=LATER)])

    assert refused["a"].until == LATER


def test_nothing_costs_nothing_even_above_the_limit() -> None:
    assert over_cap([ask("free", 0)], [cap("key:1", 10, spent=12)]) == {}


def test_one_hold_asked_for_twice_in_a_call_counts_once() -> None:
    assert over_cap([ask("a", 6), ask("a", 6), ask("b", 4)], [cap("key:1", 10)]) == {}


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(0, 30), st.integers(0, 30))
def test_never_more_than_the_limit_passes(amounts: list[int], daily: int, spent: int) -> None:
    asked = [ask(str(index), amount) for index, amount in enumerate(amounts)]
    refused = over_cap(asked, [cap("key:1", daily, spent)])

    passed = sum(one.amount for one in asked if one.id not in refused)
    assert passed == 0 or spent + passed <= daily
