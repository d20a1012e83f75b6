"""Counting what became of the messages. Plain SQL on a psycopg2 cursor, for the service and the expander alike.

Whoever changes chunks or counters of a campaign locks its row first (``lock`` or an UPDATE of it), so that
nobody waits in a circle. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contracts.events import ChunkProgress

from . import domain
from .domain import Delta, Standing

CHANNEL = "campaigns"
"""The channel of NOTIFY on which the expander hears of work and of chunks that have left."""

_COUNTERS = ("accepted", "submitted", "left_count", *domain.FINALS)
_FINALS_SUM = " + ".join(domain.FINALS)

_LOCK_OF_CHUNKS = """
SELECT FROM campaigns WHERE id IN (SELECT campaign_id FROM chunks WHERE id = ANY(%s))
 ORDER BY id FOR NO KEY UPDATE
"""
_COUNT_CHUNKS = """
UPDATE chunks AS c SET
    accepted = c.accepted + d.accepted,
    left_count = c.left_count + d.gone,
    state = CASE WHEN c.state = 'queued' AND c.left_count + d.gone >= c.messages THEN 'finished'
                 ELSE c.state END,
    finished_at = CASE WHEN c.state = 'queued' AND c.left_count + d.gone >= c.messages THEN now()
                       ELSE c.finished_at END
FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS d (id, accepted, gone)
WHERE c.id = d.id
"""
_COUNT_CAMPAIGNS = f"""
UPDATE campaigns AS t SET {", ".join(f"{name} = t.{name} + d.{name}" for name in _COUNTERS)}
FROM (
    SELECT c.campaign_id, {", ".join(f"sum(x.{name})::int AS {name}" for name in _COUNTERS)}
    FROM unnest(%s::bigint[]{", %s::int[]" * len(_COUNTERS)}) AS x (id, {", ".join(_COUNTERS)})
    JOIN chunks c ON c.id = x.id
    GROUP BY c.campaign_id
) AS d
WHERE t.id = d.campaign_id
RETURNING t.id
"""
_STANDING = f"""
SELECT state, expanded_at IS NOT NULL, recipients, unsent, {_FINALS_SUM},
       EXISTS (SELECT FROM chunks WHERE campaign_id = campaigns.id AND state IN ('preparing', 'queued'))
FROM campaigns WHERE id = %s FOR NO KEY UPDATE
"""
_FINISH = """
UPDATE campaigns SET state = %s, phase = NULL, pause_reason = NULL, version = version + 1, updated_at = now()
WHERE id = %s
"""
_DROP = """
UPDATE chunks SET state = 'dropped', content = NULL, finished_at = now()
WHERE id = %s AND state = 'preparing' RETURNING messages
"""
_PAUSE = """
UPDATE campaigns SET state = %s, pause_reason = %s, version = version + 1, updated_at = now(),
       stop_synced_version = CASE WHEN stop_synced_version = version THEN version + 1
                                  ELSE stop_synced_version END
WHERE id = %s
"""


def record(cursor: Any, entries: Iterable[ChunkProgress]) -> None:
    """Add what changed to chunks and campaigns, one statement each, and settle the campaigns.

    Deltas commute: any order of events gives the same counts. Entries of direct sends and of chunks that do not
    exist are left out. Raises ValueError for an unknown final state.
    """
    deltas = domain.deltas_by_chunk(entries)
    if not deltas:
        return
    ids = list(deltas)
    cursor.execute(_LOCK_OF_CHUNKS, (ids,))
    gone = [delta.left for delta in deltas.values()]
    cursor.execute(_COUNT_CHUNKS, (ids, [delta.accepted for delta in deltas.values()], gone))
    cursor.execute(_COUNT_CAMPAIGNS, (ids, *_columns(deltas)))
    for (campaign_id,) in cursor.fetchall():
        settle(cursor, campaign_id)
    if any(gone):
        wake(cursor)


def _columns(deltas: Mapping[int, Delta]) -> list[list[int]]:
    rows = deltas.values()
    first = [[d.accepted for d in rows], [d.submitted for d in rows], [d.left for d in rows]]
    return [*first, *([d.finals[state] for d in rows] for state in domain.FINALS)]


def settle(cursor: Any, campaign_id: int) -> None:
    """Note that the campaign is sent, and that it is finished, once it is; again changes nothing.

    A cancelled campaign stays cancelled and gets its ``finished_at``. Call it after whatever may be the last
    thing: counts, the end of expanding, a dropped chunk, a cancel.
    """
    cursor.execute(_STANDING, (campaign_id,))
    row = cursor.fetchone()
    if row is None:
        return
    standing = Standing(*row)
    if domain.is_sent(standing) or domain.is_finished(standing):
        cursor.execute(
            "UPDATE campaigns SET sent_at = now() WHERE id = %s AND sent_at IS NULL", (campaign_id,)
        )
    if domain.is_finished(standing):
        _finish(cursor, campaign_id, standing.state)


def _finish(cursor: Any, campaign_id: int, state: str) -> None:
    cursor.execute(
        "UPDATE campaigns SET finished_at = now() WHERE id = %s AND finished_at IS NULL", (campaign_id,)
    )
    if cursor.rowcount and state != "cancelled":
        cursor.execute(_FINISH, (domain.next_state("finish", state), campaign_id))


def finish_expanding(cursor: Any, campaign_id: int) -> None:
    """The last recipient is in a chunk, or refused: from now on the campaign is only being sent."""
    cursor.execute(
        "UPDATE campaigns SET expanded_at = now(), phase = 'sending' WHERE id = %s AND phase = 'expanding'",
        (campaign_id,),
    )
    settle(cursor, campaign_id)


def reject_unsendable(cursor: Any, campaign_id: int, messages: int) -> None:
    """Count recipients for whom rendering gave an error: rejected, and gone without ever leaving."""
    cursor.execute(
        "UPDATE campaigns SET rejected = rejected + %s, left_count = left_count + %s WHERE id = %s",
        (messages, messages, campaign_id),
    )


def drop_chunk(cursor: Any, campaign_id: int, chunk_id: int) -> bool:
    """Give up a chunk that was not queued: its messages are never sent. False when it is not ``preparing``.

    Release its hold before: a hold whose chunk is dropped has nobody left to release it.
    """
    lock(cursor, campaign_id)
    cursor.execute(_DROP, (chunk_id,))
    row = cursor.fetchone()
    if row is None:
        return False
    cursor.execute("UPDATE campaigns SET unsent = unsent + %s WHERE id = %s", (row[0], campaign_id))
    settle(cursor, campaign_id)
    return True


def pause_by_itself(cursor: Any, campaign_id: int, reason: str) -> bool:
    """Pause a running campaign for ``reason`` (a stable code such as ``insufficient_funds``).

    What is queued already goes on, so the dispatcher need not know. False when the campaign was not running.
    """
    state = lock(cursor, campaign_id)
    if state != "running":
        return False
    cursor.execute(_PAUSE, (domain.next_state("pause", state), reason, campaign_id))
    return True


def lock(cursor: Any, campaign_id: int) -> str | None:
    """Lock the campaign's row until the transaction ends; returns its state, None when there is no such."""
    cursor.execute("SELECT state FROM campaigns WHERE id = %s FOR NO KEY UPDATE", (campaign_id,))
    row = cursor.fetchone()
    return row[0] if row else None


def wake(cursor: Any) -> None:
    """Tell the expander, when this transaction commits, that there may be work."""
    cursor.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
