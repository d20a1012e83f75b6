"""Erased numbers: notices stay, without the number.

An erasure and a request to be left alone come by queues of their own, in any order. So erased numbers are remembered for a
while, as pseudonyms (``servicekit.pseudonyms``), and what was asked before the erasure is kept without its number. What was
asked after it came from a number that is known again, and is shown. Times are those of the envelopes: when contacts did it.
"""

from __future__ import annotations

from typing import Any

from contracts.events import NumbersErased
from servicekit import inbox, pseudonyms
from servicekit.database import cursor_of

KEEP_DAYS = inbox.KEEP_DAYS
"""No event is delivered later than that: its id would be forgotten too."""
FORGET_AT_ONCE = 5_000

# One at a time, or a request that is being kept would neither see the erasure nor be seen by it.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('erasing', %s))"
_NOTE = """
INSERT INTO erased_numbers (account_id, pseudonym, erased_at)
SELECT %s, pseudonym, %s::timestamptz FROM unnest(%s::bigint[]) p (pseudonym)
ON CONFLICT (account_id, pseudonym) DO UPDATE SET erased_at = greatest(erased_numbers.erased_at, excluded.erased_at)
"""
# Without asked_at it was kept by an earlier release.
_BLANK = """
UPDATE notices SET data = data - 'number'
WHERE account_id = %s AND kind = 'opt_out' AND data->>'number' = ANY(%s)
    AND coalesce((data->>'asked_at')::timestamptz <= %s::timestamptz, true)
"""
_SINCE = """
SELECT EXISTS (SELECT FROM erased_numbers WHERE account_id = %s AND pseudonym = %s AND erased_at >= %s::timestamptz)
"""
_FORGET = """
DELETE FROM erased_numbers WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM erased_numbers WHERE erased_at < now() - make_interval(days => %s) LIMIT %s))
"""


def erase(session: Any, event: NumbersErased, erased_at: str) -> None:
    """Take the numbers out of the account's notices of what was asked until ``erased_at`` (ISO 8601), and remember them."""
    if not event.numbers:
        return
    cursor = cursor_of(session)
    cursor.execute(_LOCK, (event.account_id,))
    hashed = [pseudonyms.of(event.account_id, int(number)) for number in event.numbers]
    cursor.execute(_NOTE, (event.account_id, erased_at, hashed))
    cursor.execute(_BLANK, (event.account_id, event.numbers, erased_at))


def is_erased(session: Any, account_id: int, number: str, asked_at: str) -> bool:
    """Whether ``number`` was erased at ``asked_at`` (ISO 8601) or later. Nobody erases it until the transaction ends."""
    cursor = cursor_of(session)
    cursor.execute(_LOCK, (account_id,))
    cursor.execute(_SINCE, (account_id, pseudonyms.of(account_id, int(number)), asked_at))
    return bool(cursor.fetchone()[0])


def forget_old(session: Any) -> int:
    """Drop up to FORGET_AT_ONCE pseudonyms that nothing can be delivered for any more; returns how many."""
    cursor = cursor_of(session)
    cursor.execute(_FORGET, (KEEP_DAYS, FORGET_AT_ONCE))
    return int(cursor.rowcount)
