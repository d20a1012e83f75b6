"""The process that does the long work of contacts: ``python -m services.contacts.worker``.

Lanes are threads with a connection each: two take imports, so that a small one need not wait for a million rows, one
freezes audiences, one does bulk actions, two tidy up. A lane wakes by NOTIFY and looks by itself once a second.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import orjson
import psycopg2
import psycopg2.extras

from servicekit import context, jobs, logs, scratch, settings, worker

from . import queries
from .jobs import (
    Claim,
    LostJob,
    Stopping,
    applying,
    bulking,
    counting,
    freezing,
    housekeeping,
    purging,
    sorting,
    staging,
)

log = logs.get(__name__)

IMPORT_LANES = 2
POLL_SECONDS = 1.0
BEAT_SECONDS = jobs.LEASE_SECONDS / 4
STOP_LOOK_SECONDS = 0.2
SWEEP_SECONDS = 3_600.0
MAX_ATTEMPTS = 5
"""Claims without a step forward after which an import is given up: what kills its workers would do so for ever."""

Step = Callable[[], bool]

# Imports of one account run one after the other; the index imports_running holds it true.
PROMOTE = """
UPDATE imports SET state = 'running' WHERE state = 'queued' AND id IN (
    SELECT min(q.id) FROM imports q WHERE q.state = 'queued'
    AND NOT EXISTS (SELECT FROM imports r WHERE r.account_id = q.account_id AND r.state = 'running') GROUP BY q.account_id)
"""
"""The next import of each account. Its state is asked for twice: one that is being cancelled is waited for, and then only the
outer condition is looked at again."""

_ATTEMPT = "UPDATE imports SET attempts = attempts + 1 WHERE id = %(id)s RETURNING state, attempts"

# One in the middle of a step is locked, which keeps others off as well as its lease does.
_BEAT = """
UPDATE imports SET lease_until = now() + make_interval(secs => %(seconds)s) WHERE id IN (
    SELECT id FROM imports WHERE id = ANY(%(ids)s) AND owner = %(owner)s FOR UPDATE SKIP LOCKED)
