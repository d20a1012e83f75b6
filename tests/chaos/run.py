"""One fault from beginning to end: rest, two campaigns, the strike, the end that comes by itself, the verdict."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence

import httpx
import pika.exceptions
import psycopg2

from deploy.local.demo.api import Refused
from simulators import client

from . import evidence as collect
from .case import Case
from .checks import EARLIEST, LATEST, Verdict, judge, share_at
from .evidence import Evidence
from .faults.fault import Fault, Skipped
from .points import Fired, NotFired
from .report import Result
from .rig import Rig, TooLate, wait

FINISH_SECONDS = 240.0
REST_SECONDS = 45.0
PROOF_SECONDS = 6.0  # a receipt proves a doubt two seconds after the last one that might, at the next sweep
PAIR = frozenset({"A", "B"})
# What a question answers while something is coming back.
AWAY = (
    OSError,
    psycopg2.Error,
    Refused,
    httpx.HTTPError,
    client.Refused,
    pika.exceptions.AMQPError,
)


def run(fault: Fault, case: Case) -> Result:
    """The fault's line. Never raises for what the fault brings about."""
    began = time.monotonic()
    before = case.rig.starts()
    skipped = ""
    try:
        _strike(fault, case)
    except Skipped as lacking:
        skipped = str(lacking)
    except (NotFired, TooLate) as reason:
        case.complaints.append(str(reason))
    except Exception as error:  # noqa: BLE001  one fault that cannot be made must not hide the others
        traceback.print_exc()
        case.complaints.append(f"{type(error).__name__}: {error}")
    finally:
        _restore(fault, case)
    if skipped:
        return Result(fault.name, fault.about, False, 0.0, 0, 0, 0, 0, time.monotonic() - began, (), skipped)
    _wait_for_the_end(case)
    found = _collect(case, before)
    share = share_at(found, case.fired.at, PAIR) if case.fired else 0.0
    verdict = judge(found, fault.doubt_allowed)
    seconds = round(time.monotonic() - began, 1)
    return _result(fault, verdict, case.fired, share, seconds)


def _strike(fault: Fault, case: Case) -> None:
    rest(case.rig)
    case.stack.smsc.reset()
    case.behave_well()
    fault.prepare(case)
    total = case.begin(max(fault.seconds, case.n / 1500), fault.upstream)
    case.until_share(total)
    case.fired = fault.strike(case)
    fault.after(case)


def _restore(fault: Fault, case: Case) -> None:
    case.rig.points.disarm()
    try:
        fault.restore(case)
        case.things.close()
    except (*AWAY, TooLate) as error:
        case.complaints.append(f"not restored: {type(error).__name__}: {error}")


def _wait_for_the_end(case: Case) -> None:
    """Every campaign finished, then nothing on its way; what does not come is for the checks to say."""
    try:
        wait(lambda: _all_finished(case), FINISH_SECONDS, "all campaigns finished", 0.2)
        rest(case.rig)
    except TooLate as late:
        case.is_spoiled = True
        case.complaints.append(str(late))


def _all_finished(case: Case) -> bool:
    ids = [sending.campaign_id for sending in case.sendings if sending.campaign_id is not None]
    open_ = "SELECT count(*) FROM campaigns WHERE id = ANY(%s) AND state <> 'finished'"
    try:
        return bool(case.stack.sql("campaigns", open_, ids)[0][0] == 0)
    except AWAY:
        return False


def rest(rig: Rig) -> None:
    """Wait until nothing is on its way, seen twice in a row, and no waiting receipt can find its part any more."""
    quiet, since = 0, time.monotonic()
    waiting: object = None

    def is_quiet() -> bool:
        nonlocal quiet, since, waiting
        try:
            quiet = 0 if rig.unrest() else quiet + 1
            now = rig.waiting_receipts()
        except AWAY:
            quiet = 0
            return False
        if now != waiting:
            waiting, since = now, time.monotonic()
        return quiet >= 2 and (not now or time.monotonic() - since > PROOF_SECONDS)

    wait(is_quiet, REST_SECONDS, "the stack at rest", 0.3)


def _collect(case: Case, before: dict[str, int]) -> Evidence:
    submits = collect.submits_by_sender(case.stack.smsc.received())
    starts = case.rig.starts()
    queues = case.rig.queues()
    return Evidence(
        books=tuple(
            collect.books_of(case.stack, sending, submits.get(sending.sender, ()))
            for sending in case.sendings
        ),
        ledger_sum=collect.ledger_sum(case.stack),
        ledger_right=collect.ledger_is_right(case.stack),
        unrest=case.rig.unrest(),
        dead={name: depth for name, depth in queues.items() if name.endswith(".dead")},
        died=frozenset(
            name for name, count in starts.items() if count > before.get(name, 0) + case.expected_starts[name]
        ),
        waiting=case.rig.waiting_receipts(),
        opt_outs=tuple(case.opt_outs),
        pauses=tuple(case.pauses),
        found_by_fault=tuple(case.complaints),
    )


def _result(fault: Fault, verdict: Verdict, fired: Fired | None, share: float, seconds: float) -> Result:
    complaints: Sequence[str] = verdict.complaints
    if fired and not EARLIEST <= share <= LATEST:
        complaints = [*complaints, f"fired with {share:.0%} submitted, not in the middle"]
    return Result(
        fault.name,
        fault.about,
        fired is not None,
        round(share, 3),
        verdict.twice,
        verdict.forgotten,
        verdict.uncertain,
        verdict.ledger_sum,
        seconds,
        tuple(complaints),
    )
