"""The dispatcher's own copy of who may not be sent to. Kept by events with a sequence an account, in two queues.

``suppression_sequences`` says up to which sequence an account's events are in the copy, all of them and in their order. An
event that is early waits in ``suppressions_early``; what it suppresses holds at once, and no event before it lifts it: an
opt-out overtakes the million numbers that its own account is blacklisting. What an early event lifts waits for its turn.
A gap that stays, and what was lost with no event after it, is asked of contacts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from contracts.events import SuppressionChanged

from . import erasing

PAGE = 5_000
ACCOUNTS = 1_000
DRAINED_AT_ONCE = 20
"""Early events applied in one transaction: the account's next opt-out waits for its end."""

PATIENCE_SECONDS = 2
"""An account whose events do not go on for so long has lost one. Those that are early hold already."""

_BEHIND = """
SELECT n.account_id, n.sequence FROM unnest(%s::bigint[], %s::bigint[]) AS n (account_id, sequence)
LEFT JOIN suppression_sequences s USING (account_id)
WHERE s.account_id IS NULL OR n.sequence > s.sequence AND s.moved_at < now() - make_interval(secs => %s)
"""

_STUCK = """
SELECT s.account_id, e.first - 1
FROM (SELECT account_id, min(sequence) AS first FROM suppressions_early GROUP BY account_id) e
JOIN suppression_sequences s USING (account_id) WHERE s.moved_at < now() - make_interval(secs => %s)
"""

_PUT = """
INSERT INTO suppressions AS s (account_id, msisdn, sequence) SELECT %s, unnest(%s::bigint[]), %s
ON CONFLICT (account_id, msisdn) DO UPDATE SET sequence = excluded.sequence WHERE s.sequence < excluded.sequence
"""

_LIFT = """
DELETE FROM suppressions WHERE account_id = %s AND msisdn IN (
    SELECT unnest(%s::bigint[])
    EXCEPT SELECT unnest(e.suppressed) FROM suppressions_early e WHERE e.account_id = %s AND e.sequence > %s)
"""

_KEEP = """
INSERT INTO suppressions_early (account_id, sequence, suppressed, lifted) VALUES (%s, %s, %s::bigint[], %s::bigint[])
ON CONFLICT DO NOTHING
"""

_NEXT = "DELETE FROM suppressions_early WHERE account_id = %s AND sequence = %s RETURNING suppressed, lifted"


def follow(cursor: Any, event: SuppressionChanged) -> None:
    """Apply ``event`` and the early ones that follow it, if it is the next; keep it if it is early; an old one is nothing.

    The account's row is locked, and nobody is waited for but its holder: nothing is asked of contacts here.
    """
    known = lock(cursor, event.account_id)
    suppressed, lifted = _numbers(event.suppressed), _numbers(event.lifted)
    if event.sequence == known + 1:
        _apply(cursor, event.account_id, event.sequence, suppressed, lifted)
        _move(cursor, event.account_id, _drain(cursor, event.account_id, event.sequence))
    elif event.sequence > known:
        cursor.execute(_KEEP, (event.account_id, event.sequence, suppressed, lifted))
        _put(cursor, event.account_id, event.sequence, suppressed)


class Filling:
    """Asks contacts for what no event has brought: a page of each account in turn, and never with a lock in hand."""

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[Any]],
        cursor_of: Callable[[Any], Any],
        contacts: Any,
    ) -> None:
        """``contacts`` is asked by ``suppressions_since`` and ``suppression_sequences``."""
        self._transaction, self._cursor_of, self._contacts = transaction, cursor_of, contacts

    def fill_gaps(self) -> int:
        """Fill what is missing before early events that have waited long enough; returns for how many accounts."""
        with self._transaction() as session:
            cursor = self._cursor_of(session)
            cursor.execute(_STUCK, (PATIENCE_SECONDS,))
            stuck = dict(cursor.fetchall())
        return self._fill(stuck)

    def follow_up(self) -> int:
        """Ask how far every account's list has come and fill up where none moves; returns for how many accounts.

        The last event before a silence has nobody after it to show the gap: lost, it would be missed for ever.
        """
        after, late = 0, 0
        while page := self._contacts.suppression_sequences(after, ACCOUNTS)["sequences"]:
            with self._transaction() as session:
                behind = _behind(self._cursor_of(session), page)
            after, late = page[-1][0], late + self._fill(behind)
        return late

    def _fill(self, targets: dict[int, int]) -> int:
        open_ = dict(targets)
        while open_:
            open_ = {
                account_id: until for account_id, until in open_.items() if self._step(account_id, until)
            }
        return len(targets)

    def _step(self, account_id: int, until: int) -> bool:
        """One page of one account, and early events; False when it is as far as ``until``, or contacts has no more."""
        known, page = self._known(account_id), None
        if known < until:
            page = self._contacts.suppressions_since(account_id, known, PAGE)
        with self._transaction() as session:
            reached, drained = _take(self._cursor_of(session), account_id, page)
        more = page is not None and page["more"] and reached < until
        return more or drained

    def _known(self, account_id: int) -> int:
        with self._transaction() as session:
            cursor = self._cursor_of(session)
            cursor.execute("SELECT sequence FROM suppression_sequences WHERE account_id = %s", (account_id,))
            found = cursor.fetchone()
            return int(found[0]) if found else 0


