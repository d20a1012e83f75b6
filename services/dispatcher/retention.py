"""Retention: what is older than KERYX_HISTORY_DAYS keeps its figures, and loses number, text and reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from servicekit import settings

from .domain import FINAL

CHUNKS = 40
"""At most so many of up to 500 messages a sweep: 20,000 in half a minute, far more than is sent in a day's average."""
INBOUND = 5_000
NOBODY = -1
"""In place of a number: shown as erased, and unlike a pseudonym the same for all."""

_OLD = """
SELECT id, first_id, last_id FROM chunks
WHERE id > %s AND accepted_at < now() - make_interval(secs => %s) ORDER BY id LIMIT %s
"""
_FORGET = """
UPDATE messages SET recipient = %s, text = '', reference = NULL
WHERE id BETWEEN %s AND %s AND state = ANY(%s) AND text <> ''
"""
_FORGET_INBOUND = """
UPDATE inbound SET sender = 'erased', body = '' WHERE id IN (
    SELECT id FROM inbound WHERE received_at < now() - make_interval(secs => %s) AND told AND sender <> 'erased'
    ORDER BY id LIMIT %s)
"""


@dataclass(frozen=True)
class Retention:
    """From KERYX_HISTORY_DAYS; 0 keeps everything."""

    history_days: float = 0.0


@cache
def retention() -> Retention:
    """Of this process, read once. Raises BadSetting."""
    return settings.read(Retention)


def forget(cursor: Any, days: float) -> int:
    """Take numbers and texts out of the next messages older than ``days``, in the order they came; returns how many.

    ``forgotten`` keeps how far that is, in the same transaction; another replica that is at it is left alone. What
    is not final after that time keeps its number.
    """
    if days <= 0:
        return 0
    cursor.execute("SELECT chunk_id FROM forgotten FOR UPDATE SKIP LOCKED")
    row = cursor.fetchone()
    if row is None:
        return 0
    cursor.execute(_OLD, (row[0], days * 86_400, CHUNKS))
    count = 0
    for chunk_id, first_id, last_id in cursor.fetchall():
        cursor.execute(_FORGET, (NOBODY, first_id, last_id, [int(state) for state in FINAL]))
        count += int(cursor.rowcount)
        cursor.execute("UPDATE forgotten SET chunk_id = %s", (chunk_id,))
    cursor.execute(_FORGET_INBOUND, (days * 86_400, INBOUND))
    return count
