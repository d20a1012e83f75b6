"""What time alone brings: receipts rejoined with their parts, doubt that gets its proof, silence that becomes an end."""

from __future__ import annotations

from typing import Any

from .accepting import GRACE_SECONDS
from .bulk import id_array
from .domain import State
from .outcomes import Receipt, Submit, apply
from .progress import ChunkCache, Progress

PAGE = 2_000
CHUNKS = 50
LOOK_AGAIN_SECONDS = 3_600
DOUBT_SECONDS = 24 * 3_600
WAITING_DAYS = 3
CANCELS_DAYS = 30
_LOCK_ID = 7_110_003


def rejoin_receipts(cursor: Any, cache: ChunkCache) -> int:
    """Receipts that overtook their answer find their part; those that match one doubt alone prove it. Returns how many."""
    cursor.execute("SELECT EXISTS (SELECT FROM receipts_waiting)")
    if not cursor.fetchone()[0]:
        return 0
    return _rejoin_by_id(cursor, cache) + _prove_doubts(cursor, cache)


def _rejoin_by_id(cursor: Any, cache: ChunkCache) -> int:
    cursor.execute(
        "DELETE FROM receipts_waiting w USING ("
        " SELECT DISTINCT ON (r.id) r.id, p.message_id, p.no, m.parts FROM receipts_waiting r"
        " JOIN parts p ON p.connector_id = r.connector_id AND p.smsc_id = r.smsc_id"
        " JOIN messages m ON m.id = p.message_id ORDER BY r.id, p.message_id DESC LIMIT %s) hit"
        " WHERE w.id = hit.id"
        " RETURNING w.connector_id, w.smsc_id, w.state, w.error, w.recipient, w.sender, hit.message_id, hit.no, hit.parts",
        (PAGE,),
    )
    receipts = [Receipt(r[0], r[1], State(r[2]), *r[3:]) for r in cursor.fetchall()]
    if receipts:
        apply(cursor, cache, receipts=receipts)
    return len(receipts)


_PROOFS = """
WITH r AS (
    SELECT id, connector_id, recipient, sender, max(received_at) OVER same AS last, count(*) OVER same AS total,
        row_number() OVER (PARTITION BY connector_id, recipient, sender ORDER BY id) AS n
    FROM (SELECT DISTINCT ON (connector_id, smsc_id) * FROM receipts_waiting ORDER BY connector_id, smsc_id, id) w
    WINDOW same AS (PARTITION BY connector_id, recipient, sender)
), d AS (
    SELECT message_id, no, connector_id, recipient::text AS recipient, sender, count(*) OVER same AS total,
        min(message_id) OVER same = max(message_id) OVER same AS is_one_message,
        row_number() OVER (PARTITION BY connector_id, recipient, sender ORDER BY message_id, no) AS n
    FROM doubts WINDOW same AS (PARTITION BY connector_id, recipient, sender)
), hit AS (
    SELECT r.id, d.message_id, d.no FROM r JOIN d USING (connector_id, recipient, sender, n)
    WHERE r.total = d.total AND d.is_one_message AND r.last < now() - interval '2 seconds'
)
DELETE FROM receipts_waiting w USING hit JOIN messages m ON m.id = hit.message_id WHERE w.id = hit.id
RETURNING w.connector_id, w.smsc_id, w.state, w.error, w.recipient, w.sender, hit.message_id, hit.no, m.parts,
    m.chunk_id, m.price
"""


def _prove_doubts(cursor: Any, cache: ChunkCache) -> int:
    """As many receipts for a connector, number and sender as there are doubtful parts of one message prove them all.

    Which receipt is whose cannot be known among the parts of one message; every one of them was taken, which is what counts.
    """
    cursor.execute(_PROOFS)
    rows = cursor.fetchall()
    if rows:
        submits = [
            Submit(r[6], r[7], r[8], r[9], r[10], r[0], State.SUBMITTED, r[1], None, r[4], r[5]) for r in rows
        ]
        apply(cursor, cache, submits=submits)
        apply(cursor, cache, receipts=[Receipt(r[0], r[1], State(r[2]), *r[3:9]) for r in rows])
    return len(rows)


