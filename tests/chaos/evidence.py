"""What each side says in the end, from one moment: the books of Keryx, and the simulated operator's. Only collected here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.harness.stack import Stack
from deploy.local.demo.money import micro
from services.dispatcher import queries

PAGE = 500
_MONEY = "SELECT coalesce(sum(amount), 0), coalesce(sum(captured), 0), coalesce(sum(released), 0) FROM holds WHERE {}"
_LEDGER = "SELECT coalesce(sum(amount), 0) FROM postings"


@dataclass(frozen=True)
class Sending:
    """What one account sends under one sender of its own, so that the operator's books tell it from everything else.

    ``recipients`` must each get the message, but for those of ``stopped``, which may have been stopped in time.
    ``campaign_id`` None: sent directly, by an account that sends nothing else.
    """

    name: str
    account_id: int
    sender: str
    recipients: frozenset[str]
    campaign_id: int | None = None
    stopped: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Part:
    """A part in our books; ``smsc_id`` is the operator's id, when one is stored."""

    no: int
    state: str
    smsc_id: str | None = None


@dataclass(frozen=True)
class Message:
    """A message in our books, its ``price`` in micro-euro a part."""

    to: str
    state: str
    parts: int
    price: int
    known: tuple[Part, ...] = ()
    was_submitted: bool = False


@dataclass(frozen=True)
class Submit:
    """A submit_sm in the operator's books; ``answer`` says what became of the response: sent, lost, dropped, waiting."""

    to: str
    part: int
    accepted: bool
    smsc_id: str | None
    time: float
    answer: str = "sent"


@dataclass(frozen=True)
class Money:
    """Sums over holds, in micro-euro."""

    held: int
    captured: int
    released: int


@dataclass(frozen=True)
class OptOut:
    """Numbers that an account may not send to from ``at`` on (seconds since the epoch; its commit was not later)."""

    sender: str
    numbers: frozenset[str]
    at: float


@dataclass(frozen=True)
class Pause:
    """A campaign that was paused from ``at`` on, until it was resumed at ``until``."""

    sender: str
    at: float
    until: float


@dataclass(frozen=True)
class Books:
    """One sending, as both sides have it. ``counts`` are the campaign's, None for direct messages."""

    sending: Sending
    messages: tuple[Message, ...]
    submits: tuple[Submit, ...]
    money: Money
    state: str | None = None
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Evidence:
    """Everything that is judged.

    ``died``: the processes that were started anew without the fault having ended them. ``waiting``: (sender, recipient) of each
    receipt that found no part.
    """

    books: tuple[Books, ...]
    ledger_sum: int
    ledger_right: bool
    unrest: Mapping[str, float]
    dead: Mapping[str, int]
    died: frozenset[str]
    waiting: Sequence[tuple[str, str]] = ()
    opt_outs: Sequence[OptOut] = ()
    pauses: Sequence[Pause] = ()
    found_by_fault: Sequence[str] = field(default=())


def submits_by_sender(lines: Iterable[Mapping[str, Any]]) -> dict[str, list[Submit]]:
    """The simulator's lines, by sender."""
    found: dict[str, list[Submit]] = {}
    for line in lines:
        submit = Submit(
            line["to"], line["part"], line["command_status"] == 0, line["id"], line["time"], line["answer"]
        )
        found.setdefault(line["from"], []).append(submit)
    return found


def books_of(stack: Stack, sending: Sending, submits: Sequence[Submit]) -> Books:
    """Both sides of one sending."""
    if sending.campaign_id is None:
        campaign = None
        (money,) = stack.sql("billing", _MONEY.format("account_id = %s"), sending.account_id)
    else:
        campaign = _campaign(stack, sending.campaign_id)
        (money,) = stack.sql("billing", _MONEY.format("reference = %s"), f"campaign:{sending.campaign_id}")
    return Books(
        sending=sending,
        messages=tuple(_messages(stack, sending)),
        submits=tuple(submits),
        money=Money(*map(int, money)),
        state=campaign["state"] if campaign else None,
        counts=campaign["counts"] if campaign else None,
    )


def ledger_sum(stack: Stack) -> int:
    """All postings together, in micro-euro."""
    return int(stack.sql("billing", _LEDGER)[0][0])


def ledger_is_right(stack: Stack) -> bool:
    """What GET /operator/books proves."""
    books = stack.operator.get("/operator/books")
    right = all(books[name] for name in ("zero_sum", "projections_match", "holds_match"))
    return bool(right and not micro(books["ledger_sum"]))


def _campaign(stack: Stack, campaign_id: int) -> dict[str, Any]:
    names = (
        "recipients", "accepted", "submitted", "delivered", "undelivered", "expired", "rejected", "blocked", "cancelled",
        "uncertain",
    )  # fmt: skip
    (row,) = stack.sql(
        "campaigns", f"SELECT state, {', '.join(names)} FROM campaigns WHERE id = %s", campaign_id
    )
    return {"state": row[0], "counts": dict(zip(names, row[1:], strict=True))}


def _messages(stack: Stack, sending: Sending) -> Iterator[Message]:
    """By the query behind GET /messages, without a call for each page."""
    filters: dict[str, Any] = {"sender": sending.sender, "campaign_id": sending.campaign_id}
    connection = stack.database("dispatcher")
    try:
        with connection.cursor() as cursor:
            after: str | None = None
            while True:
                page = queries.messages(cursor, sending.account_id, filters, after, PAGE, parts_detail=True)
                yield from map(_message, page["data"])
                after = page["next_cursor"]
                if after is None:
                    return
    finally:
        connection.close()


def _message(row: Mapping[str, Any]) -> Message:
    return Message(
        to=row["to"],
        state=row["state"],
        parts=row["parts"],
        price=row["price"] // row["parts"],
        known=tuple(Part(part["no"], part["state"], part["smsc_id"]) for part in row["parts_detail"]),
        was_submitted=row["submitted_at"] is not None,
    )
