"""Outcomes: what operators said of parts, stored in sets, one transaction a flush (DESIGN §3.6).

``apply`` may run twice for the same outcomes (a commit whose answer was lost, a second sender that met the same doubt): every
statement is guarded by the state it starts from, and only what really changed is told and billed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import psycopg2

from .bulk import copy_rows, id_array
from .domain import State, roll_up
from .progress import ChunkCache, Progress


class Submit(NamedTuple):
    """What came of handing over part ``no`` (1-based) of ``total``.

    ``state`` is SUBMITTED (ESME_ROK, with ``smsc_id``), REJECTED (refused for good, with ``error``), UNCERTAIN (no answer)
    or CANCELLED (not sent, because an earlier part of its message was refused).
    """

    message_id: int
    no: int
    total: int
    chunk_id: int
    price: int
    connector_id: int
    state: State
    smsc_id: str | None
    error: str | None
    recipient: str
    sender: str


class Receipt(NamedTuple):
    """A final receipt. ``message_id`` is 0 when memory does not know the operator's id; the database may."""

    connector_id: int
    smsc_id: str
    state: State
    error: str | None
    recipient: str
    sender: str
    message_id: int = 0
    no: int = 0
    total: int = 0


class Finished(NamedTuple):
    """A batch whose every message has left, taken under ``epoch``."""

    batch_id: int
    epoch: int


_PART_COLUMNS = "message_id, no, connector_id, smsc_id, state, error"


def apply(
    cursor: Any,
    cache: ChunkCache,
    submits: Sequence[Submit] = (),
    receipts: Sequence[Receipt] = (),
    finished: Sequence[Finished] = (),
) -> Progress:
    """Store everything in the caller's transaction, with the one event that tells of it; returns what changed."""
    progress = Progress()
    recheck: set[int] = set()
    if submits:
        _store_submits(cursor, submits, progress, recheck)
    if receipts:
        _store_receipts(cursor, receipts, progress, recheck)
    if recheck:
        _roll_up(cursor, sorted(recheck), progress)
    if finished:
        _finish(cursor, finished, progress)
    progress.tell(cursor, cache)
    return progress


def _store_submits(cursor: Any, submits: Sequence[Submit], progress: Progress, recheck: set[int]) -> None:
    fresh, resolved = _store_parts(cursor, submits)
    # A doubt whose price was given back in the meantime must not be billed: captured and released never exceed the hold.
    still_held = _forget_doubts(cursor, resolved) if resolved else set()
    _book(fresh + [s for s in resolved if (s.message_id, s.no) in still_held], progress)
    # A message of one part needs no look at its siblings: its state is its part's.
    single = [s for s in fresh if s.total == 1]
    recheck.update(s.message_id for s in fresh if s.total > 1)
    recheck.update(s.message_id for s in resolved)
    taken = [s.message_id for s in single if s.state is State.SUBMITTED]
    if taken:
        cursor.execute(
            "WITH u AS (UPDATE messages SET state = 2, submitted_at = now() WHERE id = ANY(%s) AND state = 1"
            " RETURNING chunk_id) SELECT chunk_id, count(*) FROM u GROUP BY chunk_id",
            (id_array(taken),),
        )
        for chunk_id, count in cursor.fetchall():
            progress.submitted(chunk_id, count)
    for (state, error), ids in _grouped((s.state, s.error, s.message_id) for s in single).items():
        if state is not State.SUBMITTED:
            _end_messages(cursor, ids, state, error, State.QUEUED, progress)
    doubtful = [s for s in fresh if s.state is State.UNCERTAIN]
    if doubtful:
        cursor.execute(
            "INSERT INTO doubts (message_id, no, connector_id, recipient, sender)"
            " SELECT * FROM unnest(%s::bigint[], %s::smallint[], %s::int[], %s::bigint[], %s::text[])"
            " ON CONFLICT DO NOTHING",
            (
                [s.message_id for s in doubtful],
                [s.no for s in doubtful],
                [s.connector_id for s in doubtful],
                [int(s.recipient) for s in doubtful],
                [s.sender for s in doubtful],
            ),
        )


def _store_parts(cursor: Any, submits: Sequence[Submit]) -> tuple[list[Submit], list[Submit]]:
    """Insert a row a part: (those that were new, those that resolved a doubt). The rest was known already."""
    if psycopg2.extensions.get_wait_callback() is not None:  # under eventlet, where COPY cannot run
        return _merge_parts(cursor, submits)
    cursor.execute("SAVEPOINT parts")
    try:
        copy_rows(
            cursor,
            "parts",
            _PART_COLUMNS,
            [(s.message_id, s.no, s.connector_id, s.smsc_id, int(s.state), s.error) for s in submits],
        )
    except psycopg2.errors.UniqueViolation:
        cursor.execute("ROLLBACK TO SAVEPOINT parts")
        return _merge_parts(cursor, submits)
    cursor.execute("RELEASE SAVEPOINT parts")
    return list(submits), []


