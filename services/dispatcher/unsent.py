"""Messages that will never be handed over: blocked at the last moment, cancelled, or ended by a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .bulk import id_array
from .domain import State
from .errors import MessageLeft, UnknownMessage
from .progress import Progress


def end_unsent(
    cursor: Any, message_ids: Sequence[int], state: State, reason: str, progress: Progress
) -> None:
    """End messages of which no part has left; their whole price is given back. Others are left as they are."""
    cursor.execute(
        "WITH u AS (UPDATE messages SET state = %s, reason = %s, done_at = now() WHERE id = ANY(%s) AND state = 1"
        " RETURNING chunk_id, parts, price)"
        " SELECT chunk_id, count(*), sum(parts * price) FROM u GROUP BY chunk_id",
        (int(state), reason, id_array(message_ids)),
    )
    for chunk_id, count, amount in cursor.fetchall():
        progress.final(chunk_id, state, count)
        progress.released(chunk_id, int(amount))


def end_batch(cursor: Any, batch_id: int, state: State, reason: str, progress: Progress) -> None:
    """End what is unsent of a batch and drop its row. The caller holds the row's lock and knows that nobody sends it."""
    cursor.execute(
        "DELETE FROM batches WHERE id = %s RETURNING chunk_id, first_id, last_id, messages, marked, holes",
        (batch_id,),
    )
    row = cursor.fetchone()
    if row is None:
        return
    chunk_id, first_id, last_id, messages, marked, holes = row
    cursor.execute(
        "SELECT id FROM messages WHERE id BETWEEN %s AND %s AND batch_id = %s ORDER BY id",
        (first_id, last_id, batch_id),
    )
    ids = [int(r[0]) for r in cursor.fetchall()]
    keep = set(holes)
    end_unsent(cursor, [i for n, i in enumerate(ids) if n >= marked or n in keep], state, reason, progress)
    progress.left(chunk_id, messages)


def cancel_message(cursor: Any, account_id: int, message_id: int, progress: Progress) -> None:
    """End one message that still waits, and give its price back. Raises UnknownMessage, MessageLeft.

    The batch's row is locked, so no mark can pass while we look; the sender, which may have the message in memory, finds it
    among the cancelled ones at its next mark.
    """
    cursor.execute(
        "SELECT batch_id, state FROM messages WHERE id = %s AND account_id = %s", (message_id, account_id)
    )
    found = cursor.fetchone()
    if found is None:
        raise UnknownMessage("There is no such message.")
    batch_id, state = found
    if state == State.CANCELLED:
        return
    cursor.execute("SELECT first_id, marked, holes FROM batches WHERE id = %s FOR UPDATE", (batch_id,))
    batch = cursor.fetchone()
    if batch is None or state != State.QUEUED:
        raise MessageLeft("The message has left already.")
    first_id, marked, holes = batch
    cursor.execute(
        "SELECT count(*) FROM messages WHERE id >= %s AND id < %s AND batch_id = %s",
        (first_id, message_id, batch_id),
    )
    ordinal = cursor.fetchone()[0]
    if ordinal < marked and ordinal not in holes:
        raise MessageLeft("The message has left already.")
    cursor.execute("INSERT INTO cancels (message_id) VALUES (%s) ON CONFLICT DO NOTHING", (message_id,))
    end_unsent(cursor, [message_id], State.CANCELLED, "cancelled_by_client", progress)
