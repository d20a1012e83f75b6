"""Chunks become messages, messages become parts at the operator, receipts become final states."""

from __future__ import annotations

from collections import Counter

from tests.support.dataplane import Dataplane


def test_a_chunk_is_sent_once_and_every_receipt_is_booked(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm")
    plane.prepare()
    plane.start_all()
    chunk = plane.send_chunk(500)
    assert plane.wait_final(500) == Counter(delivered=500)
    texts = {m.destination: m.text for m in plane.smsc.messages()}
    assert texts == {row[0]: row[1] for row in chunk.messages}
    assert plane.smsc.stats()["rok"] == 500
    assert plane.progress()[chunk.hold_id] == Counter(
        accepted=500,
        submitted=500,
        left=500,
        delivered=500,
        captured_parts=500,
        captured=500 * 40_000,
        released=0,
    )


def test_an_operator_as_they_are_ends_every_message(plane: Dataplane) -> None:
    plane.smsc.faults(preset="operator")
    plane.prepare()
    plane.start_all()
    chunks = [plane.send_chunk(500) for _ in range(4)]
    states = plane.wait_final(2_000)
    assert states.keys() <= {"delivered", "undelivered", "expired", "rejected"}
    assert states["delivered"] > 1_800
    stats = plane.smsc.stats()
    assert (
        stats["rok"]
        == stats["distinct"]
        == plane.sql("SELECT count(*) FROM parts WHERE smsc_id IS NOT NULL")[0][0]
    )
    assert not plane.sql("SELECT 1 FROM receipts_waiting")
    for chunk in chunks:
        told = plane.progress()[chunk.hold_id]
        assert told["captured"] + told["released"] == 500 * 40_000
        assert told["left"] == told["accepted"] == 500


def test_long_messages_arrive_whole(plane: Dataplane) -> None:
    plane.smsc.faults(preset="operator")
    plane.prepare(window=20)
    plane.start_all()
    text = "Καλημέρα σας, αριθμός {n}. " + "Μακρύ μήνυμα σε πολλά μέρη. " * 5
    chunk = plane.send_chunk(100, text=text, parts=3)
    plane.wait_final(100)
    refused = {int(r) for (r,) in plane.sql("SELECT recipient FROM messages WHERE reason LIKE 'smsc_%%'")}
    expected = {row[0]: row[1] for row in chunk.messages if int(row[0]) not in refused}
    assert {
        m.destination: m.text for m in plane.smsc.messages() if int(m.destination) not in refused
    } == expected
    told = plane.progress()[chunk.hold_id]
    assert told["captured"] + told["released"] == 100 * 3 * 40_000


def test_a_throttled_connector_sends_everything_in_the_end(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm", parts_per_second=400)
    plane.prepare()
    plane.start_all()
    plane.send_chunk(500)
    assert plane.wait_final(500) == Counter(delivered=500)
    assert plane.smsc.stats()["throttled"] > 0


def test_the_rate_of_a_connector_is_kept(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm", parts_per_second=300)
    plane.prepare(parts_per_second=200)
    plane.start_all()
    plane.send_chunk(500)
    assert plane.wait_final(500) == Counter(delivered=500)
    assert plane.smsc.stats()["throttled"] == 0


def test_a_message_that_no_route_takes_is_rejected_and_paid_back(plane: Dataplane) -> None:
    plane.prepare()
    plane.start_all()
    chunk = plane.send_chunk(2)
    plane.sql("DELETE FROM routes")
    lost = plane.send_chunk(3)
    states = plane.wait_final(5)
    assert states["rejected"] >= 3
    told = plane.progress()
    assert told[lost.hold_id]["released"] == 3 * 40_000
    assert told[chunk.hold_id]["left"] == 2


def test_the_same_chunk_twice_is_sent_once(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm")
    plane.prepare()
    plane.start_all()
    chunk = plane.send_chunk(50)
    plane.publish(chunk)
    plane.wait_final(50)
    plane.send_chunk(1)
    plane.wait_final(51)
    assert plane.smsc.stats()["rok"] == 51


def test_a_text_that_does_not_encode_is_rejected_and_stops_nobody(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm")
    plane.prepare()
    plane.start_all()
    wrong = plane.send_chunk(1, text="Καλημέρα", encoding="gsm")
    longer = plane.send_chunk(1, text="too short for three parts", encoding="gsm", parts=3)
    plane.send_chunk(20)
    assert plane.wait_final(22) == Counter(delivered=20, rejected=2)
    told = plane.progress()
    assert told[wrong.hold_id]["released"] == 40_000
    assert told[longer.hold_id]["released"] == 3 * 40_000
