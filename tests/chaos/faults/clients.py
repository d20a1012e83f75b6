"""What clients do in the middle: opt-outs, a pause and its end, a cancel."""

from __future__ import annotations

import time

from ..case import Case
from ..evidence import OptOut, Pause
from ..points import Fired, NotFired
from ..rig import TooLate, wait
from .fault import Fault

OPT_OUTS = 500
PAUSED_SECONDS = 5.0


def _opt_out(case: Case) -> Fired:
    """Every seventh recipient of A; B, who sends to the same numbers, goes on."""
    sending = case.sending("A")
    numbers = sorted(sending.recipients)[::7][:OPT_OUTS]
    at = case.now()
    case.api("A").post("/blacklist", {"numbers": numbers, "reason": "chaos"})
    case.opt_outs.append(OptOut(sending.sender, frozenset(numbers), case.now()))
    case.stoppable("A", frozenset(numbers))
    return Fired(at)


def _some_blocked(case: Case) -> None:
    sending = case.sending("A")
    blocked = "SELECT count(*) FROM messages WHERE account_id = %s AND sender = %s AND state = 7"
    try:
        wait(
            lambda: case.stack.sql("dispatcher", blocked, sending.account_id, sending.sender)[0][0],
            30,
            "one blocked",
        )
    except TooLate:
        case.complaints.append("every opt-out came too late to stop anything")


def _pause(case: Case) -> Fired:
    """A is paused for some seconds, B goes on."""
    sending = case.sending("A")
    at = case.now()
    case.api("A").post(f"/campaigns/{sending.campaign_id}/pause")
    paused = case.now()
    time.sleep(PAUSED_SECONDS)
    state = case.api("A").get(f"/campaigns/{sending.campaign_id}")["state"]
    if state != "paused":
        raise NotFired(f"the campaign is {state}")
    case.pauses.append(Pause(sending.sender, paused, case.now()))
    case.api("A").post(f"/campaigns/{sending.campaign_id}/resume")
    return Fired(at)


FAULTS = (
    Fault(
        "opt-outs", "500 recipients of one tenant opt out", _opt_out, after=_some_blocked, fresh_tenants=True
    ),
    Fault("pause", "one tenant pauses for 5 s and goes on", _pause, seconds=12.0),
)
