"""Two hands on the same rows at the same time, and hands that let go in the middle."""

from __future__ import annotations

import threading
from collections import Counter

import psycopg2
import pytest

from services.dispatcher import unsent
from services.dispatcher.domain import State
from services.dispatcher.outcomes import Finished
from services.dispatcher.progress import ChunkCache, Progress
from services.dispatcher.sending import batches
from services.dispatcher.sending.batches import Refusal
from tests.integration.dispatcher.tables import ACCOUNT, PRICE, Tables
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


def test_a_campaign_resumed_before_its_batch_was_parked_goes_on(tables: Tables) -> None:
    batch_id = tables.accept()
    campaign_id = tables.campaign_of(batch_id)
    taken = tables.taken(batch_id)
    tables.stop(campaign_id, 1, "paused")
    assert tables.mark(taken, [0, 1]).stop == "paused"
    tables.stop(campaign_id, 2, "running")
    assert tables.stop_batch(taken)
    assert tables.sql("SELECT state, owner FROM batches") == [("queued", None)]
    assert tables.orders(batch_id) == [1, 2]
    assert tables.taken(batch_id).todo == [0, 1, 2, 3]


def test_a_campaign_cancelled_before_its_batch_was_parked_is_ended(tables: Tables) -> None:
    batch_id = tables.accept()
    campaign_id = tables.campaign_of(batch_id)
    taken = tables.taken(batch_id)
    tables.stop(campaign_id, 1, "paused")
    assert tables.mark(taken, [0, 1]).stop == "paused"
    tables.stop(campaign_id, 2, "cancelled")
    assert tables.stop_batch(taken)
    assert tables.states() == Counter(cancelled=4)


@pytest.mark.parametrize(
    ("order", "then"), [("running", "queued"), ("cancelled", None), ("paused", "parked")]
)
def test_a_stop_that_changes_while_its_batch_is_being_taken_is_obeyed(
    tables: Tables, order: str, then: str | None
) -> None:
    batch_id = tables.accept()
    campaign_id = tables.campaign_of(batch_id)
    tables.stop(campaign_id, 1, "paused")
    changed = threading.Event()

    def change() -> None:
        with tables.another() as cursor:
            cursor.execute(
                "UPDATE stops SET state = %s, version = 2 WHERE campaign_id = %s", (order, campaign_id)
            )
            changed.set()
            eventually(lambda: waiting_for_a_lock(tables.url), what="the taker waits for the stop")

    other = threading.Thread(target=change)
    other.start()
    changed.wait(10)
    assert tables.take(batch_id) is Refusal.PARKED
    other.join()
    assert [state for (state,) in tables.sql("SELECT state FROM batches")] == ([then] if then else [])


def test_a_campaign_cancelled_after_its_sender_died_leaves_nobody_queued(tables: Tables) -> None:
    batch_id = tables.accept()
    taken = tables.taken(batch_id)
    tables.mark(taken, [0, 1])
    tables.store(submits=[tables.submit(taken, 0)])
    tables.end_leases()
    tables.stop(tables.campaign_of(batch_id), 1, "cancelled")
    assert tables.states() == Counter(submitted=1, uncertain=1, cancelled=2)
    told = tables.told()
    assert told["left"] == told["accepted"] == 4
    assert (told["captured"], told["released"]) == (PRICE, 2 * PRICE)
    assert len(tables.sql("SELECT 1 FROM doubts")) == 1


def test_a_message_cancelled_while_its_mark_waits_for_the_row_is_not_sent(tables: Tables) -> None:
    batch_id = tables.accept()
    taken = tables.taken(batch_id)
    found: list[batches.Mark] = []

    def mark() -> None:
        with tables.another() as cursor:
            found.append(batches.mark(cursor, taken, [0, 1], ChunkCache()))

    with tables.cursor() as cursor:
        progress = Progress()
        unsent.cancel_message(cursor, ACCOUNT, taken.rows[1].id, progress)
        marker = threading.Thread(target=mark)
        marker.start()
        eventually(lambda: waiting_for_a_lock(tables.url), what="the mark waits for the row")
        progress.tell(cursor, ChunkCache())
    marker.join()
    assert found[0].blocked == {1}


