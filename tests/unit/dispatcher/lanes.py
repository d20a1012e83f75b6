"""A lane's owner for tests: it keeps the jobs for the database, and the test says when and how they end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from services.dispatcher.domain import State
from services.dispatcher.outcomes import Finished
from services.dispatcher.progress import ChunkCache
from services.dispatcher.sending.batches import Mark, Row, Taken
from services.dispatcher.sending.lane import Delivery, Lane, Part


class Asked:
    """A cursor that only remembers what it was asked, and found a row each time."""

    rowcount = 1

    def __init__(self) -> None:
        self.parameters: list[Any] = []

    def execute(self, _: str, parameters: Any) -> None:
        self.parameters.append(parameters)


@dataclass
class Desk:
    """Answers a lane as its connector would. ``jobs`` waits for ``run``; results are the test's to choose."""

    window: int
    connector_id: int = 1
    name: str = "sim"
    instance: str = "me"
    jobs: deque[tuple[Callable[[Any], Any], Callable[[Any], None]]] = field(default_factory=deque)
    settled: list[tuple[Part, State]] = field(default_factory=list)
    finished: list[Finished] = field(default_factory=list)
    acked: list[int] = field(default_factory=list)
    priority_room: int | None = None
    lane: Lane = field(init=False)

    def __post_init__(self) -> None:
        self.lane = Lane("bulk", self, ChunkCache())

    def do(self, job: Callable[[Any], Any], done: Callable[[Any], None]) -> None:
        self.jobs.append((job, done))

    def settle(self, part: Part, state: State, smsc_id: str | None, error: str | None) -> None:
        self.settled.append((part, state))

    def finish(self, finished: Finished, after: Callable[[], None]) -> None:
        self.finished.append(finished)
        after()

    def slice_size(self) -> int:
        return max(1, self.window // 2)

    def room(self, lane: str) -> int:
        return self.window - self.lane.outstanding if self.priority_room is None else self.priority_room

    def answer(self, result: Any) -> None:
        """The oldest job ended with ``result``."""
        self.jobs.popleft()[1](result)

    def unsent_when_given_back(self) -> list[int]:
        """Run the oldest job, which gives a batch back; the messages it names as surely not out."""
        cursor = Asked()
        job, done = self.jobs.popleft()
        done(job(cursor))
        holes: list[int] = cursor.parameters[0][0]
        return holes

    def order(self, batch_id: int, generation: int = 1) -> Delivery:
        """An order for a batch arrives."""
        delivery = Delivery(batch_id, generation, lambda: self.acked.append(batch_id))
        self.lane.deliver(delivery)
        return delivery

    def take(self, count: int = 4, parts: int = 1, batch_id: int = 1) -> Taken:
        """A batch is ordered and taken."""
        self.order(batch_id)
        self.lane.feed(time.monotonic())
        taken = batch(count, parts, batch_id)
        self.answer(taken)
        return taken

    def mark(self, mark: Mark | None = None) -> None:
        """The next slice is marked."""
        self.lane.feed(time.monotonic())
        self.answer(mark or Mark(ours=True))

    def send(self) -> Part:
        """The next part goes out."""
        part = self.lane.part_to_send(time.monotonic())
        assert part is not None
        return part

    def commit(self, part: Part, state: State = State.SUBMITTED) -> None:
        """The outcome of ``part`` is stored."""
        self.lane.settled(part)


def batch(count: int, parts: int = 1, batch_id: int = 1) -> Taken:
    """A batch of ``count`` messages of ``parts`` parts each, just taken for the first time."""
    text = "x" * (153 * parts if parts > 1 else 10)
    rows = [
        Row(100 * batch_id + n, f"3069000000{n:02d}", "KERYX", text, "gsm", parts, 40_000, State.QUEUED)
        for n in range(count)
    ]
    return Taken(batch_id, 1, 1, 7, 1, 172_800, rows, list(range(count)), 0)
