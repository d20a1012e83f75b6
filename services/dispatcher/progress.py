"""Differences per chunk, gathered over one transaction and told as one event (DESIGN §3.7)."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from contracts.events import ChunkProgress, MessagesProgressed
from servicekit import outbox

from .domain import State


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
    """Facts of chunks by id; bounded, filled from the database."""

    def __init__(self, limit: int = 50_000) -> None:
        """Keep at most ``limit`` chunks, then start over."""
        self._limit = limit
        self._known: dict[int, ChunkFacts] = {}

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


class Progress:
    """Collects differences by chunk id; ``tell`` writes them to the outbox once."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._by_chunk: defaultdict[int, _Difference] = defaultdict(_Difference)

    def submitted(self, chunk_id: int, count: int = 1) -> None:
        """Messages whose first part an operator took."""
        self._by_chunk[chunk_id].submitted += count

    def left(self, chunk_id: int, count: int) -> None:
        """Messages that no sender will touch any more."""
        self._by_chunk[chunk_id].left += count

    def final(self, chunk_id: int, state: State, count: int = 1) -> None:
        """Messages that entered (negative: left) a final state."""
        self._by_chunk[chunk_id].finals[state.label] += count

    def captured(self, chunk_id: int, price: int) -> None:
        """One part that an operator took, at its price."""
        self._by_chunk[chunk_id].captured_parts += 1
        self._by_chunk[chunk_id].captured += price

    def released(self, chunk_id: int, amount: int) -> None:
        """Money of parts that will not be sent."""
        self._by_chunk[chunk_id].released += amount

    def tell(self, cursor: Any, cache: ChunkCache) -> None:
        """Write one event with everything that changed; none when nothing did."""
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
            outbox.add(cursor, MessagesProgressed(rows))