def expire(cursor: Any, cache: ChunkCache) -> int:
    """End what is silent for too long; returns how many messages. Only one replica does it at a time.

    Submitted without a receipt by validity and grace: expired, reason ``no_receipt``. Doubt without proof for
    another day: the held price goes back, the state stays.
    """
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK_ID,))
    if not cursor.fetchone()[0]:
        return 0
    progress = Progress()
    ended = _expire_silent(cursor, progress)
    _release_doubts(cursor, progress)
    progress.tell(cursor, cache)
    cursor.execute(
        "DELETE FROM cancels WHERE cancelled_at < now() - make_interval(days => %s)", (CANCELS_DAYS,)
    )
    cursor.execute(
        "DELETE FROM receipts_waiting WHERE received_at < now() - make_interval(days => %s)", (WAITING_DAYS,)
    )
    return ended


_SILENT = """
SELECT m.id FROM chunks c JOIN messages m ON m.id BETWEEN c.first_id AND c.last_id AND m.chunk_id = c.id
WHERE c.id = ANY(%s) AND m.state = 2 AND m.submitted_at < now() - make_interval(secs => c.validity_seconds + %s)
"""
_LOOK_AGAIN = """
UPDATE chunks c SET look_at = CASE WHEN EXISTS (
    SELECT FROM messages m WHERE m.id BETWEEN c.first_id AND c.last_id AND m.chunk_id = c.id AND (m.state IN (0, 1, 2)
        OR m.state = 9 AND EXISTS (SELECT FROM doubts d WHERE d.message_id = m.id))
) THEN now() + make_interval(secs => %s) END WHERE c.id = ANY(%s)
"""


def _expire_silent(cursor: Any, progress: Progress) -> int:
    """A chunk says when it is to be looked at: first by validity and grace, then hourly until nothing of it is open."""
    cursor.execute(
        "SELECT id FROM chunks WHERE look_at < now() ORDER BY look_at LIMIT %s FOR UPDATE", (CHUNKS,)
    )
    due = [row[0] for row in cursor.fetchall()]
    if not due:
        return 0
    cursor.execute(_SILENT, (due, GRACE_SECONDS))
    ids = [row[0] for row in cursor.fetchall()]
    if ids:
        _end_silent(cursor, ids, progress)
    cursor.execute(_LOOK_AGAIN, (LOOK_AGAIN_SECONDS, due))
    return len(ids)


def _end_silent(cursor: Any, ids: list[int], progress: Progress) -> None:
    cursor.execute(
        "UPDATE parts SET state = %s, error = 'no_receipt', done_at = now() WHERE message_id = ANY(%s) AND state = 2",
        (int(State.EXPIRED), id_array(ids)),
    )
    cursor.execute(
        "WITH u AS (UPDATE messages SET state = %s, reason = 'no_receipt', done_at = now()"
        " WHERE id = ANY(%s) AND state = 2 RETURNING chunk_id) SELECT chunk_id, count(*) FROM u GROUP BY chunk_id",
        (int(State.EXPIRED), id_array(ids)),
    )
    for chunk_id, count in cursor.fetchall():
        progress.final(chunk_id, State.EXPIRED, count)


def _release_doubts(cursor: Any, progress: Progress) -> None:
    cursor.execute(
        "DELETE FROM doubts d USING messages m, chunks c WHERE m.id = d.message_id AND c.id = m.chunk_id"
        " AND d.since < now() - make_interval(secs => c.validity_seconds + %s) RETURNING m.chunk_id, m.price",
        (DOUBT_SECONDS,),
    )
    for chunk_id, price in cursor.fetchall():
        progress.released(chunk_id, price)
