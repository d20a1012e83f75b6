"""The simulated operator misbehaves while both campaigns are on the wire."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..case import RECEIPTS_MS, Case
from ..points import Fired, NotFired
from ..rig import TooLate, wait
from .fault import Fault

SEEN_SECONDS = 20.0
LATE_MS = {"min": 4000, "max": 6000}
GIVE_UP_SECONDS = 3
HARD_SECONDS = 4.0


def _seen(case: Case, what: str, has_happened: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until the simulator's counters show it. Raises NotFired."""
    try:
        wait(lambda: has_happened(case.stack.smsc.stats()), SEEN_SECONDS, what)
    except TooLate as late:
        raise NotFired(str(late)) from None


def _drop(case: Case) -> Fired:
    """Twice: once with half an answer on the wire, once with all connections at a time."""
    before = case.stack.smsc.stats()["connections"]
    at = case.now()
    case.behave(disconnect={"after_submits": 20, "mid_pdu": True})
    _seen(case, "bound anew", lambda stats: stats["connections"] > before and bool(stats["binds"]))
    case.behave(disconnect={"now": True})
    _seen(case, "bound anew again", lambda stats: stats["connections"] > before + 1)
    return Fired(at)


def _impatient(case: Case) -> None:
    case.set_connector(response_timeout=GIVE_UP_SECONDS)


def _silent(then: str) -> Callable[[Case], Fired]:
    def strike(case: Case) -> Fired:
        at = case.now()
        before = case.stack.smsc.stats()["rok_dropped"]
        case.behave(silent={"for_s": 2 * HARD_SECONDS, "then": then})
        if then == "answer":
            _seen(case, "answers owed", lambda stats: stats["rok_waiting"] > 0)
        else:
            _seen(case, "answers dropped", lambda stats: stats["rok_dropped"] > before)
        return Fired(at)

    return strike


def _throttle(case: Case) -> Fired:
    at = case.now()
    case.behave(throttle={"every_s": 2 * HARD_SECONDS, "for_ms": 1000 * HARD_SECONDS})
    _seen(case, "throttled", lambda stats: stats["throttled"] > 0)
    time.sleep(HARD_SECONDS)
    case.behave_well()
    return Fired(at)


def _late(case: Case) -> Fired:
    """Answers take longer than the sender waits: first doubt, then proof."""
    at = case.now()
    before = case.stack.smsc.stats()["accepted"]
    case.behave(latency_ms=LATE_MS)
    _seen(case, "submits that are answered late", lambda stats: stats["accepted"] > before)
    time.sleep(2 * HARD_SECONDS)
    case.behave_well()
    return Fired(at)


def _refuse_binds(case: Case) -> Fired:
    """The bind is lost and refused for seconds."""
    at = case.now()
    before = case.stack.smsc.stats()["refused_binds"]
    case.behave(refuse_binds="ESME_RBINDFAIL")
    case.behave(disconnect={"now": True})
    _seen(case, "a bind refused", lambda stats: stats["refused_binds"] > before)
    case.behave_well()
    return Fired(at)


def _odd_receipts(case: Case) -> None:
    case.behave(receipts={"delay_ms": RECEIPTS_MS, "early": 0.5, "duplicate": 0.5, "early_by_ms": 100})


def _odd_receipts_seen(case: Case) -> Fired:
    _seen(case, "receipts before their answers", lambda stats: stats["receipts"]["early"] > 0)
    _seen(case, "receipts twice", lambda stats: stats["receipts"]["duplicated"] > 0)
    return Fired(case.now())


def _well(case: Case) -> None:
    case.behave_well()
    case.set_connector()


FAULTS = (
    Fault(
        "smsc.drops", "the operator drops the connection, in the middle of an answer", _drop, doubt_windows=2
    ),
    Fault(
        "smsc.silent-then-answers",
        "nothing is answered for 8 s, longer than the sender waits; then everything",
        _silent("answer"),
        prepare=_impatient,
        restore=_well,
        doubt_windows=1,
    ),
    Fault(
        "smsc.silent-for-good",
        "what is submitted within 8 s is taken and never answered",
        _silent("drop"),
        prepare=_impatient,
        restore=_well,
        doubt_windows=1,
    ),
    Fault("smsc.throttles", "everything is throttled for 4 s", _throttle, restore=_well),
    Fault(
        "smsc.answers-late",
        "answers take 4 to 6 s, the sender waits 3",
        _late,
        prepare=_impatient,
        restore=_well,
        doubt_windows=1,
    ),
    Fault("smsc.refuses-binds", "the connection ends and binds are refused", _refuse_binds, doubt_windows=1),
    Fault(
        "smsc.odd-receipts",
        "half of the receipts come before their answer, half come twice",
        _odd_receipts_seen,
        prepare=_odd_receipts,
        restore=_well,
    ),
)
