"""The inbox: an event has its effect once, however often it is delivered (DESIGN §4)."""

from __future__ import annotations

from typing import Any

from .database import cursor_of

KEEP_DAYS = 14


def first_time(session: Any, consumer: str, event_id: str) -> bool:
    """True when ``consumer`` has not had ``event_id`` before; remembers it in the caller's transaction."""
    cursor = cursor_of(session)
    cursor.execute(
        "INSERT INTO inbox (consumer, event_id) VALUES (%s, %s) ON CONFLICT DO NOTHING", (consumer, event_id)
    )
    return bool(cursor.rowcount)


def forget_old(session: Any, limit: int = 10_000) -> int:
    """Drop up to ``limit`` entries older than KEEP_DAYS; returns how many."""
    cursor = cursor_of(session)
    cursor.execute(
        "DELETE FROM inbox WHERE ctid IN (SELECT ctid FROM inbox"
        " WHERE received_at < now() - make_interval(days => %s) LIMIT %s)",
        (KEEP_DAYS, limit),
    )
    return int(cursor.rowcount)
