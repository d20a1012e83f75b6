"""Erased numbers: the history keeps that something was sent, not to whom nor what; who had opted out stays so.

A number is replaced by its pseudonym (``servicekit.pseudonyms``) as soon as nothing is on its way to it any more; until then
it is needed for receipts, and ``erasures`` holds it; what still waits is cancelled. The blacklisting of who had opted out goes
with it, and comes back the moment somebody wants to send to that number again.

What the blacklist's events told before a number was erased may come later than that it was: ``sequence`` tells which are older
and are not of that number any more. ``opted_out_sequence`` does the same for what was said of its opt-out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from contracts.events import NumbersErased
from servicekit import exports, pseudonyms

from .domain import FINAL, State
from .errors import MessageLeft
from .progress import ChunkCache, Progress
from .unsent import cancel_message

PAGE = 100
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('erasures', %s))"
# What is told with the same sequence came in any order: who opted out by one of them has.
_NOTE = """
INSERT INTO erasures (account_id, pseudonym, msisdn, opted_out, sequence, opted_out_sequence) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, pseudonym) DO UPDATE
SET msisdn = excluded.msisdn, erased_at = now(), sequence = greatest(erasures.sequence, excluded.sequence),
    opted_out = excluded.opted_out OR erasures.opted_out AND excluded.opted_out_sequence <= erasures.opted_out_sequence,
    opted_out_sequence = greatest(erasures.opted_out_sequence, excluded.opted_out_sequence)
"""
# By a link in a message that was sent before the number was erased: only the pseudonym is known then. Without a sequence (0) it
# is told by a release that had none.
_OPT_OUT = """
INSERT INTO erasures (account_id, pseudonym, opted_out, opted_out_sequence) VALUES (%s, %s, true, %s)
ON CONFLICT (account_id, pseudonym) DO UPDATE
SET opted_out = true, opted_out_sequence = greatest(erasures.opted_out_sequence, excluded.opted_out_sequence)
WHERE excluded.opted_out_sequence = 0 OR excluded.opted_out_sequence >= erasures.opted_out_sequence
RETURNING msisdn
"""
_ANY = "SELECT EXISTS (SELECT FROM erasures WHERE account_id = %s)"
_BEHIND = """
SELECT n.msisdn FROM unnest(%s::bigint[], %s::bigint[]) n (msisdn, pseudonym)
JOIN erasures e ON e.account_id = %s AND e.pseudonym = n.pseudonym AND e.sequence >= %s
"""
_FORGIVE = """
UPDATE erasures SET opted_out = false, opted_out_sequence = %s
WHERE account_id = %s AND pseudonym = ANY(%s) AND opted_out_sequence < %s
"""
_CLEAR = "DELETE FROM suppressions WHERE account_id = %s AND msisdn = ANY(%s) AND sequence <= %s"
_BLOCK = "INSERT INTO suppressions (account_id, msisdn) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_WAITING = "SELECT id FROM messages WHERE account_id = %s AND recipient = ANY(%s) AND state = %s ORDER BY id"
_OPEN = """
SELECT account_id, pseudonym, msisdn, opted_out, sequence FROM erasures WHERE msisdn IS NOT NULL
ORDER BY erased_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
_MESSAGES = """
UPDATE messages SET recipient = %s, text = '', reference = NULL
WHERE account_id = %s AND recipient = %s AND state = ANY(%s)
"""
_LEFT = "SELECT EXISTS (SELECT FROM messages WHERE account_id = %s AND recipient = %s)"
_INBOUND = "UPDATE inbound SET sender = 'erased', body = '' WHERE account_id = %s AND sender = %s AND told"
_OPTED_OUT = "SELECT EXISTS (SELECT FROM erasures WHERE account_id = %s AND opted_out)"
# What was closed is opened again, for the sweep: the messages that are rejected have the number. What is open may be locked by
# the sweep, which waits for our lock, and is not written.
_SINCE = """
WITH found AS (
    SELECT n.msisdn, e.account_id, e.pseudonym, e.msisdn IS NULL AS is_closed
    FROM unnest(%s::bigint[], %s::bigint[]) n (msisdn, pseudonym)
    JOIN erasures e ON e.account_id = %s AND e.pseudonym = n.pseudonym AND e.erased_at > %s
), opened AS (
    UPDATE erasures e SET msisdn = f.msisdn FROM found f
    WHERE e.account_id = f.account_id AND e.pseudonym = f.pseudonym AND f.is_closed
)
SELECT msisdn::text FROM found
"""
_ANY_SINCE = "SELECT EXISTS (SELECT FROM erasures WHERE account_id = %s AND erased_at > %s)"
_REVIVE = """
INSERT INTO suppressions (account_id, msisdn)
SELECT %s, n.msisdn FROM unnest(%s::bigint[], %s::bigint[]) n (msisdn, pseudonym)
JOIN erasures e ON e.account_id = %s AND e.pseudonym = n.pseudonym AND e.opted_out ON CONFLICT DO NOTHING
"""


