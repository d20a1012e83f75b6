"""What was captured is booked as sold, once, in whatever order it is told: the margin stands on it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.events import ChunkProgress, Sale
from servicekit import inbox
from servicekit.database import Database, cursor_of
from services.billing import checking, domain, ledger, use_cases
from services.billing.domain import Settlement
from services.billing.errors import OverSettled
from tests.integration.billing.support import hold, topup

pytestmark = pytest.mark.integration

ATHENS = "Europe/Athens"
_accounts = itertools.count(7_000_000)


@dataclass
class Event:
    """What the dispatcher tells, under an id of its own."""

    chunks: list[ChunkProgress]
    sold: list[Sale]
    id: str


def event(chunks: list[ChunkProgress], *sold: Sale) -> Event:
    return Event(chunks, list(sold), uuid4().hex)


def deliver(db: Database, told: Event, zone: str = ATHENS) -> None:
    """As the consumer does it: the inbox and the effect in one transaction."""
    with db.transaction() as session:
        if inbox.first_time(session, "billing.messages_progressed", told.id):
            use_cases.settle(session, told.id, told.chunks, told.sold, zone)


def sales(db: Database, *account_ids: int) -> dict[tuple[Any, ...], tuple[int, int]]:
    """(parts, captured) by (account, connector, destination)."""
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(
            "SELECT account_id, connector, destination, parts, captured FROM sales WHERE account_id = ANY(%s)",
            (list(account_ids),),
        )
        return {row[:3]: row[3:] for row in cursor.fetchall()}


def chunk(db: Database, account_id: int, parts: int, captured: int) -> ChunkProgress:
    """What a hold of its own captured."""
    id_ = hold(db, account_id, captured)
    assert id_
    return ChunkProgress(id_, account_id, captured_parts=parts, captured=captured)


def check(db: Database) -> dict[str, Any]:
    with db.transaction() as session:
        return checking.check(session)


def test_an_event_s_sales_are_booked_with_its_money_and_once(db: Database, account_id: int) -> None:
    topup(db, account_id, 1_000)
    told = event([chunk(db, account_id, 3, 130)], Sale(account_id, "sim", "30697", 2, 90))

    for _ in range(3):
        deliver(db, told)

    assert sales(db, account_id) == {
        (account_id, "sim", "30697"): (2, 90),
        (account_id, "", ""): (1, 40),
    }
    assert check(db)["sales_match"]


def test_an_event_that_is_refused_sold_nothing(db: Database, account_id: int) -> None:
    topup(db, account_id, 1_000)
    good = chunk(db, account_id, 1, 100)
    beyond = ChunkProgress(good.hold_id, account_id, captured_parts=2, captured=101)

    with pytest.raises(OverSettled):
        deliver(db, event([beyond], Sale(account_id, "sim", "30697", 2, 101)))

    assert sales(db, account_id) == {}


def test_parts_that_were_free_are_sold_too(db: Database, account_id: int) -> None:
    topup(db, account_id, 1)
    free = ChunkProgress("free", account_id, captured_parts=2)

    deliver(db, event([free], Sale(account_id, "sim", "30697", 2, 0)))

    assert sales(db, account_id) == {(account_id, "sim", "30697"): (2, 0)}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_day_is_the_operators(db: Database, account_id: int, zone: str) -> None:
    topup(db, account_id, 1_000)
    before = datetime.now(UTC)
    deliver(db, event([chunk(db, account_id, 1, 45)]), zone)

    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute("SELECT day FROM sales WHERE account_id = %s", (account_id,))
        ((day,),) = cursor.fetchall()
    assert day in {moment.astimezone(ZoneInfo(zone)).date() for moment in (before, datetime.now(UTC))}


def test_the_check_finds_sales_that_are_not_what_was_captured(db: Database, account_id: int) -> None:
    topup(db, account_id, 1_000)
    deliver(db, event([chunk(db, account_id, 1, 45)], Sale(account_id, "sim", "30697", 1, 45)))
    assert check(db)["right"]

    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute("UPDATE sales SET captured = 44 WHERE account_id = %s", (account_id,))
        changed = checking.check(session)
        cursor.execute("DELETE FROM sales WHERE account_id = %s", (account_id,))
        lost = checking.check(session)
        session.rollback()

    for found in (changed, lost):
        assert (found["right"], found["sales_match"], found["wrong"]) == (False, False, [account_id])


def test_what_the_release_before_captured_need_not_be_sold(db: Database, account_id: int) -> None:
    topup(db, account_id, 1_000)
    old = Settlement(chunk(db, account_id, 1, 45).hold_id, account_id, 45, 0)
    with db.transaction() as session:
        ledger.settle_holds(session, [old])
        (entry,) = domain.settlement_entries(uuid4().hex, [old])
        del entry.details["sales"]
        ledger.post(session, [entry])
    deliver(db, event([chunk(db, account_id, 2, 90)]))

    assert check(db)["sales_match"]
    assert sales(db, account_id) == {(account_id, "", ""): (2, 90)}


def test_many_at_once_over_the_same_accounts_neither_wait_for_each_other_nor_lose_a_part(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    accounts = [new_account_id() for _ in range(4)]
    for account_id in accounts:
        topup(db, account_id, 100_000)
    events = []
    for turn in range(24):
        order = accounts if turn % 2 else accounts[::-1]
        chunks = [chunk(db, account_id, 2, 90) for account_id in order]
        ways = [Sale(a, name, "30697", 1, 45) for a in order for name in ("one", "two")]
        events.append(event(chunks, *(ways if turn % 3 else ways[::-1])))

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(deliver, db, told) for told in events]:
            done.result()

    expected = {(a, name, "30697"): (24, 24 * 45) for a in accounts for name in ("one", "two")}
    found = sales(db, *accounts)
    assert {key: value for key, value in found.items() if any(value)} == expected


ways = st.tuples(st.sampled_from(["sim", "other"]), st.sampled_from(["30697", "30694", "49151"]))
told_parts = st.lists(st.tuples(ways, st.integers(0, 3), st.integers(0, 50)), max_size=4)
# What a chunk captured, and what of it its event tells: all, a part, or nothing as an earlier release.
stories = st.lists(
    st.tuples(st.integers(0, 1), told_parts, st.integers(0, 5), st.integers(0, 60)), min_size=1, max_size=5
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories, data=st.data())
def test_any_order_of_any_deliveries_gives_the_same_sales_and_they_are_the_captures(
    db: Database, story: list[Any], data: st.DataObject
) -> None:
    accounts = [next(_accounts), next(_accounts)]
    for account_id in accounts:
        topup(db, account_id, 10_000)
    expected: Counter[tuple[Any, ...]] = Counter()
    events = []
    for who, told, more_parts, more in story:
        account_id = accounts[who]
        parts, captured = more_parts + sum(t[1] for t in told), more + sum(t[2] for t in told)
        events.append(
            event([chunk(db, account_id, parts, captured)], *(Sale(account_id, *w, p, c) for w, p, c in told))
        )
        expected[account_id, "", ""] += more
        for way, _, price in told:
            expected[account_id, *way] += price

    for told in data.draw(st.permutations(events * 2)):
        deliver(db, told)

    found = {key: captured for key, (_, captured) in sales(db, *accounts).items() if captured}
    assert found == {key: captured for key, captured in expected.items() if captured}
    assert check(db)["sales_match"]
