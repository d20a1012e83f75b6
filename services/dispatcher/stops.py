"""Stopping campaigns: pause, resume, cancel, as ordered by campaigns. The sender looks here before each slice."""

from __future__ import annotations

from typing import Any

from .accepting import order_batch, queue_name
from .progress import ChunkCache
from .sending import batches

STATES = ("running", "paused", "cancelled")


def set_stop(cursor: Any, campaign_id: int, version: int, state: str, cache: ChunkCache) -> dict[str, Any]:
    """Let nothing more of the campaign leave, let it go on, or end what is unsent. An older version changes nothing."""
    cursor.execute(
        "INSERT INTO stops (campaign_id, version, state) VALUES (%s, %s, %s) ON CONFLICT (campaign_id) DO UPDATE"
        " SET version = excluded.version, state = excluded.state, updated_at = now()"
        " WHERE stops.version < excluded.version RETURNING version",
        (campaign_id, version, state),
    )
    if cursor.fetchone() is not None:
        if state == "running":
            _order_again(cursor, campaign_id)
        elif state == "cancelled":
            _end_idle(cursor, campaign_id, cache)
    return {"version": version}


def _order_again(cursor: Any, campaign_id: int) -> None:
    """Parked batches go out again, under a new generation, so that an old order cannot take them too.

    Those of a connector that is switched off are ordered too: the order waits in its queue.
    """
    cursor.execute(
        "UPDATE batches b SET state = 'queued', generation = generation + 1 FROM connectors c"
        " WHERE b.campaign_id = %s AND b.state = 'parked' AND c.id = b.connector_id"
        " RETURNING b.id, b.generation, c.name, b.lane",
        (campaign_id,),
    )
    for batch_id, generation, connector, lane in cursor.fetchall():
        order_batch(cursor, batch_id, generation, queue_name(connector, lane))


def _end_idle(cursor: Any, campaign_id: int, cache: ChunkCache) -> None:
    """End the batches that no sender has in hand; the others are ended by theirs, at its next mark."""
    cursor.execute(
        "SELECT id FROM batches WHERE campaign_id = %s AND (owner IS NULL OR lease_until < now())"
        " ORDER BY id FOR UPDATE SKIP LOCKED",
        (campaign_id,),
    )
    for (batch_id,) in cursor.fetchall():
        batches.end_idle(cursor, batch_id, cache, "campaign_cancelled")
