"""Holding a job whose steps may be longer than its lease: a thread renews it and tells how far the work is."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

import psycopg2

from . import jobs, worker

BEAT_SECONDS = 1.0


class LostJob(Exception):
    """The job is another's by now, or nobody's: it was deleted."""


class Stopping(Exception):
    """The process is asked to stop."""


class Hold:
    """Inside the block the lease of ``job`` is renewed; the column ``written`` of its table tells ``done``."""

    def __init__(self, connection: Any, process: worker.Process, table: str, job: int, owner: str) -> None:
        """``connection`` commits by itself and is nobody else's inside the block."""
        self.done = 0
        self._connection, self._process, self._table = connection, process, table
        self._job, self._owner = job, owner
        self._lost, self._over = threading.Event(), threading.Event()
        self._failure: psycopg2.Error | None = None
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Hold:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def step(self, count: int) -> None:
        """Say that ``count`` more are in hand.

        Raises LostJob and Stopping, when the work is of no use any more, and what broke the connection.
        """
        if self._failure is not None:
            raise self._failure
        if self._lost.is_set():
            raise LostJob
        if self._process.stopping.is_set():
            raise Stopping
        self.done += count

    def end(self) -> None:
        """No more renewals, nor writes to the job's row; may be called again."""
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            while not self._over.wait(BEAT_SECONDS):
                self._process.progressed()
                if not self._renew():
                    self._lost.set()
                    return
        except psycopg2.Error as error:
            self._failure = error

    def _renew(self) -> bool:
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {self._table} SET written = %s WHERE id = %s AND owner = %s",
                (self.done, self._job, self._owner),
            )
            return jobs.renew(cursor, self._table, self._job, self._owner)
