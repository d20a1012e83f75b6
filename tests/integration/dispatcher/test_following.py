"""The dispatcher's copy of the blacklist ends as contacts has it, in whatever order it is told; an opt-out holds at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.events import SuppressionChanged
from servicekit import wire
from servicekit.database import Database, cursor_of, make_engine
from services.contacts.queries import suppressions as told
from services.contacts.use_cases import suppressions as blacklist
from services.dispatcher import suppressions

pytestmark = pytest.mark.integration

NUMBERS = tuple(range(306_900_000_000, 306_900_000_005))
NEWEST = "SELECT coalesce(max(id), 0) FROM outbox_0"
accounts = itertools.count(1)


@dataclass
class Contacts:
    """What the dispatcher asks of contacts, answered by its code on its database; remembers what it was asked."""

    db: Database
    asked: list[tuple[int, int]] = field(default_factory=list)

    def suppressions_since(self, account_id: int, sequence: int, limit: int) -> dict[str, Any]:
        self.asked.append((account_id, sequence))
        with self.db.transaction() as session:
            return told.suppressions_since(session, account_id, sequence, 1)  # as small as pages can be

    def suppression_sequences(self, after: int, limit: int) -> dict[str, Any]:
        with self.db.transaction() as session:
            return told.suppression_sequences(session, after, limit)


@dataclass
class Pair:
    """One account in contacts and in the dispatcher, and the events between them, in the hands of the test."""

    contacts: Contacts
    dispatcher: Database
    account_id: int = field(default_factory=lambda: next(accounts))
    events: list[SuppressionChanged] = field(default_factory=list)

    def change(self, numbers: list[int], *, on: bool) -> None:
        """Put on the blacklist or take off, and remember what is told of it."""
        with self.contacts.db.transaction() as session:
            cursor = cursor_of(session)
            cursor.execute(NEWEST)
            (before,) = cursor.fetchone()
            if on:
                blacklist.put(session, self.account_id, numbers, "", "hand")
            else:
                blacklist.lift(session, self.account_id, numbers)
            cursor.execute("SELECT body FROM outbox_0 WHERE id > %s ORDER BY id", (before,))
            self.events += [
                SuppressionChanged.from_data(wire.decode(bytes(body)).data) for (body,) in cursor.fetchall()
            ]

    def deliver(self, event: SuppressionChanged) -> None:
        with self.dispatcher.transaction() as session:
            suppressions.follow(cursor_of(session), event)

    def fill(self) -> None:
        """As if every account had been silent for a while."""
        with self.dispatcher.transaction() as session:
            cursor_of(session).execute(
                "UPDATE suppression_sequences SET moved_at = now() - interval '1 hour'"
            )
        filling = suppressions.Filling(self.dispatcher.transaction, cursor_of, self.contacts)
        filling.fill_gaps()
        filling.follow_up()

    def wait(self) -> None:
        """A minute goes by."""
        with self.dispatcher.transaction() as session:
            cursor_of(session).execute(
                "UPDATE suppression_sequences SET moved_at = now() - interval '1 minute' WHERE account_id = %s",
                (self.account_id,),
            )

    def blacklisted(self) -> set[int]:
        """As contacts has it."""
        return self._numbers(
            self.contacts.db, "SELECT msisdn FROM suppressions WHERE account_id = %s AND active"
        )

    def copy(self) -> set[int]:
        return self._numbers(self.dispatcher, "SELECT msisdn FROM suppressions WHERE account_id = %s")

    def early(self) -> set[int]:
        return self._numbers(self.dispatcher, "SELECT sequence FROM suppressions_early WHERE account_id = %s")

    def _numbers(self, database: Database, statement: str) -> set[int]:
        with database.transaction() as session:
            cursor = cursor_of(session)
            cursor.execute(statement, (self.account_id,))
            return {number for (number,) in cursor.fetchall()}


@pytest.fixture(scope="module")
def new_pair(module_database: Callable[[str], str]) -> Iterator[Callable[[], Pair]]:
    """Another account, nothing told of it yet."""
    contacts, dispatcher = (
        Database(make_engine(module_database(name), "test", pool_size=1))
        for name in ("contacts", "dispatcher")
    )
    yield lambda: Pair(Contacts(contacts), dispatcher)
    contacts.engine.dispose()
    dispatcher.engine.dispose()


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
