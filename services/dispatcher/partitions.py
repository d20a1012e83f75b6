"""Partitions of messages and parts: made ahead of the ids that will need them."""

from __future__ import annotations

from typing import Any

SIZE = 5_000_000
AHEAD = 1_000_000
_LOCK_ID = 7_110_002
_TABLES = ("messages", "parts")


def ensure(cursor: Any) -> None:
    """Make the partition of the next id, and the one after it once the next id is AHEAD of its end.

    Attached rather than created in place, which would lock readers and writers of the whole table out.
    """
    cursor.execute("SELECT next_id FROM message_ids")
    next_id = int(cursor.fetchone()[0])
    for number in {next_id // SIZE, (next_id + AHEAD) // SIZE}:
        if not _exists(cursor, number):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK_ID,))
            if not _exists(cursor, number):
                _make(cursor, number)


def _exists(cursor: Any, number: int) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (f"messages_p{number}",))
    return bool(cursor.fetchone()[0])


def _make(cursor: Any, number: int) -> None:
    for table in _TABLES:
        name = f"{table}_p{number}"
        # Autovacuum by a count of dead rows, not by a share of the table: HOT leaves few, and a share of millions is late.
        cursor.execute(
            f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL) WITH (fillfactor = 50,"
            " autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200000,"
            " autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000)"
        )
        cursor.execute(
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
            (number * SIZE, (number + 1) * SIZE),
        )
