"""Lanes and connectors at work: who goes first, and what a change or a switch-off does to what is on its way."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.support.dataplane import Dataplane
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


def busy(plane: Dataplane) -> None:
    """An operator who takes 40 ms for each answer: 500 messages a second."""
    answering_after(plane, 40)
    plane.prepare(window=20)
    plane.start_all()


def answering_after(plane: Dataplane, milliseconds: int) -> None:
    """The operator takes so long for each answer from now on."""
    plane.smsc.faults(preset="calm", latency_ms={"min": milliseconds, "max": milliseconds})


def order_of_arrival(plane: Dataplane, urgent: set[str]) -> list[bool]:
    """Whether each message that came was an urgent one, in the order they came."""
    return [line["to"] in urgent for line in plane.smsc.received() if line["command_status"] == 0]


def test_the_priority_lane_goes_first_and_leaves_bulk_its_share(plane: Dataplane) -> None:
    busy(plane)
    for _ in range(2):
        plane.send_chunk(500)
    plane.smsc.wait(rok=100)
    answering_after(plane, 500)  # until the urgent ones are there, however long that takes
    urgent = plane.send_chunk(300, kind="transactional", lane="priority")
    eventually(lambda: plane.states().total() == 1_300, 15, what="the urgent ones accepted")
    answering_after(plane, 40)
    plane.wait_final(1_300, 60)
    came = order_of_arrival(plane, {row[0] for row in urgent.messages})
    first, last = came.index(True), len(came) - came[::-1].index(True)
    assert last < 900, "urgent messages do not wait for the bulk before them"
    share = sum(came[first:last]) / (last - first)
    assert 0.5 < share <= 0.9, "nor do they keep all of it waiting"


def test_a_single_urgent_message_does_not_wait_for_a_campaign(plane: Dataplane) -> None:
    busy(plane)
    for _ in range(2):
        plane.send_chunk(500)
    plane.smsc.wait(rok=100)
    answering_after(plane, 500)  # the campaign has 20 seconds to go
    urgent = plane.send_chunk(1, kind="transactional", lane="priority")
    eventually(
        lambda: plane.sql(
            "SELECT 1 FROM messages WHERE recipient = %s AND state = 3", int(urgent.messages[0][0])
        ),
        15,
        what="the urgent one",
    )
    assert plane.smsc.stats()["rok"] < 900
    answering_after(plane, 40)
    assert plane.wait_final(1_001, 60) == Counter(delivered=1_001)


def change(plane: Dataplane, **values: Any) -> None:
    """What the operator's PATCH does."""
    names = ", ".join(f'"{name}" = %s' for name in values)
    plane.sql(f"UPDATE connectors SET {names}, version = version + 1", *values.values())


def connections(plane: Dataplane) -> list[int]:
    """The connections that are bound now."""
    return [bind["connection"] for bind in plane.smsc.stats()["binds"]]


def test_a_changed_connector_binds_anew_and_loses_nothing(plane: Dataplane) -> None:
    busy(plane)
    for _ in range(4):
        plane.send_chunk(250)
    plane.smsc.wait(rok=100)
    (before,) = connections(plane)
    change(plane, window=40)
    eventually(lambda: connections(plane) not in ([], [before]), 15, what="a new bind")
    assert plane.wait_final(1_000, 60) == Counter(delivered=1_000)
    stats = plane.smsc.stats()
    assert stats["rok"] == stats["distinct"] == 1_000


def test_the_batches_of_a_connector_that_is_switched_off_wait_and_go_on(plane: Dataplane) -> None:
    busy(plane)
    for _ in range(4):
        plane.send_chunk(250)
    plane.smsc.wait(rok=100)
    answering_after(plane, 500)  # 20 seconds to go
    change(plane, enabled=False)
    eventually(lambda: not plane.smsc.stats()["binds"], 15, what="the bind to end")
    answering_after(plane, 40)
    assert 0 < plane.smsc.stats()["rok"] < 1_000
    assert plane.sql("SELECT 1 FROM batches")
    change(plane, enabled=True)
    assert plane.wait_final(1_000, 60) == Counter(delivered=1_000)
    assert plane.smsc.stats()["rok"] == plane.smsc.stats()["distinct"] == 1_000


def test_a_host_that_does_not_resolve_leaves_the_others_alone(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm")
    plane.prepare()
    plane.sql(
        "INSERT INTO connectors (name, host, port, system_id, password)"
        " SELECT 'lost', 'no-such-host.invalid', 2775, 'x', password FROM connectors"
    )
    plane.start_all()
    plane.send_chunk(50)
    assert plane.wait_final(50) == Counter(delivered=50)
    ((state, reason),) = eventually(
        lambda: plane.sql(
            "SELECT b.state, b.reason FROM binds b JOIN connectors c ON c.id = b.connector_id WHERE c.name = 'lost'"
        )
    )
    assert state == "down"
    assert "connect" in reason


def test_passing_errors_hold_nobody_up_and_everything_arrives(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm", errors={"ESME_RSYSERR": 0.05, "ESME_RMSGQFUL": 0.05}, error_times=1)
    plane.prepare(window=50)
    plane.start_all()
    plane.send_chunk(500)
    assert plane.wait_final(500) == Counter(delivered=500)
    assert sum(plane.smsc.stats()["refused"].values()) > 10
    refused_last = max(n for n, line in enumerate(plane.smsc.received()) if line["command_status"] != 0)
    assert refused_last < 550, "the first tries of all come before the second tries of some"
