"""What time alone brings, with the clock of the rows put back."""

from __future__ import annotations

from collections import Counter

import pytest

from services.dispatcher import sweeps
from services.dispatcher.domain import State
from tests.integration.dispatcher.tables import PRICE, Tables

pytestmark = pytest.mark.integration

DAY = 86_400
VALIDITY = 172_800


def age(tables: Tables, seconds: int) -> None:
    """Everything was accepted, submitted and doubted so much earlier."""
    tables.sql(
        "UPDATE chunks SET accepted_at = accepted_at - make_interval(secs => %s),"
        " look_at = look_at - make_interval(secs => %s)", seconds, seconds,
    )  # fmt: skip
    tables.sql("UPDATE messages SET submitted_at = submitted_at - make_interval(secs => %s)", seconds)
    tables.sql("UPDATE doubts SET since = since - make_interval(secs => %s)", seconds)


def submitted(tables: Tables, count: int = 2, parts: int = 1) -> object:
    """Messages that the operator took."""
    taken = tables.taken(tables.accept(count, parts))
    tables.mark(taken, list(range(count)))
    tables.store([tables.submit(taken, n, no=no) for n in range(count) for no in range(1, parts + 1)])
    return taken


def test_silence_past_validity_and_grace_is_an_end(tables: Tables) -> None:
    submitted(tables)
    age(tables, VALIDITY + sweeps.GRACE_SECONDS - 60)
    assert tables.expire() == 0
    age(tables, 120)
    assert tables.expire() == 2
    assert tables.expire() == 0
    assert tables.states() == Counter(expired=2)
    assert tables.sql("SELECT DISTINCT reason FROM messages") == [("no_receipt",)]
    assert tables.told()["expired"] == 2
    assert tables.told()["captured"] == 2 * PRICE


def test_what_was_parked_for_weeks_and_then_sent_is_ended_too(tables: Tables) -> None:
    taken = tables.taken(tables.accept(2))
    tables.mark(taken, [0])
    tables.store([tables.submit(taken, 0)])
    age(tables, 40 * DAY)
    assert tables.expire() == 1
    tables.mark(taken, [1])
    tables.store([tables.submit(taken, 1)])
    age(tables, 2 * sweeps.LOOK_AGAIN_SECONDS)
    assert tables.expire() == 0
    age(tables, VALIDITY + sweeps.GRACE_SECONDS)
    assert tables.expire() == 1
    assert tables.states() == Counter(expired=2)


def test_a_chunk_with_nothing_open_is_never_looked_at_again(tables: Tables) -> None:
    taken = tables.taken(tables.accept(2))
    tables.mark(taken, [0, 1])
    tables.store([tables.submit(taken, n) for n in (0, 1)])
    tables.store(receipts=[tables.receipt(taken, n) for n in (0, 1)])
    age(tables, VALIDITY + DAY)
    assert tables.expire() == 0
    assert tables.sql("SELECT look_at FROM chunks") == [(None,)]


def test_a_receipt_that_comes_after_the_end_changes_nothing(tables: Tables) -> None:
    taken = tables.taken(tables.accept(1))
    tables.mark(taken, [0])
    tables.store([tables.submit(taken, 0)])
    age(tables, VALIDITY + DAY)
    tables.expire()
    tables.store(receipts=[tables.receipt(taken, 0)])
    assert tables.states() == Counter(expired=1)
    assert tables.told()["delivered"] == 0


def test_doubt_without_proof_is_paid_back_after_another_day_and_stays_doubt(tables: Tables) -> None:
    taken = tables.taken(tables.accept(2, parts=2))
    tables.mark(taken, [0, 1])
    tables.store([tables.submit(taken, n, State.UNCERTAIN, no) for n in (0, 1) for no in (1, 2)])
    age(tables, VALIDITY + sweeps.DOUBT_SECONDS - 60)
    tables.expire()
    assert tables.told()["released"] == 0
    age(tables, 120)
    tables.expire()
    tables.expire()
    assert tables.told()["released"] == 4 * PRICE
    assert tables.states() == Counter(uncertain=2)
    assert not tables.sql("SELECT 1 FROM doubts")


def test_a_receipt_that_overtook_its_answer_finds_it(tables: Tables) -> None:
    taken = tables.taken(tables.accept(1))
    tables.mark(taken, [0])
    tables.store(receipts=[tables.receipt(taken, 0)] * 2)
    assert tables.rejoin() == 0
    tables.store([tables.submit(taken, 0)])
    assert tables.states() == Counter(submitted=1)
    assert tables.rejoin() == 2
    assert tables.states() == Counter(delivered=1)
    assert tables.told()["delivered"] == 1
    assert not tables.sql("SELECT 1 FROM receipts_waiting")


def test_the_latest_submit_owns_an_id_that_an_operator_used_again(tables: Tables) -> None:
    for _ in range(2):
        taken = tables.taken(tables.accept(1))
        tables.mark(taken, [0])
        tables.store([tables.submit(taken, 0, smsc_id="1")])
    tables.store(receipts=[tables.receipt(taken, 0, smsc_id="1")])
    assert tables.sql("SELECT state FROM messages ORDER BY id") == [(State.SUBMITTED,), (State.DELIVERED,)]


def test_a_receipt_proves_nothing_when_two_messages_are_in_doubt(tables: Tables) -> None:
    for _ in range(2):
        taken = tables.taken(tables.accept(1, number="306900000009"))
        tables.mark(taken, [0])
        tables.store([tables.submit(taken, 0, State.UNCERTAIN)])
    tables.store(receipts=[tables.receipt(taken, 0)])
    assert tables.rejoin() == 0
    assert tables.states() == Counter(uncertain=2)


def test_receipts_and_cancels_that_nobody_needs_any_more_are_dropped(tables: Tables) -> None:
    taken = tables.taken(tables.accept(1))
    tables.store(receipts=[tables.receipt(taken, 0)])
    tables.cancel(taken.rows[0].id)
    tables.expire()
    assert (
        tables.sql("SELECT count(*) FROM receipts_waiting")
        == tables.sql("SELECT count(*) FROM cancels")
        == [(1,)]
    )
    tables.sql("UPDATE receipts_waiting SET received_at = now() - interval '4 days'")
    tables.sql("UPDATE cancels SET cancelled_at = now() - interval '31 days'")
    tables.expire()
    assert (
        tables.sql("SELECT count(*) FROM receipts_waiting")
        == tables.sql("SELECT count(*) FROM cancels")
        == [(0,)]
    )


def test_only_one_replica_expires_at_a_time(tables: Tables) -> None:
    submitted(tables)
    age(tables, VALIDITY + DAY)
    with tables.another() as cursor:
        assert sweeps.expire(cursor, tables.cache) == 2
        assert tables.expire() == 0
    assert tables.told()["expired"] == 2
