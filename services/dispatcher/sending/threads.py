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
from functools import partial
from typing import Any

import psycopg2

from servicekit import logs

from ..outcomes import Finished, Receipt, Submit, apply
from ..progress import ChunkCache

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


def _run_all(callbacks: list[Callable[[], None]]) -> None:
    for callback in callbacks:
        callback()


class Results(threading.Thread):
    """Stores outcomes: everything that came while the last flush ran goes into the next one.

    While outcomes keep coming it waits for company, COMPANY_SECONDS at most; a line that is quiet for QUIET_SECONDS is
    flushed at once, because an operator's full receipt window looks just like that: a plain timer of 50 ms there gave
    199 receipts a second (measured).
    """

    def __init__(self, connect: Connect, loop: Loop, cache: ChunkCache) -> None:
        """``connect(role)`` gives a connection and waits for the database."""
        super().__init__(name="results", daemon=True)
        self._connect, self._loop, self._cache = connect, loop, cache
        self._wake = threading.Condition()
        self._submits: list[Submit] = []
        self._receipts: list[Receipt] = []
        self._finished: list[Finished] = []
        self._other: list[Callable[[Any], None]] = []
        self._after: list[Callable[[], None]] = []
        self._closing = False

    def add(
        self,
        *,
        submit: Submit | None = None,
        receipt: Receipt | None = None,
        finished: Finished | None = None,
        other: Callable[[Any], None] | None = None,
        after: Callable[[], None] | None = None,
    ) -> None:
        """Store these with the next flush; ``after`` runs in the loop once they are committed."""
        with self._wake:
            if submit is not None:
                self._submits.append(submit)
            if receipt is not None:
                self._receipts.append(receipt)
            if finished is not None:
                self._finished.append(finished)
            if other is not None:
                self._other.append(other)
            if after is not None:
                self._after.append(after)
            self._wake.notify()

    def finish(self) -> None:
        """Flush what there is and end."""
        with self._wake:
            self._closing = True
            self._wake.notify()

    def run(self) -> None:
        """The thread."""
        connection = None
        while True:
            with self._wake:
                while not (self._after or self._submits or self._finished or self._closing):
                    self._wake.wait()
            self._wait_for_company()
            with self._wake:
                submits, self._submits = self._submits, []
                receipts, self._receipts = self._receipts, []
                finished, self._finished = self._finished, []
                other, self._other = self._other, []
                after, self._after = self._after, []
                closing = self._closing
            if submits or receipts or finished or other:
                connection = self._flush(connection, submits, receipts, finished, other)
            if after:
                self._loop.post(partial(_run_all, after))
            if closing and not after:
                break
        if connection is not None:
            connection.close()

    def _wait_for_company(self) -> None:
        deadline = time.monotonic() + COMPANY_SECONDS
        seen = len(self._after)
        while seen < ENOUGH and not self._closing and time.monotonic() < deadline:
            time.sleep(QUIET_SECONDS)
            if len(self._after) == seen:
                return
            seen = len(self._after)

    def _flush(
        self,
        connection: Any,
        submits: list[Submit],
        receipts: list[Receipt],
        finished: list[Finished],
        other: list[Callable[[Any], None]],
    ) -> Any:
        def job(cursor: Any) -> None:
            for store in other:
                store(cursor)
            apply(cursor, self._cache, submits, receipts, finished)

        return in_transaction(self._connect, "results", connection, job)[1]
