"""The sender killed at each of its points, one of two killed, one of two frozen past its lease and woken."""

from __future__ import annotations

import os
import signal
import time

from servicekit.crashpoints import Order

from ..case import Case
from ..points import Fired, NotFired
from .fault import FIRE_SECONDS, Fault, kill

# A sender's leases last 6 s, and a second later its batches are ordered again.
FROZEN_SECONDS = 12.0


def _kill(point: str, about: str, times: int) -> Fault:
    return kill("sender", f"sender.{point}", about, doubt_windows=1, times=times)


def _two(case: Case) -> None:
    case.memory["second"] = case.things.enter_context(case.rig.second_sender())


def _one_of_two(case: Case) -> Fired:
    pid = case.rig.pid("sender")
    case.rig.points.arm("sender.submitted", Order("kill", pid=pid))
    fired = case.rig.points.wait("sender.submitted", FIRE_SECONDS)
    case.expect_start("sender")
    case.rig.came_back("sender", pid)
    return fired


def _freeze(case: Case) -> Fired:
    """It stops with parts on the wire; the other one takes its batches over; then it wakes up and finds itself replaced."""
    pid = case.rig.pid("sender")
    case.rig.points.arm("sender.submitted", Order("stop", pid=pid))
    fired = case.rig.points.wait("sender.submitted", FIRE_SECONDS)
    before = case.stack.smsc.stats()["accepted"]
    time.sleep(FROZEN_SECONDS)
    if _state(pid) != "T":
        raise NotFired(f"the sender (pid {pid}) is not stopped")
    if case.stack.smsc.stats()["accepted"] == before:
        raise NotFired("the second sender took nothing over")
    os.kill(pid, signal.SIGCONT)
    return fired


def _freeze_alone(case: Case) -> Fired:
    pid = case.rig.pid("sender")
    case.rig.points.arm("sender.marked", Order("stop", pid=pid))
    fired = case.rig.points.wait("sender.marked", FIRE_SECONDS)
    time.sleep(FROZEN_SECONDS)
    if _state(pid) != "T":
        raise NotFired(f"the sender (pid {pid}) is not stopped")
    os.kill(pid, signal.SIGCONT)
    return fired


def _wake(case: Case) -> None:
    os.kill(case.rig.pid("sender"), signal.SIGCONT)


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return stat.read().rpartition(")")[2].split()[0]


FAULTS = (
    _kill("marked", "killed after a slice was marked, before it left", 5),
    _kill("submitted", "killed with a slice half on the wire", 5),
    _kill("flushing", "killed with answers stored, before the commit", 5),
    _kill("flushed", "killed after the commit, before receipts were answered", 5),
    Fault(
        "two-senders.one-killed",
        "two senders share the queues, one is killed",
        _one_of_two,
        prepare=_two,
        doubt_windows=1,
    ),
    Fault(
        "two-senders.one-frozen",
        "one of two senders is stopped past its lease and woken",
        _freeze,
        prepare=_two,
        restore=_wake,
        doubt_windows=1,
    ),
    Fault(
        "sender.frozen",
        "the only sender is stopped past its lease and woken",
        _freeze_alone,
        restore=_wake,
        doubt_windows=1,
    ),
)
