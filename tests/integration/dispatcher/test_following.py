"""The dispatcher's copy of the blacklist ends as contacts has it, in whatever order it is told; an opt-out holds at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.events import NumbersErased, SuppressionChanged
from servicekit.database import cursor_of
from services.dispatcher import suppressions
from tests.integration.dispatcher.following import NUMBERS, Pair
from tests.support.dataplane import SECRET

pytestmark = pytest.mark.integration

some = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3, unique=True)
steps = st.one_of(
    st.tuples(st.just("put"), some),
    st.tuples(st.just("lift"), some),
    st.tuples(st.just("deliver"), st.integers(0, 20)),
    st.tuples(st.just("fill"), st.none()),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=4, max_size=16), st.randoms(use_true_random=False), st.booleans())
def test_events_in_any_order_twice_or_lost_and_fillings_between_end_in_the_list_of_contacts(
    new_pair: Callable[[], Pair], course: list[tuple[str, Any]], order: Any, is_lossy: bool
) -> None:
    pair = new_pair()
    delivered: list[SuppressionChanged] = []
    for what, value in course:
        if what == "fill":
            pair.fill()
        elif what == "deliver" and pair.events:
            delivered.append(pair.events[value % len(pair.events)])
            pair.deliver(delivered[-1])
        elif what in {"put", "lift"}:
            pair.change(value, on=what == "put")
        assert opted_out(pair, delivered) <= pair.copy(), "an opt-out that was told holds"
    rest = order.sample(pair.events, len(pair.events))
    for event in rest[: len(rest) // 2] if is_lossy else rest:
        pair.deliver(event)
        delivered.append(event)
        assert opted_out(pair, delivered) <= pair.copy()
    if is_lossy:
        pair.fill()

    assert pair.copy() == pair.blacklisted()
    assert not pair.early()


def opted_out(pair: Pair, delivered: list[SuppressionChanged]) -> set[int]:
    """Numbers whose last change is that they are not to be sent to, in an event that was delivered."""
    last: dict[int, SuppressionChanged] = {}
    for event in pair.events:
        last |= dict.fromkeys(map(int, (*event.suppressed, *event.lifted)), event)
    return {n for n, event in last.items() if str(n) in event.suppressed and event in delivered}


one = st.sampled_from(NUMBERS[:2])
steps_with_erasing = st.one_of(
    steps,
    st.tuples(st.just("erase"), one),
    st.tuples(st.just("come_back"), one),
    st.tuples(st.just("link"), one),
    st.tuples(st.just("tell"), st.integers(0, 20)),
)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the pseudonyms."""
    monkeypatch.setenv("KERYX_SECRET_KEY", SECRET)


@pytest.mark.usefixtures("secret")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps_with_erasing, min_size=4, max_size=20), st.randoms(use_true_random=False))
def test_whoever_is_erased_is_in_no_copy_and_who_said_no_stays_blocked_until_it_is_lifted(
    new_pair: Callable[[], Pair], course: list[tuple[str, Any]], order: Any
) -> None:
    pair = new_pair()
    erased: set[int] = set()
    waiting: list[NumbersErased] = []
    for what, value in course:
        known = len(pair.erasures)
        if what == "fill":
            pair.fill()
        elif what == "deliver" and pair.events:
            pair.deliver(pair.events[value % len(pair.events)])
        elif what == "tell" and waiting:
            pair.deliver(waiting.pop(value % len(waiting)))
        elif what in {"put", "lift"}:
            pair.change(value, on=what == "put")
        elif what == "erase":
            pair.erase(value)
            erased.add(value)
        elif what == "come_back":
            pair.come_back(value)
        elif what == "link" and value in erased:
            pair.opt_out_by_an_old_link(value)
        waiting += pair.erasures[known:]

    left: list[SuppressionChanged | NumbersErased] = [*pair.events, *waiting]
    for event in order.sample(left, len(left)):
        pair.deliver(event)

    assert pair.copy() == pair.blacklisted()
    assert pair.blocked() == pair.said_no()
    assert not pair.early()


def test_an_opt_out_holds_at_once_although_those_before_it_are_missing(new_pair: Callable[[], Pair]) -> None:
    pair = new_pair()
    pair.change([NUMBERS[0]], on=True)
    pair.change([NUMBERS[1]], on=True)

    pair.deliver(pair.events[1])
    assert pair.copy() == {NUMBERS[1]}
    pair.deliver(pair.events[0])

    assert pair.copy() == {NUMBERS[0], NUMBERS[1]}
    assert not pair.early()
    assert pair.contacts.asked == []


def test_what_is_lifted_before_its_turn_waits_for_it(new_pair: Callable[[], Pair]) -> None:
    pair = new_pair()
    for on in (True, False, True, False):
        pair.change([NUMBERS[0]], on=on)
    first, second, third, fourth = pair.events

    held = []
    for event in (fourth, third, first, second, third, fourth):
        pair.deliver(event)
        held.append(bool(pair.copy()))

    assert held == [False, True, True, False, False, False]


def test_a_gap_that_stays_is_asked_for_and_no_further_than_it_reaches(new_pair: Callable[[], Pair]) -> None:
    pair = new_pair()
    for number in NUMBERS:
        pair.change([number], on=True)
    pair.deliver(pair.events[0])
    pair.deliver(pair.events[3])
    filling = suppressions.Filling(pair.dispatcher.transaction, cursor_of, pair.contacts)
    assert filling.fill_gaps() == 0, "it may be on its way"
    pair.wait()

    assert filling.fill_gaps() == 1
    assert pair.copy() == set(NUMBERS[:4])
    assert [sequence for _, sequence in pair.contacts.asked] == [1, 2]
    assert filling.fill_gaps() == 0


def test_more_early_events_than_one_transaction_takes_are_all_applied(new_pair: Callable[[], Pair]) -> None:
    pair = new_pair()
    count = 2 * suppressions.DRAINED_AT_ONCE + 5
    for number in range(count):
        pair.change([NUMBERS[0] + number], on=True)
        pair.change([NUMBERS[0] + number], on=number % 2 == 0)
    for event in reversed(pair.events):
        pair.deliver(event)
    pair.fill()

    assert pair.copy() == pair.blacklisted()
    assert len(pair.copy()) == (count + 1) // 2
    assert not pair.early()
