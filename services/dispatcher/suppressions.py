"""The dispatcher's own copy of who may not be sent to. Kept by events with a sequence a account; a gap asks for a resync."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from contracts.events import SuppressionChanged

PAGE = 5_000
ACCOUNTS = 1_000

# Ten events of one account are in the hands of ten greenlets at once, and any of them may be first at the account's row:
# what looks like a gap is there a moment later. Asking contacts instead waits for whoever writes that account's list.
PATIENCE_SECONDS = 0.5
LOOK_SECONDS = 0.01


def follow(cursor: Any, event: SuppressionChanged, since: Callable[[int, int, int], dict[str, Any]]) -> None:
    """Apply ``event`` if it is the next one; an old one changes nothing, a gap that stays is filled from ``since``.

    ``since(account_id, sequence, limit)`` is contacts.suppressions_since. The account's row is locked, so two
    replicas cannot apply out of order. It is filled as far as ``event`` only: who fills an account's list faster than
    that is asked for would keep other accounts' events waiting until he is done.
    """
    _await_turn(cursor, event)
    known = _known_sequence(cursor, event.account_id)
    if event.sequence == known + 1:
        _apply(cursor, event.account_id, event.suppressed, event.lifted)
        _remember(cursor, event.account_id, event.sequence)
    elif event.sequence > known:
        _catch_up(cursor, event.account_id, known, event.sequence, since)


def follow_up(
    transaction: Callable[[], AbstractContextManager[Any]], cursor_of: Callable[[Any], Any], contacts: Any
) -> int:
    """Ask contacts how far every account's list has come and catch up where we are behind; returns for how many accounts.

    The last event before a silence has nobody after it to show the gap: lost, it would be missed for ever without this.
    """
    after, late = 0, 0
    while page := contacts.suppression_sequences(after, ACCOUNTS)["sequences"]:
        with transaction() as session:
            behind = _behind(cursor_of(session), page)
        for account_id, told in behind:
            with transaction() as session:
                cursor = cursor_of(session)
                known = _known_sequence(cursor, account_id)
                _catch_up(cursor, account_id, known, told, contacts.suppressions_since)
        after, late = page[-1][0], late + len(behind)
    return late


def _await_turn(cursor: Any, event: SuppressionChanged) -> None:
    """Give those before ``event`` the time to be applied by others, holding no lock; the more they are, the rarer it looks."""
    until = time.monotonic() + PATIENCE_SECONDS
    while (
        missing := event.sequence - 1 - _applied(cursor, event.account_id)
    ) > 0 and time.monotonic() < until:
        time.sleep(min(PATIENCE_SECONDS / 5, LOOK_SECONDS * missing))


def _applied(cursor: Any, account_id: int) -> int:
    cursor.execute("SELECT sequence FROM suppression_sequences WHERE account_id = %s", (account_id,))
    found = cursor.fetchone()
    return int(found[0]) if found else 0


def _behind(cursor: Any, sequences: list[list[int]]) -> list[tuple[int, int]]:
    """Accounts of which we know less than they were told, with what they were told."""
    cursor.execute(
        "SELECT n.account_id, n.sequence FROM unnest(%s::bigint[], %s::bigint[]) AS n (account_id, sequence)"
        " LEFT JOIN suppression_sequences s USING (account_id) WHERE n.sequence > coalesce(s.sequence, 0)",
        ([account_id for account_id, _ in sequences], [sequence for _, sequence in sequences]),
    )
    return [(row[0], row[1]) for row in cursor.fetchall()]


def _catch_up(
    cursor: Any, account_id: int, known: int, until: int, since: Callable[[int, int, int], dict[str, Any]]
) -> None:
    more = True
    while more and known < until:
        page = since(account_id, known, PAGE)
        _apply(cursor, account_id, page["suppressed"], page["lifted"])
        known, more = int(page["sequence"]), bool(page["more"])
    _remember(cursor, account_id, known)


def _known_sequence(cursor: Any, account_id: int) -> int:
    cursor.execute(
        "INSERT INTO suppression_sequences (account_id, sequence) VALUES (%s, 0) ON CONFLICT DO NOTHING",
        (account_id,),
    )
    cursor.execute(
        "SELECT sequence FROM suppression_sequences WHERE account_id = %s FOR UPDATE", (account_id,)
    )
    return int(cursor.fetchone()[0])


def _remember(cursor: Any, account_id: int, sequence: int) -> None:
    cursor.execute(
        "UPDATE suppression_sequences SET sequence = %s WHERE account_id = %s", (sequence, account_id)
    )


def _apply(cursor: Any, account_id: int, suppressed: list[str], lifted: list[str]) -> None:
    cursor.execute(
        "INSERT INTO suppressions (account_id, msisdn) SELECT %s, unnest(%s::bigint[]) ON CONFLICT DO NOTHING",
        (account_id, [int(number) for number in suppressed]),
    )
    cursor.execute(
        "DELETE FROM suppressions WHERE account_id = %s AND msisdn = ANY(%s::bigint[])",
        (account_id, [int(number) for number in lifted]),
    )
