"""Batches under lease and epoch: take, mark, give back (DESIGN §3.5).

All of it runs on the sender's mark connection. A batch is counted in messages: ``marked`` says that messages before it may be
out, ``holes`` lists those before it that surely are not. Whoever's epoch is not the row's has lost the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from ..accepting import order_batch, queue_name
from ..bulk import id_array
from ..domain import State
from ..outcomes import Submit, apply
from ..progress import ChunkCache, Progress
from ..unsent import end_batch, end_unsent

LEASE_SECONDS = 6
MAX_TAKES = 20


class Row(NamedTuple):
    """A message of a batch as the sender needs it."""

    id: int
    recipient: str
    sender: str
    text: str
    encoding: str
    parts: int
    price: int
    state: int


@dataclass
class Taken:
    """A batch that is ours under ``epoch``; ``todo`` are the ordinals (0-based) still to be sent, in order."""

    batch_id: int
    epoch: int
    chunk_id: int
    account_id: int
    campaign_id: int | None
    validity_seconds: int
    rows: list[Row]
    todo: list[int]
    marked: int
    holes: set[int] = field(default_factory=set)


class Refusal(Enum):
    """Why a batch could not be taken."""

    GONE = "gone"
    STALE = "stale"
    PARKED = "parked"
    LEASED = "leased"


class Mark(NamedTuple):
    """What a mark found: still ours, whether its campaign is stopped, and which messages may not go out."""

    ours: bool
    stop: str | None = None
    blocked: frozenset[int] = frozenset()


def take(cursor: Any, batch_id: int, generation: int, owner: str, cache: ChunkCache) -> Taken | Refusal:
    """Take the batch by lease; what a former owner marked without an outcome becomes uncertain now.

    LEASED means somebody else works on it: ask again when its lease may have ended.
    """
    cursor.execute(
        "SELECT b.generation, b.state, b.owner IS NOT NULL AND b.owner <> %s AND b.lease_until > now(), b.chunk_id,"
        " b.account_id, b.campaign_id, b.first_id, b.last_id, b.marked, b.holes, b.epoch, b.takes, c.validity_seconds,"
        " s.state, b.connector_id FROM batches b JOIN chunks c ON c.id = b.chunk_id"
        " LEFT JOIN stops s ON s.campaign_id = b.campaign_id WHERE b.id = %s FOR UPDATE OF b",
        (owner, batch_id),
    )
    row = cursor.fetchone()
    if row is None:
        return Refusal.GONE
    (row_generation, state, leased, chunk_id, account_id, campaign_id, first_id, last_id, marked, holes, epoch,
     takes, validity, stop, connector_id) = row  # fmt: skip
    if row_generation != generation:
        return Refusal.STALE
    if state == "parked":
        return Refusal.PARKED
    if leased:
        return Refusal.LEASED
    cursor.execute(
        "UPDATE batches SET owner = %s, epoch = epoch + 1, takes = takes + 1,"
        " lease_until = now() + make_interval(secs => %s) WHERE id = %s",
        (owner, LEASE_SECONDS, batch_id),
    )
    taken = Taken(
        batch_id, epoch + 1, chunk_id, account_id, campaign_id, validity,
        _rows(cursor, batch_id, first_id, last_id), [], marked, set(holes),
    )  # fmt: skip
    if takes and marked:
        _settle_doubt(cursor, taken, connector_id, cache)
    if stop in ("paused", "cancelled"):
        stop_batch(cursor, taken, cache)
        return Refusal.PARKED
    if takes >= MAX_TAKES:
        end_taken(cursor, taken, cache, "took_too_often")
        return Refusal.PARKED
    taken.todo = [
        n for n, m in enumerate(taken.rows) if (n >= marked or n in taken.holes) and m.state == State.QUEUED
    ]
    return taken


def _rows(cursor: Any, batch_id: int, first_id: int, last_id: int) -> list[Row]:
    cursor.execute(
        "SELECT id, recipient::text, sender, text, encoding, parts, price, state FROM messages"
        " WHERE id BETWEEN %s AND %s AND batch_id = %s ORDER BY id",
        (first_id, last_id, batch_id),
    )
    return [Row(*row) for row in cursor.fetchall()]


def _settle_doubt(cursor: Any, taken: Taken, connector_id: int, cache: ChunkCache) -> None:
    """Parts that may be out and of which nobody recorded an outcome: not sent again, uncertain until proof comes.

    Also those of a long message that ended already by another part's refusal: their price is still held.
    """
    out = [row for n, row in enumerate(taken.rows[: taken.marked]) if n not in taken.holes]
    open_rows = [
        row
        for row in out
        if row.state in (State.QUEUED, State.SUBMITTED)
        or (row.parts > 1 and row.state not in (State.BLOCKED, State.CANCELLED))
    ]
    cursor.execute(
        "SELECT message_id, no FROM parts WHERE message_id = ANY(%s)",
        (id_array(row.id for row in open_rows),),
    )
    answered = set(cursor.fetchall())
    doubts = [
        Submit(
            row.id, no, row.parts, taken.chunk_id, row.price, connector_id, State.UNCERTAIN, None,
            "no_answer", row.recipient, row.sender,
        )
        for row in open_rows
        for no in range(1, row.parts + 1)
        if (row.id, no) not in answered
    ]  # fmt: skip
    if doubts:
        apply(cursor, cache, submits=doubts)


def mark(cursor: Any, taken: Taken, ordinals: Sequence[int], cache: ChunkCache) -> Mark:
    """Commit that ``ordinals`` may be out from now on; the caller commits, and only if ``ours`` and not stopped.

    In the same transaction messages to suppressed numbers are blocked, so a mark never leaves them in doubt; they and the
    messages that were cancelled meanwhile are ``blocked``. The two statements are one round trip, and the second sees
    what was committed while the first waited for the row: a cancellation holds it.
    """
    marked = max(taken.marked, ordinals[-1] + 1)
    holes = sorted(taken.holes.difference(ordinals) | set(_skipped(taken, marked, ordinals)))
    cursor.execute(
        "UPDATE batches SET marked = %s, holes = %s, takes = 1, lease_until = now() + make_interval(secs => %s)"
        " WHERE id = %s AND epoch = %s;"
        " SELECT (SELECT s.state FROM stops s WHERE s.campaign_id = m.campaign_id AND s.state <> 'running'),"
        " ARRAY(SELECT x.msisdn::text FROM suppressions x WHERE x.account_id = m.account_id AND x.msisdn = ANY(%s)),"
        " ARRAY(SELECT x.message_id FROM cancels x WHERE x.message_id = ANY(%s))"
        " FROM batches m WHERE m.id = %s AND m.epoch = %s",
        (
            marked, holes, LEASE_SECONDS, taken.batch_id, taken.epoch,
            "{" + ",".join(taken.rows[n].recipient for n in ordinals) + "}",
            id_array(taken.rows[n].id for n in ordinals), taken.batch_id, taken.epoch,
        ),
    )  # fmt: skip
    row = cursor.fetchone()
    if row is None:
        return Mark(ours=False)
    stop, suppressed, cancelled = row
    if stop is not None:
        return Mark(ours=True, stop=stop)
    blocked = _block(cursor, taken, ordinals, set(suppressed), cache) if suppressed else frozenset()
    return Mark(ours=True, blocked=blocked.union(n for n in ordinals if taken.rows[n].id in cancelled))


def _block(
    cursor: Any, taken: Taken, ordinals: Sequence[int], numbers: set[str], cache: ChunkCache
) -> frozenset[int]:
    blocked = frozenset(n for n in ordinals if taken.rows[n].recipient in numbers)
    progress = Progress()
    end_unsent(cursor, [taken.rows[n].id for n in blocked], State.BLOCKED, "suppressed", progress)
    progress.tell(cursor, cache)
    return blocked


def _skipped(taken: Taken, marked: int, ordinals: Sequence[int]) -> list[int]:
    """Ordinals that a jump of ``marked`` would pass over although they are still to be sent."""
    going = set(ordinals)
    return [n for n in taken.todo if taken.marked <= n < marked and n not in going]


def give_back(cursor: Any, taken: Taken, unsent: Sequence[int]) -> bool:
    """Let go of the batch, ``unsent`` being marked but surely not out; whoever takes it next sends them. False if not ours."""
    cursor.execute(
        "UPDATE batches SET owner = NULL, lease_until = NULL, takes = greatest(takes - 1, 1), holes = %s"
        " WHERE id = %s AND epoch = %s",
        (sorted(taken.holes.union(unsent)), taken.batch_id, taken.epoch),
    )
    return bool(cursor.rowcount)


def stop_batch(cursor: Any, taken: Taken, cache: ChunkCache) -> bool:
    """Do with the batch as its campaign's stop says now: park it, or end what is unsent of it. False if it is not ours.

    The stop may have changed since it was seen; its row is locked, so that a resume or a cancel comes wholly before
    (a batch whose stop was taken back is ordered again) or after, and then finds the batch parked.
    """
    cursor.execute("SELECT state FROM stops WHERE campaign_id = %s FOR SHARE", (taken.campaign_id,))
    row = cursor.fetchone()
    stop = row[0] if row else "running"
    if stop == "cancelled":
        return end_taken(cursor, taken, cache, "campaign_cancelled")
    if stop == "running":
        return _order_again(cursor, taken)
    return _let_go(cursor, taken, "parked")


def end_taken(cursor: Any, taken: Taken, cache: ChunkCache, reason: str) -> bool:
    """End what is unsent of a batch that is ours; False if it is not any more."""
    if not _let_go(cursor, taken, "parked"):
        return False
    progress = Progress()
    end_batch(cursor, taken.batch_id, State.CANCELLED, reason, progress)
    progress.tell(cursor, cache)
    return True


def end_idle(cursor: Any, batch_id: int, cache: ChunkCache, reason: str) -> None:
    """End a batch that nobody has in hand: what its last owner left without an outcome is in doubt, the rest is cancelled.

    The caller holds the row's lock.
    """
    cursor.execute(
        "SELECT b.epoch, b.chunk_id, b.account_id, b.campaign_id, b.first_id, b.last_id, b.marked, b.holes, b.connector_id"
        " FROM batches b WHERE b.id = %s",
        (batch_id,),
    )
    epoch, chunk_id, account_id, campaign_id, first_id, last_id, marked, holes, connector_id = (
        cursor.fetchone()
    )
    taken = Taken(
        batch_id, epoch, chunk_id, account_id, campaign_id, 0,
        _rows(cursor, batch_id, first_id, last_id), [], marked, set(holes),
    )  # fmt: skip
    if marked:
        _settle_doubt(cursor, taken, connector_id, cache)
    end_taken(cursor, taken, cache, reason)


def _let_go(cursor: Any, taken: Taken, state: str) -> bool:
    cursor.execute(
        "UPDATE batches SET state = %s, owner = NULL, lease_until = NULL, holes = %s WHERE id = %s AND epoch = %s",
        (state, sorted(taken.holes), taken.batch_id, taken.epoch),
    )
    return bool(cursor.rowcount)


def _order_again(cursor: Any, taken: Taken) -> bool:
    if not _let_go(cursor, taken, "queued"):
        return False
    cursor.execute(
        "UPDATE batches b SET generation = generation + 1 FROM connectors c WHERE b.id = %s AND c.id = b.connector_id"
        " RETURNING b.generation, c.name, b.lane",
        (taken.batch_id,),
    )
    generation, connector, lane = cursor.fetchone()
    order_batch(cursor, taken.batch_id, generation, queue_name(connector, lane))
    return True


def renew(cursor: Any, owner: str, batch_ids: Sequence[int]) -> None:
    """Keep these batches of ``owner`` for another LEASE_SECONDS.

    Only what is really in hand: one that was forgotten on the way (a restart under the same name) must become free.
    """
    cursor.execute(
        "UPDATE batches SET lease_until = now() + make_interval(secs => %s) WHERE id = ANY(%s) AND owner = %s",
        (LEASE_SECONDS, id_array(batch_ids), owner),
    )


def order_abandoned(cursor: Any) -> int:
    """Order again what a sender took and let go of without a word: its order may sit unacknowledged for minutes.

    A frozen sender holds its broker connection until heartbeats run out, but its leases end on time. The new generation
    makes the old order void; if it wakes up, its epoch is no longer the row's once somebody took the batch.
    """
    cursor.execute(
        "UPDATE batches b SET generation = generation + 1, owner = NULL, lease_until = NULL FROM connectors c"
        " WHERE c.id = b.connector_id AND b.id IN (SELECT id FROM batches WHERE state = 'queued' AND owner IS NOT NULL"
        " AND lease_until < now() - interval '1 second' ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED)"
        " RETURNING b.id, b.generation, c.name, b.lane"
    )
    rows = cursor.fetchall()
    for batch_id, generation, connector, lane in rows:
        order_batch(cursor, batch_id, generation, queue_name(connector, lane))
    return len(rows)
