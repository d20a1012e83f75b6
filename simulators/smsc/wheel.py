"""Things to do later, a hundred thousand of them cheaply: buckets of two milliseconds, a heap of buckets."""

import heapq
from collections.abc import Callable
from typing import Any

TICKS = 500  # a second


class Wheel:
    """Times are monotonic seconds; an item comes out at its time or up to one tick later, never before."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[Any]] = {}
        self._heap: list[int] = []

    def add(self, due: float, item: Any) -> None:
        """Keep an item until `due`."""
        tick = int(due * TICKS) + 1
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = []
            heapq.heappush(self._heap, tick)
        bucket.append(item)

    def due(self, now: float) -> list[Any]:
        """Take out everything whose time has come, in order of time."""
        found: list[Any] = []
        tick = int(now * TICKS)
        while self._heap and self._heap[0] <= tick:
            found += self._buckets.pop(heapq.heappop(self._heap))
        return found

    def next(self) -> float | None:
        """When the next bucket falls due, None when there is none."""
        return self._heap[0] / TICKS if self._heap else None

    def change(self, each: Callable[[Any], Any]) -> None:
        """Put `each(item)` in the place of every item; None takes it out."""
        for tick, bucket in self._buckets.items():
            changed = [each(item) for item in bucket]
            self._buckets[tick] = [item for item in changed if item is not None]
