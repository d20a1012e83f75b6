"""Jobs with a lease: long work that any replica may take up where another one stopped.

A table of jobs has the columns ``id``, ``state``, ``lease_until`` and ``owner``. The database's clock decides who works;
a worker renews its lease with every step it commits, so a killed one is replaced after LEASE_SECONDS.
"""

from __future__ import annotations

from typing import Any

LEASE_SECONDS = 15


def claim(cursor: Any, table: str, states: tuple[str, ...], owner: str) -> int | None:
    """Take the oldest job of ``table`` in one of ``states`` that nobody works on; returns its id, or None.

    Runs in the caller's transaction, which must commit for the claim to hold.
    """
    cursor.execute(
        f"UPDATE {table} SET owner = %s, lease_until = now() + make_interval(secs => %s) WHERE id = ("
        f" SELECT id FROM {table} WHERE state = ANY(%s) AND (lease_until IS NULL OR lease_until < now())"
        " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id",
        (owner, LEASE_SECONDS, list(states)),
    )
    row = cursor.fetchone()
    return int(row[0]) if row else None


def renew(cursor: Any, table: str, job_id: int, owner: str) -> bool:
    """Keep the job for another LEASE_SECONDS, in the transaction of the step; False when somebody else has it."""
    cursor.execute(
        f"UPDATE {table} SET lease_until = now() + make_interval(secs => %s) WHERE id = %s AND owner = %s",
        (LEASE_SECONDS, job_id, owner),
    )
    return bool(cursor.rowcount)


def release(cursor: Any, table: str, job_id: int, owner: str) -> None:
    """Let go of the job, so that the next claim need not wait for the lease."""
    cursor.execute(
        f"UPDATE {table} SET lease_until = NULL, owner = NULL WHERE id = %s AND owner = %s", (job_id, owner)
    )
