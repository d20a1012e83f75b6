"""Who did what with money and prices: written with the change itself, in one transaction, and never changed.

Actions are past tense (``topped_up``, ``prices_set``); the actor is whoever asked (``servicekit.context``): ``key:<id>`` of
an API key, ``user:<id>`` of a person, "" for the system itself.
"""

from __future__ import annotations

from typing import Any

from psycopg2.extras import Json

from servicekit import context
from servicekit.database import cursor_of

from .queries import NEWEST, as_time

_PAGE = """
SELECT id, at, actor, action, account_id, details FROM audit
WHERE id < %(before)s AND (%(account_id)s::bigint IS NULL OR account_id = %(account_id)s)
    AND (%(action)s::text IS NULL OR action = %(action)s)
ORDER BY id DESC LIMIT %(limit)s
"""


def note(session: Any, action: str, account_id: int | None = None, **details: Any) -> None:
    """Keep what was done, by whom; ``details`` are JSON-able, without numbers of people or texts of messages."""
    cursor_of(session).execute(
        "INSERT INTO audit (actor, action, account_id, details) VALUES (%s, %s, %s, %s)",
        (context.actor(), action, account_id, Json(details)),
    )


def page(
    session: Any, account_id: int | None, action: str | None, before: int | None, limit: int
) -> dict[str, Any]:
    """What was done, newest first; ``before`` is the id that a cursor stands for."""
    cursor = cursor_of(session)
    values = {
        "account_id": account_id,
        "action": action,
        "before": before or NEWEST,
        "limit": limit + 1,
    }
    cursor.execute(_PAGE, values)
    rows = cursor.fetchall()
    names = ("id", "at", "actor", "action", "account_id", "details")
    data = [dict(zip(names, (row[0], as_time(row[1]), *row[2:]), strict=True)) for row in rows[:limit]]
    return {"data": data, "next_cursor": str(data[-1]["id"]) if len(rows) > limit else None}
