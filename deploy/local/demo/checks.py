"""What must hold in the end. Pure: each check judges the evidence and says what it found.

After a kill of the sender one window of parts may be in doubt. Then "exactly once" reads "at most once, and what the
operator did not get is in doubt", and money for doubtful parts stays held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from .evidence import Evidence
from .money import micro, shown
from .workings import DEAD

FINAL = frozenset(("delivered", "undelivered", "expired", "rejected", "blocked", "cancelled", "uncertain"))


@dataclass(frozen=True)
class Check:
    """One verdict; ``found`` is for people."""

    name: str
    held: bool
    found: str


Verdict = tuple[bool, str]


def import_counts_add_up(e: Evidence) -> Verdict:
    """rows = accepted + updated + duplicates + rejected, a reason for each rejected, the group has the accepted."""
    counts = e.imported.counts
    parts = sum(counts[name] for name in ("accepted", "updated", "duplicates", "rejected"))
    reasons = sum(1 for reason in e.imported.reasons if reason)
    held = counts["rows"] == parts and reasons == len(e.imported.reasons) == counts["rejected"]
    held = held and e.imported.group["members"] == counts["accepted"] == e.campaign["recipients"]
    return (
        held,
        f"{counts['rows']:,} rows; {reasons} rejected with a reason; {e.imported.group['members']:,} in the group",
    )


def each_number_answered_rok_once(e: Evidence) -> Verdict:
    """Every part of every recipient was taken by the operator once, under the id we stored; nobody else got any."""
    doubtful = set(e.doubtful)
    wrong = sum(
        not _taken_once(
            e, message["to"], part["no"], part["smsc_id"], (message["to"], part["no"]) in doubtful
        )
        for message in e.messages
        for part in message["parts_detail"]
    )
    incomplete = sum(len(message["parts_detail"]) != message["parts"] for message in e.messages)
    recipients = {message["to"] for message in e.messages}
    strangers = e.taken.keys() - recipients
    missing = recipients - e.taken.keys() - {number for number, _ in doubtful}
    held = not (wrong or incomplete or strangers or missing) and len(recipients) == e.campaign["recipients"]
    return held, f"{len(e.taken):,} numbers, {wrong + incomplete + len(strangers) + len(missing)} wrong"


def _taken_once(e: Evidence, number: str, part: int, smsc_id: str | None, is_doubtful: bool) -> bool:
    submits = e.taken.get(number, {}).get(part, [])
    if is_doubtful:
        return e.killed and len(submits) <= 1
    return [line["id"] for line in submits] == [smsc_id]


def operator_got_the_rendered_text(e: Evidence) -> Verdict:
    """The parts that the operator took, decoded there and joined, are the text that GET /messages shows."""
    compared = [message for message in e.messages if len(e.taken.get(message["to"], {})) == message["parts"]]
    differing = [
        message for message in compared
        if "".join(lines[0]["text"] for _, lines in sorted(e.taken[message["to"]].items())) != message["text"]
    ]  # fmt: skip
    enough = len(compared) == len(e.messages) or (
        e.killed and len(compared) >= len(e.messages) - len(e.doubtful)
    )
    return bool(
        enough and compared and not differing
    ), f"{len(compared):,} texts compared, {len(differing)} differ"


def receipts_stored_are_those_sent(e: Evidence) -> Verdict:
    """Each receipt the operator sent was answered, and stands at the part it is about. What is in doubt may lack its own."""
    sent = Counter(receipt["id"] for receipt in e.receipts if receipt["sent"])
    answered = all(receipt["answered_status"] == 0 for receipt in e.receipts)
    stored = Counter(
        part["smsc_id"] for message in e.messages for part in message["parts_detail"] if part["receipt_at"]
    )
    of_doubtful = {
        line["id"] for number, part in e.doubtful for line in e.taken.get(number, {}).get(part, [])
    }
    lacking = [smsc_id for smsc_id in (sent - stored) if smsc_id not in of_doubtful]
    held = answered and not lacking and not (stored - sent) and bool(sent)
    return held, f"{sum(stored.values()):,} stored, {sum(sent.values()):,} sent"


def every_message_final(e: Evidence) -> Verdict:
    """The campaign is finished, each recipient has a message, each message a final state."""
    waiting = sum(count for state, count in e.states.items() if state not in FINAL)
    held = e.campaign["state"] == "finished" and not waiting and len(e.messages) == e.campaign["recipients"]
    return held and e.overview["open_messages"] == 0, f"{len(e.messages):,} messages, {waiting} open"


def captured_is_the_price_of_what_was_taken(e: Evidence) -> Verdict:
    """Captured money is the price of the parts answered ESME_ROK, but for those in doubt; those are held."""
    doubtful = set(e.doubtful)
    due = sum(
        e.part_prices.get(number, 0)
        for number, parts in e.taken.items() for part in parts if (number, part) not in doubtful
    )  # fmt: skip
    held_for_doubt = sum(e.part_prices[number] for number, _ in doubtful)
    money = e.campaign["money"]
    right = micro(money["captured"]) == due and micro(money["held"]) == held_for_doubt
    return right, f"{shown(micro(money['captured']))} captured, {shown(due)} due"


def ledger_sums_to_zero(e: Evidence) -> Verdict:
    """The books balance, and what came in is what is there, held, or spent."""
    money = e.campaign["money"]
    there = micro(e.balance["available"]) + micro(e.balance["held"]) + micro(money["captured"])
    books = all(e.books[name] for name in ("zero_sum", "projections_match", "holds_match"))
    return (
        books and there == e.topped_up,
        f"sum {e.books['ledger_sum']}; {shown(e.topped_up)} in, all accounted for",
    )


def queues_are_empty(e: Evidence) -> Verdict:
    """Nothing waits in any queue."""
    full = {name: depth for name, depth in e.queues.items() if depth and not name.endswith(DEAD)}
    return not full and bool(e.queues), f"{len(e.queues)} queues" + (f", not empty: {full}" if full else "")


def no_dead_letters(e: Evidence) -> Verdict:
    """No event was given up."""
    dead = {name: depth for name, depth in e.queues.items() if depth and name.endswith(DEAD)}
    return not dead, str(dead) if dead else "none"


def no_outbox_backlog(e: Evidence) -> Verdict:
    """Every event was published."""
    full = {name: rows for name, rows in e.backlogs.items() if rows}
    return not full and bool(e.backlogs), str(full) if full else f"{len(e.backlogs)} outboxes empty"


def campaign_counts_are_the_history(e: Evidence) -> Verdict:
    """The campaign's counters, GET /messages and the exported workbook tell the same."""
    counted = {state: count for state, count in e.campaign["counts"].items() if state in FINAL and count}
    exported = Counter(row["status"] for row in e.history)
    held = counted == dict(e.states) == dict(exported) and e.campaign["counts"]["recipients"] == len(
        e.history
    )
    return held, f"{len(e.history):,} rows exported"


def low_balance_was_told_once(e: Evidence) -> Verdict:
    """One e-mail for one crossing."""
    return len(e.mails) == 1, f"{len(e.mails)} e-mail{'s' * (len(e.mails) != 1)}"


def opted_out_got_nothing(e: Evidence) -> Verdict:
    """Blacklisted numbers are left out, and counted."""
    reached = e.opted_out & {line["to"] for line in e.submits}
    held = not reached and e.campaign["suppressed"] == len(e.opted_out)
    return held, f"{e.campaign['suppressed']} left out, {len(reached)} reached"


CHECKS: tuple[Callable[[Evidence], Verdict], ...] = (
    import_counts_add_up,
    each_number_answered_rok_once,
    operator_got_the_rendered_text,
    receipts_stored_are_those_sent,
    every_message_final,
    captured_is_the_price_of_what_was_taken,
    ledger_sums_to_zero,
    queues_are_empty,
    no_dead_letters,
    no_outbox_backlog,
    campaign_counts_are_the_history,
    low_balance_was_told_once,
    opted_out_got_nothing,
)


def judge(evidence: Evidence) -> list[Check]:
    """All verdicts, in order."""
    return [Check(check.__name__, *check(evidence)) for check in CHECKS]
