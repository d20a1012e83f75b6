"""What must hold after any fault. Pure: each check judges the evidence and says what is wrong; nothing said is good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .evidence import Books, Evidence, Message, Part

FINAL = frozenset(("delivered", "undelivered", "expired", "rejected", "blocked", "cancelled", "uncertain"))
STOPPED = frozenset(("blocked", "cancelled"))
# What our books say of a part that the operator has taken; "uncertain" claims nothing.
TAKEN = frozenset(("submitted", "delivered", "undelivered", "expired"))
OPT_OUT_SECONDS = 5.0
PAUSE_SECONDS = 2.0
EARLIEST, LATEST = 0.20, 0.60

Complaints = Iterator[str]


@dataclass(frozen=True)
class Verdict:
    """One fault, judged. ``complaints`` names every check that failed, and how."""

    twice: int
    forgotten: int
    uncertain: int
    ledger_sum: int
    complaints: tuple[str, ...]


def judge(evidence: Evidence, doubt_allowed: int) -> Verdict:
    """All checks. ``doubt_allowed`` parts may stay in doubt: a window for each bind that was lost with answers open."""
    twice = sum(twice_in(books) for books in evidence.books)
    forgotten = [line for books in evidence.books for line in forgotten_in(books)]
    uncertain = sum(len(doubts_in(books)) for books in evidence.books)
    complaints = [f"{twice} twice"] if twice else []
    complaints += _shortened(forgotten)
    if uncertain > doubt_allowed:
        complaints.append(f"{uncertain} parts in doubt, {doubt_allowed} allowed")
    if evidence.ledger_sum or not evidence.ledger_right:
        complaints.append(f"the books are wrong, sum {evidence.ledger_sum}")
    for check in CHECKS:
        complaints += _shortened(list(check(evidence)))
    if evidence.died:
        complaints.append(f"died by themselves: {', '.join(sorted(evidence.died))}")
    complaints += evidence.found_by_fault
    return Verdict(twice, len(forgotten), uncertain, evidence.ledger_sum, tuple(complaints))


def share_at(evidence: Evidence, at: float, sendings: frozenset[str]) -> float:
    """How much of the named sendings the operator had when something happened: 0 to 1."""
    chosen = [books for books in evidence.books if books.sending.name in sendings]
    wanted = sum(message.parts for books in chosen for message in books.messages)
    there = sum(submit.accepted and submit.time <= at for books in chosen for submit in books.submits)
    return there / wanted if wanted else 0.0


def twice_in(books: Books) -> int:
    """Parts that the operator took more than once, whatever became of the answers, and recipients with two messages."""
    taken = Counter((submit.to, submit.part) for submit in books.submits if submit.accepted)
    rows = Counter(message.to for message in books.messages)
    return sum(count - 1 for counts in (taken, rows) for count in counts.values())


def doubts_in(books: Books) -> set[tuple[str, int]]:
    """Parts of which nothing is known: (number, part)."""
    return {
        (message.to, part.no)
        for message in books.messages
        for part in message.known
        if part.state == "uncertain"
    }


def forgotten_in(books: Books) -> list[str]:
    """Recipients for whom the books are not closed, or closed with what did not happen; a line each."""
    rows = {message.to: message for message in books.messages}
    taken: dict[str, dict[int, str | None]] = {}
    for submit in books.submits:
        if submit.accepted:
            taken.setdefault(submit.to, {})[submit.part] = submit.smsc_id
    name = books.sending.name
    found = [f"{name}: {to} has no message" for to in books.sending.recipients - rows.keys()]
    found += [f"{name}: {to} was not asked for" for to in taken.keys() - books.sending.recipients]
    for to, message in rows.items():
        found += [f"{name}: {to} {line}" for line in _wrong_with(message, taken.get(to, {}), books)]
    return found


def _wrong_with(message: Message, taken: dict[int, str | None], books: Books) -> Complaints:
    if message.state not in FINAL:
        yield f"is still {message.state}"
        return
    if message.state in STOPPED and message.to not in books.sending.stopped:
        yield f"is {message.state}, and nobody stopped it"
    known = {part.no: part for part in message.known}
    for no in range(1, message.parts + 1):
        yield from _wrong_with_part(no, known.get(no), taken)
    if message.state in TAKEN and len(taken) < message.parts:
        yield f"is {message.state}; the operator has {len(taken)} of {message.parts} parts"


def _wrong_with_part(no: int, part: Part | None, taken: dict[int, str | None]) -> Complaints:
    state = part.state if part else "not known"
    if state == "uncertain":
        return
    if no in taken and state not in TAKEN:
        yield f"part {no} was taken by the operator and is {state} in our books"
    elif no not in taken and state in TAKEN:
        yield f"part {no} is {state} in our books and the operator never had it"
    elif part and no in taken and part.smsc_id != taken[no]:
        yield f"part {no} stands under {part.smsc_id}, and is {taken[no]}"


def _money(evidence: Evidence) -> Complaints:
    """Captured is the price of what was taken, still held that of doubt, released the rest: captured + released = held."""
    for books in evidence.books:
        prices = {message.to: message.price for message in books.messages}
        doubts = doubts_in(books)
        taken = {(submit.to, submit.part) for submit in books.submits if submit.accepted} - doubts
        due = sum(prices.get(to, 0) for to, _ in taken)
        open_ = sum(prices[to] for to, _ in doubts)
        money = books.money
        if money.captured != due:
            yield f"{books.sending.name}: captured {money.captured}, due {due}"
        if money.held - money.captured - money.released != open_:
            yield (
                f"{books.sending.name}: held {money.held} - captured {money.captured} - released {money.released}"
                f" is not {open_} for doubt"
            )


def _counters(evidence: Evidence) -> Complaints:
    """The campaign's counters are the rows'."""
    for books in evidence.books:
        if books.counts is None:
            continue
        rows = Counter(message.state for message in books.messages)
        wanted = {
            "recipients": len(books.sending.recipients),
            "accepted": len(books.messages),
            "submitted": sum(message.was_submitted for message in books.messages),
            **{state: rows[state] for state in FINAL},
        }
        wrong = {
            name: (books.counts[name], count) for name, count in wanted.items() if books.counts[name] != count
        }
        if wrong:
            yield f"{books.sending.name}: counters and rows differ: {wrong}"


def _finished(evidence: Evidence) -> Complaints:
    """Every campaign came to its end by itself."""
    for books in evidence.books:
        if books.state not in (None, "finished"):
            yield f"{books.sending.name}: the campaign is {books.state}"


def _at_rest(evidence: Evidence) -> Complaints:
    """Nothing is on its way: queues and outboxes are empty, no batch is open."""
    if evidence.unrest:
        yield f"not at rest: {dict(evidence.unrest)}"


def _waiting(evidence: Evidence) -> Complaints:
    """A receipt waits only while nobody can tell which of a recipient's doubtful parts it proves: there are more of them."""
    waiting = Counter(evidence.waiting)
    for books in evidence.books:
        doubts = Counter(to for to, _ in doubts_in(books))
        for to in books.sending.recipients:
            count = waiting[books.sending.sender, to]
            if count and count >= doubts[to]:
                yield f"{books.sending.name}: {count} receipts of {to} wait, {doubts[to]} of its parts are in doubt"