"""


class ImportLane:
    """Takes one import at a time and does it to its end, or until another has it."""

    def __init__(
        self,
        process: worker.Process,
        number: int,
        held: set[int],
        owner: str,
        is_stopping: Callable[[], bool],
    ) -> None:
        """``held`` is where the lane notes what it works on, for the heartbeat."""
        self._connection, self._beside = (
            process.connect(f"import-{number}{mark}") for mark in ("", "-beside")
        )
        for connection in (self._connection, self._beside):
            psycopg2.extras.register_default_jsonb(connection, loads=orjson.loads)
        self._held, self._owner, self._is_stopping = held, owner, is_stopping

    def step(self) -> bool:
        """One job; False when there is none.

        What a full disk refuses keeps its lease, and is tried again when that has run out: others go on, and it is no
        fault of the file.
        """
        claimed = self._claim()
        if claimed is None:
            return False
        import_id, state, attempts = claimed
        claim = Claim(self._connection, self._beside, import_id, self._owner, self._is_stopping)
        self._held.add(import_id)
        try:
            self._do(claim, state, attempts)
        except LostJob as reason:
            log.info("job_left", reason=str(reason))
        except Stopping:
            log.info("job_put_down", import_id=import_id)
        except OSError as error:
            log.warning("import_put_off", import_id=import_id, reason=str(error))
            return True
        finally:
            self._held.discard(import_id)
        with self._connection, self._connection.cursor() as cursor:
            jobs.release(cursor, "imports", import_id, self._owner)
        return True

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()
        self._beside.close()

    def _claim(self) -> tuple[int, str, int] | None:
        with self._connection, self._connection.cursor() as cursor:
            if queries.value(
                cursor, "SELECT pg_try_advisory_xact_lock(hashtextextended('imports.promote', 0))", {}
            ):
                queries.run(cursor, PROMOTE, {})
            import_id = jobs.claim(cursor, "imports", ("analysing", "running"), self._owner)
            if import_id is None:
                return None
            found = queries.row(cursor, _ATTEMPT, {"id": import_id})
            assert found is not None
            return import_id, found["state"], found["attempts"]

    def _do(self, claim: Claim, state: str, attempts: int) -> None:
        context.enter(None)  # what this import tells belongs together, and to no other
        try:
            if attempts > MAX_ATTEMPTS:
                staging.fail(claim, state, "internal_error", "it could not be worked on")
            elif state == "analysing":
                staging.analyse(claim)
            else:
                applying.apply(claim)
        except (psycopg2.OperationalError, psycopg2.InterfaceError, LostJob, Stopping, MemoryError, OSError):
            raise
        except Exception:  # the edge of a job: others must not wait for a broken one
            log.exception("import_broke", import_id=claim.import_id)
            staging.fail(claim, state, "internal_error", "something went wrong on our side")


class Contacts:
    """All lanes of the process."""

    def __init__(self, process: worker.Process) -> None:
        """Connect everything, waiting for the database."""
        self._process = process
        self._owner = f"{process.settings.instance}:{uuid4().hex[:8]}"
        self._held: set[int] = set()
        self._failure: BaseException | None = None
        self._over = threading.Event()
        self._lanes = [
            ImportLane(process, n, self._held, self._owner, self._is_over) for n in range(1, IMPORT_LANES + 1)
        ]
        self._freezer, self._tidier, self._heart, self._bulk, self._house = (
            process.connect(role) for role in ("freeze", "tidy", "heart", "bulk", "house")
        )
        self._swept_at = 0.0
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        """Work until asked to stop; raises what ended a lane."""
        for lane in self._lanes:
            self._start(lane.step, "imports")
        self._start(lambda: freezing.freeze_next(self._freezer), "snapshots")
        self._start(lambda: bulking.bulk_next(self._bulk, self._owner, self._is_over), "bulk")
        self._start(self._tidy, None)
        self._start(self._keep_house, None)
        beat_at = time.monotonic()
        while not self._over.is_set() and not self._process.stopping.wait(STOP_LOOK_SECONDS):
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + BEAT_SECONDS
                self._beat()
                self._process.progressed()
        self._over.set()
        for thread in self._threads:
            thread.join(10)
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End the lanes and close all connections."""
        self._over.set()
        for connection in (
            self._freezer,
            self._tidier,
            self._heart,
            self._bulk,
            self._house,
            *self._lanes,
        ):
            connection.close()

    def _start(self, step: Step, channel: str | None) -> None:
        thread = threading.Thread(target=self._loop, args=(step, channel), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _loop(self, step: Step, channel: str | None) -> None:
        try:
            wake = _Wake(self._process, channel, len(self._threads)) if channel else None
            while not self._is_over():
                if not step():
                    wake.wait() if wake else self._over.wait(POLL_SECONDS)
            if wake:
                wake.close()
        except BaseException as error:  # noqa: BLE001  handed to the main thread, which raises it
            self._failure = error
            self._over.set()

    def _is_over(self) -> bool:
        return self._over.is_set() or self._process.stopping.is_set()

    def _beat(self) -> None:
        """Keep what the lanes hold: a child may read a large workbook for longer than a lease."""
        held = list(self._held)
        if held:
            with self._heart, self._heart.cursor() as cursor:
                params = {"ids": held, "owner": self._owner, "seconds": jobs.LEASE_SECONDS}
                queries.run(cursor, _BEAT, params)

    def _tidy(self) -> bool:
        if time.monotonic() - self._swept_at > SWEEP_SECONDS or not self._swept_at:
            self._swept_at = time.monotonic()
            purging.sweep(self._tidier)
        return purging.purge_next(self._tidier)

    def _keep_house(self) -> bool:
        more = sorting.sort_in(self._house)
        counting.fold(self._house)
        return housekeeping.purge_next(self._house) or more


class _Wake:
    """Waits for a NOTIFY on a channel, or for POLL_SECONDS."""

    def __init__(self, process: worker.Process, channel: str, number: int) -> None:
        self._connection: Any = process.connect(f"listen-{number}", autocommit=True)
        self._connection.cursor().execute(f"LISTEN {channel}")

    def wait(self) -> None:
        if select.select([self._connection], [], [], POLL_SECONDS)[0]:
            self._connection.poll()
            self._connection.notifies.clear()

    def close(self) -> None:
        self._connection.close()


def main() -> None:
    """Run the worker."""
    scratch.sweep(settings.temporary_folder())  # files of imports whose worker was killed
    worker.run(
        "contacts", "worker", Contacts, retry_on=(psycopg2.OperationalError, psycopg2.InterfaceError, OSError)
    )


if __name__ == "__main__":
    main()
