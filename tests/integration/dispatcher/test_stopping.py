"""Pause, resume, cancel and opt-outs, while messages are leaving."""

from __future__ import annotations

from collections import Counter

import psycopg2
import pytest

from services.dispatcher import stops, unsent
from services.dispatcher.errors import MessageLeft, UnknownMessage
from services.dispatcher.progress import ChunkCache, Progress
from tests.support.dataplane import Dataplane
from tests.support.waiting import eventually


def order(plane: Dataplane, version: int, state: str, campaign_id: int = 1) -> None:
    connection = psycopg2.connect(plane.database_url)
    with connection, connection.cursor() as cursor:
        stops.set_stop(cursor, campaign_id, version, state, ChunkCache())
    connection.close()


def slow(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm")
    plane.prepare(window=40, parts_per_second=200)
    plane.start_all()


def test_a_paused_campaign_stops_and_goes_on_where_it_stopped(plane: Dataplane) -> None:
    slow(plane)
    for _ in range(2):
        plane.send_chunk(500)
    plane.smsc.wait(rok=150)
    order(plane, 1, "paused")
    eventually(
        lambda: not plane.sql("SELECT 1 FROM batches WHERE state = 'queued'"), 10, what="all batches parked"
    )
    sent = plane.smsc.stats()["rok"]
    assert sent < 600
    other = plane.send_chunk(100, campaign_id=2)
    eventually(lambda: plane.smsc.stats()["rok"] == sent + 100, 10, what="the other campaign goes on")
    assert other
    order(plane, 2, "running")
    assert plane.wait_final(1_100) == Counter(delivered=1_100)
    stats = plane.smsc.stats()
    assert stats["rok"] == stats["distinct"] == 1_100


def test_a_cancelled_campaign_gives_back_what_did_not_leave(plane: Dataplane) -> None:
    slow(plane)
    chunks = [plane.send_chunk(500) for _ in range(2)]
    plane.smsc.wait(rok=150)
    order(plane, 1, "cancelled")
    states = plane.wait_final(1_000)
    assert states.keys() == {"delivered", "cancelled"}
    assert plane.smsc.stats()["rok"] == states["delivered"]
    told = [plane.progress()[chunk.hold_id] for chunk in chunks]
    assert sum(t["captured"] for t in told) == states["delivered"] * 40_000
    assert sum(t["released"] for t in told) == states["cancelled"] * 40_000
    assert all(t["left"] == 500 for t in told)


def test_an_older_order_does_not_undo_a_newer_one(plane: Dataplane) -> None:
    plane.prepare()
    order(plane, 5, "paused")
    order(plane, 4, "running")
    assert plane.sql("SELECT state, version FROM stops") == [("paused", 5)]


def test_a_number_blocked_while_its_message_waits_is_not_sent(plane: Dataplane) -> None:
    slow(plane)
    chunk = plane.send_chunk(500)
    last = [row[0] for row in chunk.messages[-20:]]
    plane.smsc.wait(rok=50)
    plane.sql("INSERT INTO suppressions SELECT 7, unnest(%s::bigint[])", last)
    states = plane.wait_final(500)
    assert states == Counter(delivered=480, blocked=20)
    assert not {m.destination for m in plane.smsc.messages()} & set(last)
    assert plane.progress()[chunk.hold_id]["released"] == 20 * 40_000


def test_one_message_cancelled_while_it_waits_is_not_sent(plane: Dataplane) -> None:
    slow(plane)
    chunk = plane.send_chunk(500)
    plane.smsc.wait(rok=50)
    first, last = plane.sql("SELECT min(id), max(id) FROM messages")[0]
    connection = psycopg2.connect(plane.database_url)
    with connection, connection.cursor() as cursor:
        progress = Progress()
        unsent.cancel_message(cursor, 7, last, progress)
        progress.tell(cursor, ChunkCache())
        with pytest.raises(MessageLeft):
            unsent.cancel_message(cursor, 7, first, progress)
        with pytest.raises(UnknownMessage):
            unsent.cancel_message(cursor, 8, last, progress)
    connection.close()
    assert plane.wait_final(500) == Counter(delivered=499, cancelled=1)
    assert plane.smsc.stats()["rok"] == 499
    assert plane.progress()[chunk.hold_id]["released"] == 40_000


def test_messages_for_a_connector_that_is_switched_off_wait_for_it(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm")
    plane.prepare()
    plane.sql("UPDATE connectors SET enabled = false, version = version + 1")
    plane.start_all()
    plane.send_chunk(20)
    eventually(lambda: plane.states()["queued"] == 20, 20, what="accepted, and waiting")
    plane.sql("UPDATE connectors SET enabled = true, version = version + 1")
    assert plane.wait_final(20) == Counter(delivered=20)
