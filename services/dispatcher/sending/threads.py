"""The threads beside the wire: one loop that owns all sockets, one database thread for marks, one for results.

Marks have a connection of their own: in the results' transaction, the flush became the clock of the window (4,800/s instead
of 28,000, measured). An outage of the database is waited out here; nothing that was said by an operator is dropped.
"""

from __future__ import annotations

import contextlib
import queue
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Protocol

import psycopg2

from servicekit import crashpoints, logs

from ..outcomes import Finished, Receipt, Submit, apply
from ..progress import TELL_SECONDS, ChunkCache, gather

log = logs.get(__name__)

Connect = Callable[[str], Any]
COMPANY_SECONDS, QUIET_SECONDS, ENOUGH = 0.010, 0.002, 400
OUTAGE = (psycopg2.OperationalError, psycopg2.InterfaceError)


class Loop:
    """Callbacks from other threads, run by the one thread that owns the sockets."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        """Wake ``selector`` through a pair of sockets."""
        self._posted: deque[Callable[[], None]] = deque()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        selector.register(self._reader, selectors.EVENT_READ, self)
        self._selector = selector

    def post(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` in the loop soon; callable from any thread."""
        self._posted.append(callback)
        with contextlib.suppress(BlockingIOError):
            self._writer.send(b"\0")

    def on_event(self, _: int) -> None:
        """Drain the wake-ups."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def run_posted(self) -> None:
        """Run what was posted until now."""
        for _ in range(len(self._posted)):
            self._posted.popleft()()

    def close(self) -> None:
        """Let go of the pair."""
        self._selector.unregister(self._reader)
        self._reader.close()
        self._writer.close()


class Marks(threading.Thread):
    """Runs jobs one after the other, each in a transaction, again and again through an outage."""

    def __init__(self, connect: Connect, loop: Loop, stopping: threading.Event) -> None:
        """``connect(role)`` gives a connection and waits for the database."""
        super().__init__(name="marks", daemon=True)
        self._connect, self._loop, self._stopping = connect, loop, stopping
        self._jobs: queue.SimpleQueue[tuple[Callable[[Any], Any], Callable[[Any], None]] | None] = (
            queue.SimpleQueue()
        )

    def do(self, job: Callable[[Any], Any], done: Callable[[Any], None]) -> None:
        """Run ``job(cursor)`` in a transaction and then ``done(result)`` in the loop. ``job`` must bear repetition."""
        self._jobs.put((job, done))

    def finish(self) -> None:
        """End after the jobs there are."""
        self._jobs.put(None)

    def run(self) -> None:
        """The thread."""
        connection = None
        while (item := self._jobs.get()) is not None:
            job, done = item
            result, connection = in_transaction(self._connect, "marks", connection, job)
            self._loop.post(partial(done, result))
        if connection is not None:
            connection.close()


def in_transaction(
    connect: Connect, role: str, connection: Any, job: Callable[[Any], Any]
) -> tuple[Any, Any]:
    """The result of ``job(cursor)``, committed, and the connection to use next time; waits out an outage."""
    pause = 0.05
    while True:
        try:
            if connection is None:
                connection = connect(role)
            with connection, connection.cursor() as cursor:
                return job(cursor), connection
        except OUTAGE as error:
            log.warning("database_outage", role=role, reason=str(error).strip().splitlines()[:1])
            if connection is not None and connection.closed:
                connection = None
            elif connection is not None and not isinstance(
                error, psycopg2.extensions.TransactionRollbackError
            ):
                connection.close()
                connection = None
            time.sleep(pause)
            pause = min(1.0, pause * 2)


class Placed(Protocol):
    """A part that has a place in a window."""

    @property
    def lane(self) -> Any:
        """Whose ``settled`` frees the place."""


class Answering(Protocol):
    """A bind that owes an answer."""

    def answer_deliver(self, generation: int, sequence: int) -> None:
        """Answer a deliver_sm of its connection ``generation``."""


@dataclass(slots=True)
class Outcomes:
    """What one flush stores (``submits``, ``receipts``, ``finished``, ``other``), and what follows in the loop once it is
    committed: places that are free, deliver_sm that are answered, and calls."""

    submits: list[Submit] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    finished: list[Finished] = field(default_factory=list)
    other: list[Callable[[Any], None]] = field(default_factory=list)
    settled: list[Placed] = field(default_factory=list)
    answers: list[tuple[Answering, int, int]] = field(default_factory=list)
    after: list[Callable[[], None]] = field(default_factory=list)

    def __len__(self) -> int:
        return (
            len(self.submits) + len(self.receipts) + len(self.finished) + len(self.other)
            + len(self.answers) + len(self.after)
        )  # fmt: skip

    def is_to_store(self) -> bool:
        """Whether a transaction is needed."""
        return bool(self.submits or self.receipts or self.finished or self.other)

    def extend(self, more: Outcomes) -> None:
        """Take over everything of ``more``, in its order."""
        for name in _LISTS:
            getattr(self, name).extend(getattr(more, name))

    def committed(self) -> None:
        """What follows, in the loop."""
        for part in self.settled:
            part.lane.settled(part)
        for bind, generation, sequence in self.answers:
            bind.answer_deliver(generation, sequence)
        for call in self.after:
            call()


_LISTS = tuple(one.name for one in fields(Outcomes))


class Results(threading.Thread):
    """Stores outcomes: everything that came while the last flush ran goes into the next one.

    The loop collects in ``fresh`` without a lock and hands over once a turn. While outcomes keep coming a flush waits for
    company, COMPANY_SECONDS at most; a line that is quiet for QUIET_SECONDS is flushed at once, because an operator's full
    receipt window looks just like that: a plain timer of 50 ms there gave 199 receipts a second (measured).
    What flushes changed is told every TELL_SECONDS, with a flush where there is one.
    """

    def __init__(self, connect: Connect, loop: Loop, cache: ChunkCache) -> None:
        """``connect(role)`` gives a connection and waits for the database."""
        super().__init__(name="results", daemon=True)
        self.fresh = Outcomes()
        self._connect, self._loop, self._cache = connect, loop, cache
        self._wake = threading.Condition()
        self._waiting = Outcomes()
        self._untold = False
        self._told_at = time.monotonic()
        self._closing = False

    def hand_over(self) -> None:
        """Store what is ``fresh`` with the next flush; called by the loop once a turn."""
        if self.fresh:
            fresh, self.fresh = self.fresh, Outcomes()
            with self._wake:
                self._waiting.extend(fresh)
                self._wake.notify()

    def finish(self) -> None:
        """Flush what there is and end."""
        self.hand_over()
        with self._wake:
            self._closing = True
            self._wake.notify()

    def run(self) -> None:
        """The thread."""
        connection = None
        while True:
            with self._wake:
                while not (self._waiting or self._closing or self._is_telling_due()):
                    self._wake.wait(TELL_SECONDS if self._untold else None)
            self._wait_for_company()
            with self._wake:
                now, self._waiting = self._waiting, Outcomes()
                closing = self._closing
            telling = self._is_telling_due() or (self._untold and closing)
            if now.is_to_store() or telling:
                connection = self._flush(connection, now, telling)
                crashpoints.reach("sender.flushed")
            if now:
                self._loop.post(now.committed)
            elif closing:
                break
        if connection is not None:
            connection.close()

    def _is_telling_due(self) -> bool:
        return self._untold and time.monotonic() - self._told_at >= TELL_SECONDS

    def _wait_for_company(self) -> None:
        deadline = time.monotonic() + COMPANY_SECONDS
        seen = len(self._waiting)
        while 0 < seen < ENOUGH and not self._closing and time.monotonic() < deadline:
            time.sleep(QUIET_SECONDS)
            if len(self._waiting) == seen:
                return
            seen = len(self._waiting)

    def _flush(self, connection: Any, now: Outcomes, telling: bool) -> Any:
        def job(cursor: Any) -> None:
            for store in now.other:
                store(cursor)
            apply(cursor, self._cache, now.submits, now.receipts, now.finished)
            if telling:
                gather(cursor)
            crashpoints.reach("sender.flushing")

        _, connection = in_transaction(self._connect, "results", connection, job)
        if telling:  # this flush's included
            self._told_at = time.monotonic()
        self._untold = not telling
        return connection
