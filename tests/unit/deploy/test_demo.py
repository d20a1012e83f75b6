"""The demonstration's verdicts: they hold for a run that went right, and each sees what it is there for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deploy.local.demo import checks
from deploy.local.demo.evidence import Evidence
from deploy.local.demo.importing import Imported
from deploy.local.demo.money import euro, micro, shown
from deploy.local.demo.sending import Pace

OPTED_OUT = "306900000001"


def message(n: int, parts: int = 2, state: str = "delivered") -> dict[str, Any]:
    """A message whose every part was delivered."""
    detail = [
        {"no": no, "smsc_id": f"{n}-{no}", "state": state, "receipt_at": "2026-11-22T12:00:00Z"}
        for no in range(1, parts + 1)
    ]
    return {
        "to": f"30690000010{n}", "text": "αβ", "parts": parts, "price": euro(parts * 45_000), "state": state,
        "parts_detail": detail,
    }  # fmt: skip


def submit(n: int, part: int, text: str) -> dict[str, Any]:
    """The operator took a part."""
    return {"to": f"30690000010{n}", "part": part, "id": f"{n}-{part}", "text": text, "command_status": 0}


def evidence() -> Evidence:
    """Two people, two parts each, all well."""
    messages = [message(1), message(2)]
    submits = [submit(n, part, text) for n in (1, 2) for part, text in ((1, "α"), (2, "β"))]
    counts = {"rows": 4, "accepted": 2, "updated": 0, "duplicates": 1, "rejected": 1}
    return Evidence(
        imported=Imported({"counts": counts}, {"members": 2}, ("too short",)),
        campaign={
            "state": "finished",
            "recipients": 2,
            "suppressed": 1,
            "counts": {"recipients": 2, "accepted": 2, "submitted": 2, "delivered": 2, "uncertain": 0},
            "money": {"captured": "0.18", "held": "0.00", "released": "0.00"},
        },
        messages=messages,
        submits=submits,
        receipts=[{"id": line["id"], "sent": 1.0, "answered_status": 0} for line in submits],
        history=[{"status": "delivered"}, {"status": "delivered"}],
        topped_up=1_000_000,
        balance={"available": "0.82", "held": "0.00"},
        books={"zero_sum": True, "projections_match": True, "holds_match": True, "ledger_sum": "0.00"},
        overview={"open_messages": 0},
        queues={"a": 0, "a.dead": 0},
        backlogs={"dispatcher": 0.0},
        mails=[{"subject": "low"}],
        opted_out=frozenset((OPTED_OUT,)),
    )


def failed(found: Evidence) -> set[str]:
    """Names of the checks that do not hold."""
    return {check.name for check in checks.judge(found) if not check.held}


def test_a_run_that_went_right_is_found_right() -> None:
    assert failed(evidence()) == set()


def lost_part(e: Evidence) -> Evidence:
    return replace(e, submits=e.submits[:-1])


def double_send(e: Evidence) -> Evidence:
    return replace(e, submits=[*e.submits, {**e.submits[0], "id": "9"}])


def wrong_text(e: Evidence) -> Evidence:
    return replace(e, submits=[{**e.submits[0], "text": "ω"}, *e.submits[1:]])


def receipt_not_stored(e: Evidence) -> Evidence:
    return replace(e, receipts=[*e.receipts, {"id": "9", "sent": 1.0, "answered_status": 0}])


def still_open(e: Evidence) -> Evidence:
    return replace(e, messages=[{**e.messages[0], "state": "submitted"}, e.messages[1]])


def overcharged(e: Evidence) -> Evidence:
    return replace(e, campaign={**e.campaign, "money": {**e.campaign["money"], "captured": "0.19"}})


def money_gone(e: Evidence) -> Evidence:
    return replace(e, balance={"available": "0.80", "held": "0.00"})


def full_queue(e: Evidence) -> Evidence:
    return replace(e, queues={"a": 3, "a.dead": 0})


def dead_letter(e: Evidence) -> Evidence:
    return replace(e, queues={"a": 0, "a.dead": 1})


def backlog(e: Evidence) -> Evidence:
    return replace(e, backlogs={"dispatcher": 2.0})


def short_history(e: Evidence) -> Evidence:
    return replace(e, history=e.history[:1])


def told_twice(e: Evidence) -> Evidence:
    return replace(e, mails=e.mails * 2)


def reached(e: Evidence) -> Evidence:
    return replace(e, submits=[*e.submits, {**e.submits[0], "to": OPTED_OUT, "command_status": 88}])


def row_without_a_reason(e: Evidence) -> Evidence:
    return replace(e, imported=replace(e.imported, reasons=("",)))


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (row_without_a_reason, "import_counts_add_up"),
        (lost_part, "each_number_answered_rok_once"),
        (double_send, "each_number_answered_rok_once"),
        (wrong_text, "operator_got_the_rendered_text"),
        (receipt_not_stored, "receipts_stored_are_those_sent"),
        (still_open, "every_message_final"),
        (overcharged, "captured_is_the_price_of_what_was_taken"),
        (money_gone, "ledger_sums_to_zero"),
        (full_queue, "queues_are_empty"),
        (dead_letter, "no_dead_letters"),
        (backlog, "no_outbox_backlog"),
        (short_history, "campaign_counts_are_the_history"),
        (told_twice, "low_balance_was_told_once"),
        (reached, "opted_out_got_nothing"),
    ],
)
def test_what_went_wrong_is_seen(spoil: Callable[[Evidence], Evidence], name: str) -> None:
    assert name in failed(spoil(evidence()))


def test_every_check_is_shown_to_fail_here() -> None:
    marks = next(mark for mark in test_what_went_wrong_is_seen.pytestmark if mark.name == "parametrize")
    assert {name for _, name in marks.args[1]} == {check.__name__ for check in checks.CHECKS}


def in_doubt(e: Evidence, taken: bool) -> Evidence:
    """The second part of the second message is in doubt; ``taken`` says whether the operator had it."""
    doubtful = message(2, state="uncertain")
    doubtful["parts_detail"][0] |= {"state": "delivered"}
    doubtful["parts_detail"][1] |= {"smsc_id": None, "receipt_at": None}
    counts = {**e.campaign["counts"], "delivered": 1, "uncertain": 1}
    money = {"captured": "0.135", "held": "0.045", "released": "0.00"}
    return replace(
        e,
        messages=[message(1), doubtful],
        submits=e.submits if taken else e.submits[:-1],
        receipts=e.receipts if taken else e.receipts[:-1],
        campaign={**e.campaign, "counts": counts, "money": money},
        history=[{"status": "delivered"}, {"status": "uncertain"}],
        balance={"available": "0.82", "held": "0.045"},
    )


@pytest.mark.parametrize("taken", [True, False])
def test_after_a_kill_doubt_is_allowed_where_it_is_owned_up_to(taken: bool) -> None:
    assert failed(replace(in_doubt(evidence(), taken), killed=True)) == set()


def test_without_a_kill_doubt_is_not_allowed() -> None:
    assert "each_number_answered_rok_once" in failed(in_doubt(evidence(), taken=True))


def test_after_a_kill_a_double_send_is_still_wrong() -> None:
    found = double_send(replace(in_doubt(evidence(), taken=True), killed=True))
    assert "each_number_answered_rok_once" in failed(found)


def test_money_goes_back_and_forth_without_loss() -> None:
    assert [euro(micro(text)) for text in ("0.045", "12.00", "0.000001")] == ["0.045", "12.00", "0.000001"]
    assert shown(1_234_567_890) == "1,234.57 €"


def test_the_pace_is_that_of_the_last_moments() -> None:
    pace = Pace()
    assert [pace.add(at, submitted) for at, submitted in ((0, 0), (1, 100), (2, 200), (5, 200))] == [
        0,
        100,
        100,
        0,
    ]
