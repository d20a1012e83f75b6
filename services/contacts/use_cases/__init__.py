"""What contacts can be asked to do. Each takes the session (or cursor) of the caller's transaction first."""

from __future__ import annotations

from typing import Any

from .. import queries


def lock_contacts(session: Any, account_id: int, *, shared: bool = False) -> None:
    """Writers of an account's contacts and groups come one after the other, until the end of the transaction.

    Between "who has this number" and "store it" nobody else may. Pages of one import, which have no number in common, share
    the lock with each other, each for half a second; so does whoever only notes something of a number, which must stay whose
    it is.
    """
    name = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    sql = f"SELECT {name}(hashtextextended('contacts', %(account_id)s))"
    queries.value(session, sql, {"account_id": account_id})
