"""The read side: messages as clients see them, and what the operator wants to know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .domain import BY_LABEL, State
from .errors import InvalidFields, UnknownMessage
from .rows import dicts, one

MAX_LIMIT = 500
_SHOWN = """
SELECT m.id, CASE WHEN m.recipient < 0 THEN 'erased' ELSE m.recipient::text END AS to,
    m.sender, m.text, m.encoding, m.parts, c.price_class, m.parts * m.price AS price,
    m.state, m.reason, c.kind, c.channel, m.reference, c.campaign_id, m.accepted_at, m.submitted_at, m.done_at
FROM messages m JOIN chunks c ON c.id = m.chunk_id
"""


def message(cursor: Any, account_id: int, message_id: int) -> dict[str, Any]:
    """One message with its parts and history. Raises UnknownMessage, also for another account's."""
    row = one(cursor, f"{_SHOWN} WHERE m.id = %s AND m.account_id = %s", (message_id, account_id))
    if row is None:
        raise UnknownMessage("There is no such message.")
    shown = _labelled(row)
    return {**shown, "parts_detail": parts_of(cursor, [message_id])[message_id], "history": history(shown)}


# A message of one part ends without its part being written again (outcomes): the part ended as the message did, by a receipt.
PARTS = """
SELECT p.message_id, p.no, n.name AS connector, p.smsc_id, p.submitted_at,
    CASE WHEN by_message THEN m.state ELSE p.state END AS state,
    CASE WHEN by_message THEN m.reason ELSE p.error END AS error,
    CASE WHEN by_message THEN m.done_at ELSE p.done_at END AS done_at,
    CASE WHEN by_message THEN m.done_at ELSE p.receipt_at END AS receipt_at
FROM parts p JOIN messages m ON m.id = p.message_id LEFT JOIN connectors n ON n.id = p.connector_id,
    LATERAL (SELECT p.state = 2 AND m.parts = 1 AND m.done_at IS NOT NULL AS by_message) ended
WHERE p.message_id = ANY(%s) ORDER BY p.message_id, p.no
"""


