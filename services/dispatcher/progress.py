"""Differences per chunk: kept in the transaction that made them, told a few times a second as one event (DESIGN §3.7).

An event a flush made campaigns, billing, the broker and the relay handle 16 events per 1,000 messages, each with a
transaction of its own; differences commute, so those of many flushes are one event as well (docs/performance.md).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from contracts.events import ChunkProgress, MessagesProgressed, Sale
from servicekit import outbox

from .domain import State

TELL_SECONDS = 0.2
GATHERED = 1_000  # rows a time: an event stays small however much had been left lying
DESTINATION = (
    5  # first digits of a number that say what it costs: all of a country's code, mostly the network
)


@dataclass
class _Difference:
    submitted: int = 0
    left: int = 0
    finals: Counter[str] = field(default_factory=Counter)
    captured_parts: int = 0
    captured: int = 0
    released: int = 0


@dataclass(frozen=True)
class ChunkFacts:
    """Of whom a chunk is."""

    hold_id: str
    account_id: int
    campaign_id: int | None


class ChunkCache:
    """Facts of chunks by id; bounded, filled from the database. Names of connectors, which never change."""

    def __init__(self, limit: int = 50_000) -> None:
        """Keep at most ``limit`` chunks, then start over."""
        self._limit = limit
        self._known: dict[int, ChunkFacts] = {}
        self._connectors: dict[int, str] = {}

    def facts(self, cursor: Any, chunk_ids: list[int]) -> dict[int, ChunkFacts]:
        """The facts of each of ``chunk_ids``."""
        if len(self._known) > self._limit:
            self._known.clear()
        missing = [chunk_id for chunk_id in chunk_ids if chunk_id not in self._known]
        if missing:
            cursor.execute(
                "SELECT id, hold_id, account_id, campaign_id FROM chunks WHERE id = ANY(%s)", (missing,)
            )
            self._known.update({row[0]: ChunkFacts(*row[1:]) for row in cursor.fetchall()})
        return {chunk_id: self._known[chunk_id] for chunk_id in chunk_ids}

    def connectors(self, cursor: Any, connector_ids: set[int]) -> dict[int, str]:
        """The name of each of ``connector_ids``, and of others."""
        if not connector_ids <= self._connectors.keys():
            cursor.execute("SELECT id, name FROM connectors")
            self._connectors = dict(cursor.fetchall())
        return self._connectors


class Progress:
    """Collects differences by chunk id; ``tell`` keeps them with the caller's transaction."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._by_chunk: defaultdict[int, _Difference] = defaultdict(_Difference)
        self._sold: defaultdict[tuple[int, int, str], list[int]] = defaultdict(lambda: [0, 0])

    def submitted(self, chunk_id: int, count: int = 1) -> None:
        """Messages whose first part an operator took."""
        self._by_chunk[chunk_id].submitted += count

    def left(self, chunk_id: int, count: int) -> None:
        """Messages that no sender will touch any more."""
        self._by_chunk[chunk_id].left += count

    def final(self, chunk_id: int, state: State, count: int = 1) -> None:
        """Messages that entered (negative: left) a final state."""
        self._by_chunk[chunk_id].finals[state.label] += count

    def captured(self, chunk_id: int, price: int, connector_id: int, recipient: str) -> None:
        """One part to ``recipient`` that the connector's operator took, at its price."""
        difference = self._by_chunk[chunk_id]
        difference.captured_parts += 1
        difference.captured += price
        sold = self._sold[chunk_id, connector_id, recipient[:DESTINATION]]
        sold[0] += 1
        sold[1] += price

    def released(self, chunk_id: int, amount: int) -> None:
        """Money of parts that will not be sent."""
        self._by_chunk[chunk_id].released += amount

    def tell(self, cursor: Any, cache: ChunkCache) -> bool:
        """Keep everything that changed for the next ``gather``; False when nothing did."""
        facts = cache.facts(cursor, list(self._by_chunk))
        rows = [
            ChunkProgress(
                hold_id=facts[chunk_id].hold_id,
                account_id=facts[chunk_id].account_id,
                campaign_id=facts[chunk_id].campaign_id,
                submitted=d.submitted,
                left=d.left,
                finals={state: count for state, count in d.finals.items() if count},
                captured_parts=d.captured_parts,
                captured=d.captured,
                released=d.released,
            )
            for chunk_id, d in self._by_chunk.items()
        ]
        if rows:
            keep(cursor, rows, self._sales(cursor, cache, facts))
        return bool(rows)

    def _sales(self, cursor: Any, cache: ChunkCache, facts: dict[int, ChunkFacts]) -> list[Sale]:
        names = cache.connectors(cursor, {connector_id for _, connector_id, _ in self._sold})
        return [
            Sale(facts[chunk_id].account_id, names[connector_id], destination, parts, captured)
            for (chunk_id, connector_id, destination), (parts, captured) in self._sold.items()
        ]


def keep(cursor: Any, rows: Iterable[ChunkProgress], sold: Iterable[Sale] = ()) -> None:
    """Write what changed beside the change itself; it is told, once, by whoever gathers next."""
    cursor.execute(
        "INSERT INTO untold_progress (chunks, sold) VALUES (%s, %s)",
        (orjson.dumps(list(rows)), orjson.dumps(list(sold))),
    )


def gather(cursor: Any) -> int:
    """Tell everything that was kept and committed as one event; returns how many rows it took.

    Several may gather at once: a row is taken by one of them. Rows go in the transaction that writes the event.
    """
    cursor.execute(
        "DELETE FROM untold_progress WHERE id IN"
        " (SELECT id FROM untold_progress ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING chunks, sold",
        (GATHERED,),
    )
    kept = cursor.fetchall()
    if kept:
        sales = _summed_sales(bytes(sold) for _, sold in kept if sold is not None)
        outbox.add(cursor, MessagesProgressed(_summed(bytes(chunks) for chunks, _ in kept), sales))
    return len(kept)


_SUMMED = ("accepted", "submitted", "left", "captured_parts", "captured", "released")


def _summed(kept: Iterable[bytes]) -> list[ChunkProgress]:
    by_hold: dict[str, dict[str, Any]] = {}
    for octets in kept:
        for row in orjson.loads(octets):
            total = by_hold.setdefault(row["hold_id"], row)
            if total is row:
                continue
            for name in _SUMMED:
                total[name] += row[name]
            for state, count in row["finals"].items():
                total["finals"][state] = total["finals"].get(state, 0) + count
    for total in by_hold.values():
        total["finals"] = {state: count for state, count in total["finals"].items() if count}
    return [ChunkProgress(**total) for total in by_hold.values()]


def _summed_sales(kept: Iterable[bytes]) -> list[Sale]:
    totals: defaultdict[tuple[int, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for octets in kept:
        for row in orjson.loads(octets):
            total = totals[row["account_id"], row["connector"], row["destination"]]
            total[0] += row["parts"]
            total[1] += row["captured"]
    return [Sale(*key, parts, captured) for key, (parts, captured) in totals.items()]