def _behind(cursor: Any, sequences: list[list[int]]) -> dict[int, int]:
    """Accounts of which we know less than they were told and hear nothing now, with what they were told."""
    told = ([account_id for account_id, _ in sequences], [sequence for _, sequence in sequences])
    cursor.execute(_BEHIND, (*told, PATIENCE_SECONDS))
    return dict(cursor.fetchall())


def _take(cursor: Any, account_id: int, page: dict[str, Any] | None) -> tuple[int, bool]:
    """Take a page over, unless events went beyond it meanwhile; how far we are, and whether early ones are left to apply.

    A page holds each number as it is at the sequence that the page reaches, whatever happened to it before.
    """
    known = lock(cursor, account_id)
    if page is not None and page["sequence"] > known:
        known = int(page["sequence"])
        _apply(cursor, account_id, known, _numbers(page["suppressed"]), _numbers(page["lifted"]))
    cursor.execute(
        "DELETE FROM suppressions_early WHERE account_id = %s AND sequence <= %s", (account_id, known)
    )
    reached = _drain(cursor, account_id, known)
    _move(cursor, account_id, reached)
    return reached, reached - known == DRAINED_AT_ONCE


def lock(cursor: Any, account_id: int) -> int:
    """Lock the account's row, made if it is new; the sequence up to which all is known.

    Whoever changes the account's copy holds it, until the end of the transaction.
    """
    statement = "SELECT sequence FROM suppression_sequences WHERE account_id = %s FOR UPDATE"
    cursor.execute(statement, (account_id,))
    if found := cursor.fetchone():
        return int(found[0])
    cursor.execute(
        "INSERT INTO suppression_sequences (account_id, sequence) VALUES (%s, 0) ON CONFLICT DO NOTHING",
        (account_id,),
    )
    cursor.execute(statement, (account_id,))
    return int(cursor.fetchone()[0])


def _move(cursor: Any, account_id: int, sequence: int) -> None:
    cursor.execute(
        "UPDATE suppression_sequences SET sequence = %s, moved_at = now() WHERE account_id = %s",
        (sequence, account_id),
    )


def _drain(cursor: Any, account_id: int, known: int) -> int:
    """Apply the early events that follow ``known`` without a gap, so many at once; how far that goes."""
    for sequence in range(known + 1, known + 1 + DRAINED_AT_ONCE):
        cursor.execute(_NEXT, (account_id, sequence))
        found = cursor.fetchone()
        if found is None:
            return sequence - 1
        _apply(cursor, account_id, sequence, *found)
    return known + DRAINED_AT_ONCE


def _apply(
    cursor: Any, account_id: int, sequence: int, suppressed: Sequence[int], lifted: Sequence[int]
) -> None:
    if suppressed:
        _put(cursor, account_id, sequence, suppressed)
    if lifted:
        erasing.forgive(cursor, account_id, sequence, lifted)
        cursor.execute(_LIFT, (account_id, lifted, account_id, sequence))


def _put(cursor: Any, account_id: int, sequence: int, suppressed: Sequence[int]) -> None:
    """Put numbers into the copy, without those that were erased since: they are nobody's any more."""
    erased = erasing.erased_behind(cursor, account_id, sequence, suppressed)
    kept = [msisdn for msisdn in suppressed if msisdn not in erased] if erased else suppressed
    cursor.execute(_PUT, (account_id, kept, sequence))


def _numbers(msisdns: Sequence[str]) -> list[int]:
    return [int(msisdn) for msisdn in msisdns]