def note(cursor: Any, event: NumbersErased, cache: ChunkCache) -> None:
    """Write down what is to be erased, erase what can be, and withdraw written files, which may have it in them.

    What waits for a sender is cancelled, and its price given back. The caller holds ``suppressions.lock``: a change of the
    blacklist that is under way is in the copy, or finds the erasure.
    """
    _cancel_waiting(cursor, event, cache)
    for told in event.opted_out_since:
        cursor.execute(_OPT_OUT, (event.account_id, int(told), event.sequence))
        known = cursor.fetchone()
        if known and known[0] is not None:
            cursor.execute(_BLOCK, (event.account_id, known[0]))
    if not event.numbers:
        return
    _clear(cursor, event.account_id, [int(number) for number in event.numbers], event.sequence)
    for number in event.numbers:
        msisdn = int(number)
        pseudonym, out = pseudonyms.of(event.account_id, msisdn), number in event.opted_out
        cursor.execute(_NOTE, (event.account_id, pseudonym, msisdn, out, event.sequence, event.sequence))
        if out:  # the change that says so may still be on its way
            cursor.execute(_BLOCK, (event.account_id, msisdn))
    exports.withdraw(cursor, event.account_id)
    sweep(cursor)


def erased_behind(cursor: Any, account_id: int, sequence: int, msisdns: Sequence[int]) -> frozenset[int]:
    """Which of ``msisdns``, named by the change ``sequence`` of the account's blacklist, were erased at it or later."""
    hashed = _pseudonyms(cursor, account_id, msisdns)
    if hashed is None:
        return frozenset()
    cursor.execute(_BEHIND, (list(msisdns), hashed, account_id, sequence))
    return frozenset(msisdn for (msisdn,) in cursor.fetchall())


def forgive(cursor: Any, account_id: int, sequence: int, msisdns: Sequence[int]) -> None:
    """Take note that the change ``sequence`` lifted ``msisdns``: what they said before they were erased counts no more."""
    hashed = _pseudonyms(cursor, account_id, msisdns)
    if hashed is not None:
        cursor.execute(_FORGIVE, (sequence, account_id, hashed, sequence))


def _clear(cursor: Any, account_id: int, msisdns: list[int], sequence: int) -> None:
    """Take out of the copy what was put there up to the change ``sequence``: who came back since is in it by a later one."""
    cursor.execute(_CLEAR, (account_id, msisdns, sequence))


def _pseudonyms(cursor: Any, account_id: int, msisdns: Sequence[int]) -> list[int] | None:
    """Of each number; None, without making them, for an account that erased nobody."""
    cursor.execute(_ANY, (account_id,))
    return [pseudonyms.of(account_id, msisdn) for msisdn in msisdns] if cursor.fetchone()[0] else None


def _cancel_waiting(cursor: Any, event: NumbersErased, cache: ChunkCache) -> None:
    progress = Progress()
    numbers = [int(number) for number in event.numbers]
    cursor.execute(_WAITING, (event.account_id, numbers, int(State.QUEUED)))
    for (message_id,) in cursor.fetchall():
        with contextlib.suppress(MessageLeft):
            cancel_message(cursor, event.account_id, message_id, progress)
    progress.tell(cursor, cache)


def sweep(cursor: Any) -> None:
    """Erase what became final since; a number itself is forgotten when nothing of it is left.

    Files that were written since the last sweep are withdrawn where they may have it in them.
    """
    cursor.execute(_OPEN, (PAGE,))
    for account_id, pseudonym, msisdn, opted_out, sequence in sorted(cursor.fetchall()):
        cursor.execute(_LOCK, (account_id,))
        cursor.execute(_MESSAGES, (pseudonym, account_id, msisdn, [int(state) for state in FINAL]))
        if cursor.rowcount:
            exports.withdraw(cursor, account_id)
        cursor.execute(_INBOUND, (account_id, str(msisdn)))
        cursor.execute(_LEFT, (account_id, msisdn))
        if cursor.fetchone()[0]:
            continue
        if opted_out:
            _clear(cursor, account_id, [msisdn], sequence)
        cursor.execute(
            "UPDATE erasures SET msisdn = NULL WHERE account_id = %s AND pseudonym = %s",
            (account_id, pseudonym),
        )


def erased_since(cursor: Any, account_id: int, moment: str | None, messages: Iterable[Any]) -> frozenset[str]:
    """Whose number was erased after ``moment``, of the recipients of ``messages``; nobody's without a moment.

    In the transaction that accepts them. The lock is the sweep's, which must not close an erasure meanwhile.
    """
    if moment is None:
        return frozenset()
    cursor.execute(_ANY_SINCE, (account_id, moment))
    if not cursor.fetchone()[0]:
        return frozenset()
    cursor.execute(_LOCK, (account_id,))
    numbers = [int(message.msisdn) for message in messages]
    hashed = [pseudonyms.of(account_id, msisdn) for msisdn in numbers]
    cursor.execute(_SINCE, (numbers, hashed, account_id, moment))
    return frozenset(msisdn for (msisdn,) in cursor.fetchall())


def revive(cursor: Any, account_id: int, msisdns: Iterable[str]) -> None:
    """Blacklist again whoever of ``msisdns`` had opted out before being erased; in the transaction that accepts them.

    The lock is the sweep's: it cannot lift a blacklisting between this look and the acceptance.
    """
    cursor.execute(_OPTED_OUT, (account_id,))
    if not cursor.fetchone()[0]:
        return
    cursor.execute(_LOCK, (account_id,))
    numbers = [int(msisdn) for msisdn in msisdns]
    hashed = [pseudonyms.of(account_id, msisdn) for msisdn in numbers]
    cursor.execute(_REVIVE, (account_id, numbers, hashed, account_id))