def _merge_parts(cursor: Any, submits: Sequence[Submit]) -> tuple[list[Submit], list[Submit]]:
    by_part = {
        (s.message_id, s.no): s for s in submits
    }  # the last word on a part wins: an answer over a doubt
    values = [
        [s.message_id for s in by_part.values()],
        [s.no for s in by_part.values()],
        [s.connector_id for s in by_part.values()],
        [s.smsc_id for s in by_part.values()],
        [int(s.state) for s in by_part.values()],
        [s.error for s in by_part.values()],
    ]
    arrays = "unnest(%s::bigint[], %s::smallint[], %s::int[], %s::text[], %s::smallint[], %s::text[])"
    cursor.execute(
        f"INSERT INTO parts ({_PART_COLUMNS}) SELECT * FROM {arrays} ON CONFLICT DO NOTHING RETURNING message_id, no",
        values,
    )
    fresh = {(message_id, no) for message_id, no in cursor.fetchall()}
    cursor.execute(
        "UPDATE parts p SET smsc_id = n.smsc_id, state = n.state, error = n.error, submitted_at = now()"
        f" FROM {arrays} AS n({_PART_COLUMNS}) WHERE p.message_id = n.message_id AND p.no = n.no"
        " AND p.state = 9 AND n.state <> 9 RETURNING p.message_id, p.no",
        values,
    )
    resolved = {(message_id, no) for message_id, no in cursor.fetchall()}
    return [s for key, s in by_part.items() if key in fresh], [
        s for key, s in by_part.items() if key in resolved
    ]


def _book(submits: Iterable[Submit], progress: Progress) -> None:
    for s in submits:
        if s.state is State.SUBMITTED:
            progress.captured(s.chunk_id, s.price, s.connector_id, s.recipient)
        elif s.state is not State.UNCERTAIN:
            progress.released(s.chunk_id, s.price)


def _forget_doubts(cursor: Any, resolved: Sequence[Submit]) -> set[tuple[int, int]]:
    """Drop the doubts that these resolve; returns the (message id, part) of those that were still open, their price held."""
    cursor.execute(
        "DELETE FROM doubts d USING unnest(%s::bigint[], %s::smallint[]) AS r(message_id, no)"
        " WHERE d.message_id = r.message_id AND d.no = r.no RETURNING d.message_id, d.no",
        ([s.message_id for s in resolved], [s.no for s in resolved]),
    )
    return {(message_id, no) for message_id, no in cursor.fetchall()}


def _store_receipts(cursor: Any, receipts: Sequence[Receipt], progress: Progress, recheck: set[int]) -> None:
    known = [r for r in receipts if r.message_id]
    found, waiting = _look_up(cursor, [r for r in receipts if not r.message_id])
    if waiting:
        copy_rows(
            cursor,
            "receipts_waiting",
            "connector_id, smsc_id, state, error, recipient, sender",
            [(r.connector_id, r.smsc_id, int(r.state), r.error, r.recipient, r.sender) for r in waiting],
        )
    one: list[Receipt] = []
    several: list[Receipt] = []
    for receipt in [*known, *found]:
        # A message whose doubt this very flush resolves is still uncertain: it becomes what its part says, at the end.
        alone = receipt.total == 1 and receipt.message_id not in recheck
        (one if alone else several).append(receipt)
    # The end of a message of one part is that of its part, whose row stays as it was taken (queries.PARTS): a second UPDATE
    # a message took 6 to 10 µs of 20 that PostgreSQL spends on a receipt.
    for (state, error), ids in _grouped((r.state, r.error, r.message_id) for r in one).items():
        _end_messages(cursor, ids, state, error, State.SUBMITTED, progress)
    if several:
        cursor.execute(
            "UPDATE parts p SET state = r.state, error = r.error, done_at = now(), receipt_at = now()"
            " FROM unnest(%s::bigint[], %s::smallint[], %s::smallint[], %s::text[]) AS r(message_id, no, state, error)"
            " WHERE p.message_id = r.message_id AND p.no = r.no AND p.state = 2",
            (
                [r.message_id for r in several],
                [r.no for r in several],
                [int(r.state) for r in several],
                [r.error for r in several],
            ),
        )
        recheck.update(r.message_id for r in several)


