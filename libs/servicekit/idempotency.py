"""Idempotency keys: a request repeated under its key gets the first answer and has no second effect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import orjson

from contracts.errors import Conflict

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
    Raises Conflict("idempotency_key_reused") when the key was used for a different request.
    """
    if key is None:
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
        raise Conflict("idempotency_key_reused", "This Idempotency-Key was used for a different request.")
    return (row[1],)


def _digest(request: Any) -> bytes:
    return hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).digest()


def forget_old(session: Any, hours: int = 72, limit: int = 10_000) -> int:
    """Drop up to ``limit`` keys older than ``hours``; returns how many."""
    cursor = cursor_of(session)
    cursor.execute(
        "DELETE FROM idempotency_keys WHERE ctid IN (SELECT ctid FROM idempotency_keys"
        " WHERE created_at < now() - make_interval(hours => %s) LIMIT %s)",
        (hours, limit),
    )
    return int(cursor.rowcount)
