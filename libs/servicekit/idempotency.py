"""Idempotency keys: a request repeated under its key gets the first answer and has no second effect.

A request without a key has one effect at most: whether it was carried out before a kill, nobody can tell.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from contracts.errors import Conflict, Unavailable

from . import context
from .database import cursor_of


def remember(
    session: Any,
    account_id: int,
    key: str | None,
    request: Any,
    produce: Callable[[], Any],
    operation: str = "",
) -> Any:
    """The stored answer to ``key``, or what ``produce()`` returns, stored in the same transaction as its effect.

    ``request`` is any JSON-able description of what is asked. A second caller with the same key waits for the first.
    Raises Conflict("idempotency_key_reused") when the key was used for a different request, and without one
    Unavailable("outcome_unknown") when the broker delivers the call again.
    """
    if key is None:
        refuse_redelivered()
        return produce()
    cursor = cursor_of(session)
    cursor.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", (f"{operation}\n{key}", account_id)
    )
    known = _stored(cursor, account_id, key, request, operation)
    if known is not None:
        return known[0]
    response = produce()
    cursor.execute(
        "INSERT INTO idempotency_keys (account_id, key, operation, request_hash, response) VALUES (%s, %s, %s, %s, %s)",
        (account_id, key, operation, _digest(request), json.dumps(response)),
    )
    return response


def refuse_redelivered() -> None:
    """For what has an effect and no key. Raises Unavailable("outcome_unknown") when the call was delivered before."""
    if context.is_redelivered():
        raise Unavailable(
            "outcome_unknown",
            "This request was interrupted and may have been carried out. Look before you send it again; under an"
            " Idempotency-Key it would have been finished.",
        )


def recall(session: Any, account_id: int, key: str, request: Any, operation: str = "") -> Any:
    """The answer stored under ``key``, or None. Raises Conflict as ``remember`` does."""
    known = _stored(cursor_of(session), account_id, key, request, operation)
    return known[0] if known else None


def _stored(cursor: Any, account_id: int, key: str, request: Any, operation: str) -> tuple[Any] | None:
    """The answer in a tuple, since None is an answer too."""
    cursor.execute(
        "SELECT request_hash, response FROM idempotency_keys WHERE account_id = %s AND key = %s AND operation = %s",
        (account_id, key, operation),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    if bytes(row[0]) != _digest(request):
        raise _reused()
    return (row[1],)


def _reused() -> Conflict:
    return Conflict("idempotency_key_reused", "This Idempotency-Key was used for a different request.")


def _digest(request: Any) -> bytes:
    try:
        octets = orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
    except (
        TypeError
    ):  # half of a surrogate pair, which JSON can write and UTF-8 cannot: whoever reads the text refuses it
        octets = json.dumps(request, sort_keys=True).encode()
    return hashlib.sha256(octets).digest()


class Asked(NamedTuple):
    """A request under a key, one of many that are answered in one transaction."""

    account_id: int
    key: str
    request: Any


def recall_all(session: Any, asked: Sequence[Asked], operation: str, lock: bool = False) -> list[Any]:
    """What is known of each: its stored answer, a Conflict for a key used otherwise, None for nothing.

    With ``lock`` a key that somebody is answering now is waited for, and is ours until the transaction ends.
    """
    accounts, keys = [one.account_id for one in asked], [one.key for one in asked]
    cursor = cursor_of(session)
    if (
        lock
    ):  # in one order, so that two transactions with the same keys do not wait for each other in a circle
        cursor.execute(
            "SELECT pg_advisory_xact_lock(place) FROM (SELECT DISTINCT hashtextextended(%s || chr(10) || key, account_id)"
            " AS place FROM unnest(%s::bigint[], %s::text[]) AS a (account_id, key) ORDER BY 1) places",
            (operation, accounts, keys),
        )
    cursor.execute(
        "SELECT i.account_id, i.key, i.request_hash, i.response FROM idempotency_keys i"
        " JOIN unnest(%s::bigint[], %s::text[]) AS a (account_id, key) USING (account_id, key) WHERE i.operation = %s",
        (accounts, keys, operation),
    )
    stored = {(row[0], row[1]): (bytes(row[2]), row[3]) for row in cursor.fetchall()}
    return [_known(stored.get((one.account_id, one.key)), one.request) for one in asked]


def _known(stored: tuple[bytes, Any] | None, request: Any) -> Any:
    if stored is None:
        return None
    return stored[1] if stored[0] == _digest(request) else _reused()


def store_all(session: Any, answered: Sequence[tuple[Asked, Any]], operation: str) -> None:
    """Keep answers; each key must be locked by ``recall_all`` and have had none."""
    cursor_of(session).execute(
        "INSERT INTO idempotency_keys (account_id, key, operation, request_hash, response)"
        " SELECT account_id, key, %s, request_hash, response::jsonb"
        " FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::text[]) AS a (account_id, key, request_hash, response)",
        (
            operation,
            [one.account_id for one, _ in answered],
            [one.key for one, _ in answered],
            [_digest(one.request) for one, _ in answered],
            [json.dumps(answer) for _, answer in answered],
        ),
    )


def forget_old(session: Any, hours: int = 72, limit: int = 10_000) -> int:
    """Drop up to ``limit`` keys older than ``hours``; returns how many."""
    cursor = cursor_of(session)
    cursor.execute(
        "DELETE FROM idempotency_keys WHERE ctid IN (SELECT ctid FROM idempotency_keys"
        " WHERE created_at < now() - make_interval(hours => %s) LIMIT %s)",
        (hours, limit),
    )
    return int(cursor.rowcount)