def _look_up(cursor: Any, unknown: Sequence[Receipt]) -> tuple[list[Receipt], list[Receipt]]:
    """Receipts whose part the database knows, completed, and those that came before their answer.

    An operator may use an id again after a time: the latest submit wins.
    """
    found: list[Receipt] = []
    waiting: list[Receipt] = []
    by_connector: defaultdict[int, list[Receipt]] = defaultdict(list)
    for receipt in unknown:
        by_connector[receipt.connector_id].append(receipt)
    for connector_id, group in by_connector.items():
        cursor.execute(
            "SELECT DISTINCT ON (p.smsc_id) p.smsc_id, p.message_id, p.no, m.parts FROM parts p"
            " JOIN messages m ON m.id = p.message_id WHERE p.connector_id = %s AND p.smsc_id = ANY(%s)"
            " ORDER BY p.smsc_id, p.message_id DESC",
            (connector_id, [r.smsc_id for r in group]),
        )
        places = {row[0]: row[1:] for row in cursor.fetchall()}
        for receipt in group:
            place = places.get(receipt.smsc_id)
            if place is None:
                waiting.append(receipt)
            else:
                found.append(receipt._replace(message_id=place[0], no=place[1], total=place[2]))
    return found, waiting


def _end_messages(
    cursor: Any, ids: Sequence[int], state: State, reason: str | None, only_from: State, progress: Progress
) -> None:
    cursor.execute(
        "WITH u AS (UPDATE messages SET state = %s, reason = %s, done_at = now() WHERE id = ANY(%s) AND state = %s"
        " RETURNING chunk_id) SELECT chunk_id, count(*) FROM u GROUP BY chunk_id",
        (int(state), reason, id_array(ids), int(only_from)),
    )
    for chunk_id, count in cursor.fetchall():
        progress.final(chunk_id, state, count)


def _grouped(rows: Iterable[tuple[State, str | None, int]]) -> dict[tuple[State, str | None], list[int]]:
    groups: defaultdict[tuple[State, str | None], list[int]] = defaultdict(list)
    for state, error, message_id in rows:
        groups[state, error].append(message_id)
    return groups


def _roll_up(cursor: Any, message_ids: list[int], progress: Progress) -> None:
    """Give messages the state that their parts make. Rows are locked first, so that two senders see each other's parts."""
    cursor.execute(
        "SELECT id, chunk_id, parts, state FROM messages WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
        (id_array(message_ids),),
    )
    messages = cursor.fetchall()
    cursor.execute(
        "SELECT message_id, array_agg(state ORDER BY no), (array_agg(error ORDER BY no) FILTER (WHERE state NOT IN (2, 3)))[1]"
        " FROM parts WHERE message_id = ANY(%s) GROUP BY message_id",
        (id_array(message_ids),),
    )
    parts = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    changes: defaultdict[tuple[State, str | None], list[int]] = defaultdict(list)
    for message_id, chunk_id, total, number in messages:
        states, error = parts.get(message_id, ([], None))
        old, new = State(number), roll_up([State(s) for s in states], total)
        if old not in (State.QUEUED, State.SUBMITTED, State.UNCERTAIN) or new is old or not states:
            continue
        if old is State.UNCERTAIN:
            progress.final(chunk_id, old, -1)
        if new is not State.SUBMITTED:
            progress.final(chunk_id, new)
        changes[new, error if new not in (State.SUBMITTED, State.DELIVERED) else None].append(message_id)
    for (state, error), ids in changes.items():
        cursor.execute(
            "UPDATE messages SET state = %s, reason = %s, done_at = CASE WHEN %s THEN NULL ELSE now() END"
            " WHERE id = ANY(%s)",
            (int(state), error, state is State.SUBMITTED, id_array(ids)),
        )
    _first_submits(cursor, message_ids, progress)


def _first_submits(cursor: Any, message_ids: list[int], progress: Progress) -> None:
    """Set ``submitted_at`` where an operator has taken a part for the first time."""
    cursor.execute(
        "WITH u AS (UPDATE messages m SET submitted_at = now() WHERE m.id = ANY(%s) AND m.submitted_at IS NULL"
        " AND EXISTS (SELECT FROM parts p WHERE p.message_id = m.id AND p.smsc_id IS NOT NULL)"
        " RETURNING chunk_id) SELECT chunk_id, count(*) FROM u GROUP BY chunk_id",
        (id_array(message_ids),),
    )
    for chunk_id, count in cursor.fetchall():
        progress.submitted(chunk_id, count)


def _finish(cursor: Any, finished: Sequence[Finished], progress: Progress) -> None:
    cursor.execute(
        "DELETE FROM batches b USING unnest(%s::bigint[], %s::int[]) AS f(id, epoch)"
        " WHERE b.id = f.id AND b.epoch = f.epoch RETURNING b.chunk_id, b.messages",
        ([f.batch_id for f in finished], [f.epoch for f in finished]),
    )
    for chunk_id, messages in cursor.fetchall():
        progress.left(chunk_id, messages)