def test_the_other_parts_of_a_refused_message_are_not_forgotten_with_their_sender(tables: Tables) -> None:
    taken = tables.taken(tables.accept(count=1, parts=3))
    tables.mark(taken, [0])
    tables.store(submits=[tables.submit(taken, 0, State.REJECTED, 1)])
    tables.end_leases()
    again = tables.taken(taken.batch_id, "two")
    assert again.todo == []
    tables.store(finished=[Finished(again.batch_id, again.epoch)])
    assert tables.states() == Counter(rejected=1)
    assert tables.told()["released"] == PRICE
    tables.sql("UPDATE doubts SET since = since - interval '30 days'")
    tables.expire()
    assert tables.told()["released"] == 3 * PRICE


def test_a_proof_that_comes_after_the_price_was_given_back_is_not_billed(tables: Tables) -> None:
    taken = tables.taken(tables.accept(count=1))
    tables.mark(taken, [0])
    tables.store(submits=[tables.submit(taken, 0, State.UNCERTAIN)])
    tables.sql("UPDATE doubts SET since = since - interval '30 days'")
    tables.expire()
    tables.store(submits=[tables.submit(taken, 0)], receipts=[tables.receipt(taken, 0)])
    assert tables.states() == Counter(delivered=1)
    told = tables.told()
    assert (told["captured"], told["released"]) == (0, PRICE)


def test_batches_of_a_switched_off_connector_are_ordered_when_their_campaign_resumes(tables: Tables) -> None:
    batch_id = tables.accept()
    campaign_id = tables.campaign_of(batch_id)
    tables.stop(campaign_id, 1, "paused")
    assert tables.take(batch_id) is Refusal.PARKED
    tables.sql("UPDATE connectors SET enabled = false")
    tables.stop(campaign_id, 2, "running")
    assert tables.orders(batch_id) == [1, 2]


def test_a_lease_is_renewed_only_for_what_is_in_hand(tables: Tables) -> None:
    forgotten, held = tables.accept(), tables.accept()
    tables.taken(forgotten)
    tables.taken(held)
    tables.end_leases()
    with tables.cursor() as cursor:
        batches.renew(cursor, "one", [held])
        assert batches.order_abandoned(cursor) == 1
    assert isinstance(tables.take(forgotten, "two"), batches.Taken)
    assert tables.take(held, "two") is Refusal.LEASED


def test_a_batch_taken_again_and_again_without_progress_is_given_up(tables: Tables) -> None:
    batch_id = tables.accept()
    tables.stop(tables.campaign_of(batch_id), 1, "running")
    for _ in range(batches.MAX_TAKES):
        tables.taken(batch_id)
    assert tables.take(batch_id) is Refusal.PARKED
    assert tables.states() == Counter(cancelled=4)
    assert tables.sql("SELECT DISTINCT reason FROM messages") == [("took_too_often",)]


def test_a_lost_batch_can_be_neither_marked_nor_given_back_nor_finished(tables: Tables) -> None:
    batch_id = tables.accept()
    old = tables.taken(batch_id)
    tables.end_leases()
    new = tables.taken(batch_id, "two")
    assert not tables.mark(old, [0]).ours
    assert not tables.give_back(old, [0])
    assert not tables.stop_batch(old)
    tables.store(finished=[Finished(batch_id, old.epoch)])
    assert tables.generation(batch_id) == 1
    assert tables.mark(new, [0]).ours


def waiting_for_a_lock(url: str) -> bool:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"
            )
            row = cursor.fetchone()
            return bool(row and row[0])
    finally:
        connection.close()
