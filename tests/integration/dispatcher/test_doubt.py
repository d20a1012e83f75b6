"""Kills, freezes, silence: nobody gets a message twice, nobody is forgotten, doubt is bounded and resolved by proof."""

from __future__ import annotations

import os
import signal

from tests.support.dataplane import Dataplane
from tests.support.waiting import eventually

WINDOW = 50


def check_nobody_twice_nobody_forgotten(plane: Dataplane, count: int, doubt: int) -> None:
    """Compare what the simulator answered ESME_ROK with what the database says."""
    states = plane.wait_final(count)
    assert states["uncertain"] <= doubt
    taken = [line["to"] for line in plane.smsc.received() if line["command_status"] == 0]
    assert len(taken) == len(set(taken)), "somebody got it twice"
    unknown = {r for (r,) in plane.sql("SELECT recipient::text FROM messages WHERE state = 9")}
    known = {r for (r,) in plane.sql("SELECT recipient::text FROM messages WHERE state = 3")}
    assert known <= set(taken) <= known | unknown


def prepare(plane: Dataplane, chunks: int = 4) -> int:
    plane.smsc.faults(preset="calm", latency_ms={"min": 5, "max": 20})
    plane.prepare(window=WINDOW)
    plane.start_all()
    for _ in range(chunks):
        plane.send_chunk(500)
    plane.smsc.wait(rok=300)
    return chunks * 500


def test_a_killed_sender_leaves_at_most_one_window_in_doubt(plane: Dataplane) -> None:
    count = prepare(plane)
    plane.kill("sender")
    plane.start_sender("sender-2")
    check_nobody_twice_nobody_forgotten(plane, count, WINDOW)


def test_of_two_senders_one_is_killed_and_the_other_goes_on(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm", latency_ms={"min": 5, "max": 20})
    plane.prepare(window=WINDOW)
    plane.start_all()
    plane.start_sender("sender-2")
    plane.smsc.wait(binds=2)
    for _ in range(4):
        plane.send_chunk(500)
    plane.smsc.wait(rok=300)
    plane.kill("sender")
    check_nobody_twice_nobody_forgotten(plane, 2_000, WINDOW)


def test_a_sender_frozen_past_its_lease_and_woken_sends_nothing_twice(plane: Dataplane) -> None:
    count = prepare(plane)
    os.kill(plane.processes["sender"].pid, signal.SIGSTOP)
    plane.start_sender("sender-2")
    eventually(
        lambda: not plane.sql("SELECT 1 FROM batches WHERE owner = 'sender'"),
        30,
        what="the second sender takes over",
    )
    os.kill(plane.processes["sender"].pid, signal.SIGCONT)
    check_nobody_twice_nobody_forgotten(plane, count, WINDOW)


def test_a_stopped_sender_leaves_no_doubt(plane: Dataplane) -> None:
    count = prepare(plane)
    assert plane.stop("sender") == 0
    assert plane.smsc.stats()["binds"] == []
    plane.start_sender("sender-2")
    check_nobody_twice_nobody_forgotten(plane, count, 0)


def test_a_dropped_connection_leaves_at_most_a_window_in_doubt(plane: Dataplane) -> None:
    count = prepare(plane)
    plane.smsc.faults(disconnect={"now": True})
    check_nobody_twice_nobody_forgotten(plane, count, WINDOW)


def test_late_answers_resolve_the_doubt_that_their_absence_made(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm", latency_ms={"min": 2500, "max": 3000})
    plane.prepare(window=WINDOW, response_timeout=1)
    plane.start_all()
    plane.send_chunk(60)
    eventually(lambda: plane.states()["uncertain"] > 0, 30, what="doubt")
    eventually(lambda: plane.states()["delivered"] == 60, 30, what="proof")
    told = next(iter(plane.progress().values()))
    assert told["captured"] == 60 * 40_000
    assert told["uncertain"] == 0


def test_a_receipt_proves_a_part_whose_answer_was_lost(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm", drop={"next": 5})
    plane.prepare(window=WINDOW, response_timeout=1)
    plane.start_all()
    plane.send_chunk(40)
    eventually(lambda: plane.states()["delivered"] == 40, 30, what="receipts prove what was taken")
    told = next(iter(plane.progress().values()))
    assert told["captured"] == 40 * 40_000
    assert told["uncertain"] == 0
    assert not plane.sql("SELECT 1 FROM doubts")


def test_receipts_prove_all_doubtful_parts_of_a_long_message(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm", drop={"next": 6})
    plane.prepare(window=WINDOW, response_timeout=1)
    plane.start_all()
    plane.send_chunk(20, text="Αριθμός {n}. " + "Μακρύ μήνυμα σε πολλά μέρη. " * 6, parts=3)
    eventually(lambda: plane.states()["delivered"] == 20, 30, what="every part is proved")
    told = next(iter(plane.progress().values()))
    assert told["captured"] == 20 * 3 * 40_000
    assert told["uncertain"] == 0
    assert not plane.sql("SELECT 1 FROM doubts")