def _dead(evidence: Evidence) -> Complaints:
    """No event was given up."""
    if dead := {name: count for name, count in evidence.dead.items() if count}:
        yield f"dead letters: {dead}"


def _opt_outs(evidence: Evidence) -> Complaints:
    """Nothing is submitted to a number later than five seconds after its opt-out was committed."""
    for opt_out in evidence.opt_outs:
        for books in evidence.books:
            if books.sending.sender != opt_out.sender:
                continue
            late = [
                submit.time - opt_out.at
                for submit in books.submits
                if submit.to in opt_out.numbers and submit.time > opt_out.at + OPT_OUT_SECONDS
            ]
            if late:
                yield f"{books.sending.name}: {len(late)} submits up to {max(late):.1f} s after the opt-out"


def _pauses(evidence: Evidence) -> Complaints:
    """Nothing of a paused campaign leaves."""
    for pause in evidence.pauses:
        for books in evidence.books:
            if books.sending.sender != pause.sender:
                continue
            late = [
                submit.time - pause.at
                for submit in books.submits
                if pause.at + PAUSE_SECONDS < submit.time < pause.until
            ]
            if late:
                yield f"{books.sending.name}: {len(late)} submits up to {max(late):.1f} s into the pause"


CHECKS: tuple[Callable[[Evidence], Complaints], ...] = (
    _money,
    _counters,
    _finished,
    _at_rest,
    _waiting,
    _dead,
    _opt_outs,
    _pauses,
)


def _shortened(lines: list[str], most: int = 3) -> list[str]:
    return lines if len(lines) <= most else [*lines[:most], f"… and {len(lines) - most} more like these"]