def parts_of(cursor: Any, message_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    """The parts that may have left of each message, in order."""
    found: dict[int, list[dict[str, Any]]] = {message_id: [] for message_id in message_ids}
    rows = dicts(
        cursor,
        PARTS,
        (message_ids,),
    )
    for part in rows:
        part["state"] = State(part["state"]).label
        found[part.pop("message_id")].append(part)
    return found


def history(shown: dict[str, Any]) -> list[dict[str, Any]]:
    """Every state the message was in, with its time."""
    steps = [{"state": State.ACCEPTED.label, "at": shown["accepted_at"], "reason": None}]
    if shown["submitted_at"]:
        steps.append({"state": State.SUBMITTED.label, "at": shown["submitted_at"], "reason": None})
    if shown["done_at"]:
        steps.append({"state": shown["state"], "at": shown["done_at"], "reason": shown["reason"]})
    return steps


def messages(
    cursor: Any,
    account_id: int,
    filters: dict[str, Any],
    after: str | None,
    limit: int,
    parts_detail: bool = False,
) -> dict[str, Any]:
    """A page of messages, newest first; with their parts when ``parts_detail`` asks for them."""
    limit = max(1, min(MAX_LIMIT, limit))
    where, parameters = search(cursor, account_id, filters)
    if after is not None:
        where.append("m.id < %s")
        parameters.append(_cursor(after))
    rows = dicts(
        cursor, f"{_SHOWN} WHERE {' AND '.join(where)} ORDER BY m.id DESC LIMIT %s", [*parameters, limit + 1]
    )
    page = rows[:limit]
    if parts_detail:
        parts = parts_of(cursor, [row["id"] for row in page])
        page = [{**row, "parts_detail": parts[row["id"]]} for row in page]
    return {
        "data": [_labelled(row) for row in page],
        "next_cursor": str(page[-1]["id"]) if len(rows) > limit else None,
    }


def conditions(account_id: int, filters: dict[str, Any]) -> tuple[list[str], list[Any]]:
    """The WHERE of ``filters`` for messages ``m`` and chunks ``c``. Raises InvalidFields for a value that cannot be."""
    where, parameters = ["m.account_id = %s"], [account_id]
    for name, value in filters.items():
        if value is None or name not in _CONDITIONS:
            continue
        condition, read = _CONDITIONS[name]
        where.append(condition)
        parameters.append(_read(name, value, read))
    return where, parameters


# Ids are drawn in the order of commits, times are those of beginnings: no transaction of ours takes as long.
SLACK = "1 minute"
_OF_CAMPAIGN = (  # the planner would look for the smallest id among everybody's chunks
    "WITH own AS MATERIALIZED (SELECT first_id, last_id FROM chunks WHERE campaign_id = %s)"
    " SELECT coalesce(min(first_id), 0), coalesce(max(last_id), 0) FROM own"
)
_LAST_BEFORE = "SELECT last_id FROM chunks WHERE accepted_at < %s::timestamptz - %s::interval ORDER BY accepted_at DESC LIMIT 1"
_FIRST_AFTER = "SELECT first_id FROM chunks WHERE accepted_at >= %s::timestamptz + %s::interval ORDER BY accepted_at LIMIT 1"


def search(cursor: Any, account_id: int, filters: dict[str, Any]) -> tuple[list[str], list[Any]]:
    """``conditions``, narrowed to the ids between which a campaign's messages and those of some days lie, as chunks tell.

    So messages need no index by campaign or time, and what is long past is not found by reading everything newer.
    Raises InvalidFields.
    """
    where, parameters = conditions(account_id, filters)
    if filters.get("campaign_id") is not None:
        cursor.execute(_OF_CAMPAIGN, (_number(filters["campaign_id"]),))
        where.append("m.id BETWEEN %s AND %s")
        parameters += cursor.fetchone()
    for name, statement, condition in (
        ("since", _LAST_BEFORE, "m.id > %s"),
        ("until", _FIRST_AFTER, "m.id < %s"),
    ):
        if filters.get(name) is not None:
            cursor.execute(statement, (_time(filters[name]), SLACK))
            if (row := cursor.fetchone()) is not None:
                where.append(condition)
                parameters.append(row[0])
    return where, parameters


def _read(name: str, value: Any, read: Callable[[Any], Any]) -> Any:
    try:
        return read(value)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        wrong = {"pointer": f"/{name}", "code": "invalid", "detail": "Not a value that this can have."}
        raise InvalidFields("A value is not valid.", errors=[wrong]) from None


def _number(value: Any) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(value)
    return int(text)


def _time(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError(value)
    value.encode()
    return value


_CONDITIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "id": ("m.id = %s", _number),
    "since": ("m.accepted_at >= %s", _time),
    "until": ("m.accepted_at < %s", _time),
    "to": ("m.recipient = %s", _number),
    "sender": ("m.sender = %s", _text),
    "state": ("m.state = %s", lambda label: int(BY_LABEL[label])),
    "campaign_id": ("c.campaign_id = %s", _number),
    "channel": ("c.channel = %s", _text),
}


def overview(cursor: Any) -> dict[str, int]:
    """What is in hand."""
    cursor.execute(
        "SELECT count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'parked'),"
        " coalesce(sum(messages), 0), (SELECT count(*) FROM receipts_waiting), (SELECT count(*) FROM doubts),"
        " (SELECT count(*) FROM untold_progress) FROM batches"
    )
    queued, parked, open_messages, waiting, doubts, untold = cursor.fetchone()
    return {
        "queued_batches": queued,
        "parked_batches": parked,
        "open_messages": int(open_messages),
        "waiting_receipts": waiting,
        "doubtful_parts": doubts,
        "untold_progress": untold,
    }


def _labelled(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "state": State(row["state"]).label}


def _cursor(after: str) -> int:
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        raise InvalidFields(
            "The cursor is not one of ours.",
            errors=[{"pointer": "/cursor", "code": "invalid", "detail": "Not a cursor of this list."}],
        )
    return int(after)
