"""The exporter: writes the files of a service's exports, in a process of its own.

Rows stream from the service's ``Source`` into a file without a name and the file into pieces in the database, so a million
rows need no more memory than ten, and a killed process leaves nothing on the disk. The next one starts the file anew; what
does not succeed is tried ``MAX_ATTEMPTS`` times.
"""

from __future__ import annotations

import errno
import os
import select
import shutil
import tempfile
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, BinaryIO, Protocol
from zoneinfo import ZoneInfo

import psycopg2
import psycopg2.errors

from contracts.errors import KeryxError

from . import crashpoints, exports, jobs, logs, settings, sheets, worker
from .holding import Hold, LostJob, Stopping

log = logs.get(__name__)

PIECE_OCTETS = exports.PIECE_OCTETS
MAX_ATTEMPTS = 5
"""Beginnings after which an export is given up: what fills the disk or kills its writers would do so for ever."""
PAUSES_SECONDS = (5, 30, 120, 600)
"""From an attempt that found no room to the next one, by how many there were."""
SWEEP_SECONDS = 600.0
LEAST_OCTETS = {"csv": 60, "xlsx": 400}
"""What a row needs at least while its file is written, a workbook's rows also uncompressed."""
OUTAGES = (psycopg2.OperationalError, psycopg2.InterfaceError)

Row = sheets.Row

_ATTEMPT = "UPDATE exports SET attempts = attempts + 1, state = 'running', written = 0 WHERE id = %s RETURNING attempts"
_WANTED = "SELECT account_id, what, format, filter, zone FROM exports WHERE id = %s AND owner = %s"
_PUT_OFF = """
UPDATE exports SET state = 'queued', written = 0, owner = NULL, lease_until = now() + make_interval(secs => %s)
WHERE id = %s AND owner = %s
"""
_PUT_DOWN = """
UPDATE exports SET state = 'queued', written = 0, attempts = attempts - 1, owner = NULL, lease_until = NULL
WHERE id = %s AND owner = %s
"""
_FAIL = """
UPDATE exports SET state = 'failed', error = %s, finished_at = now(), owner = NULL, lease_until = NULL
WHERE id = %s AND owner = %s
"""
_DONE = """
UPDATE exports SET state = 'done', written = %s, size = %s, finished_at = now(), owner = NULL, lease_until = NULL
WHERE id = %s AND owner = %s
"""


class Source(Protocol):
    """What a service exports, for one of its ``what``. Both raise KeryxError or ValueError for filters that cannot be."""

    def headers(self, filters: dict[str, Any]) -> Row:
        """The first row of the file."""
        ...

    def count(self, cursor: Any, account_id: int, filters: dict[str, Any]) -> int:
        """How many rows there will be, about: for the progress."""
        ...

    def pages(self, connection: Any, account_id: int, filters: dict[str, Any]) -> Generator[Sequence[Row]]:
        """The rows, some thousand at a time, read by transactions on ``connection``."""
        ...


class Exporter:
    """Takes one job after the other."""

    def __init__(self, process: worker.Process, sources: dict[str, Source]) -> None:
        """Connect. ``sources`` by ``what``."""
        self._process, self._sources = process, sources
        self._owner = process.settings.instance
        self._jobs = process.connect("exporter")
        self._reader = process.connect("exporter-read")
        self._heart = process.connect("exporter-heart", autocommit=True)
        self._listener = process.connect("exporter-listen", autocommit=True)
        self._listener.cursor().execute(f"LISTEN {exports.CHANNEL}")
        self._swept_at = 0.0

    def run(self) -> None:
        """Work until asked to stop."""
        while not self._process.stopping.is_set():
            self._process.progressed()
            self._sweep()
            claimed = self._claim()
            if claimed is None:
                select.select([self._listener], [], [], 1.0)
                self._listener.poll()
                self._listener.notifies.clear()
            else:
                self._work_on(*claimed)

    def close(self) -> None:
        """Let go of the connections."""
        for connection in (self._jobs, self._reader, self._heart, self._listener):
            connection.close()

    def _sweep(self) -> None:
        """Remove files whose time is over."""
        if self._swept_at and time.monotonic() - self._swept_at < SWEEP_SECONDS:
            return
        with self._jobs, self._jobs.cursor() as cursor:
            removed = exports.sweep(cursor)
        if removed:
            log.info("exports_removed", count=removed)
        self._swept_at = 0.0 if removed == exports.SWEPT_AT_ONCE else time.monotonic()

    def _claim(self) -> tuple[int, int] | None:
        with self._jobs, self._jobs.cursor() as cursor:
            job = jobs.claim(cursor, "exports", ("queued", "running"), self._owner)
            if job is None:
                return None
            cursor.execute(_ATTEMPT, (job,))
            return job, cursor.fetchone()[0]

    def _work_on(self, job: int, attempts: int) -> None:
        """One attempt. What cannot succeed is ended with its reason: tried for ever it would stand in everybody's way."""
        if attempts > MAX_ATTEMPTS:
            self._fail(job, "internal_error", "its writers were killed")
            return
        try:
            self._export(job)
        except LostJob:  # deleted, withdrawn, or another's
            log.info("export_left", export_id=job)
        except Stopping:
            self._run(_PUT_DOWN, (job, self._owner))
            log.info("export_put_down", export_id=job)
        except (OSError, psycopg2.errors.DiskFull) as error:
            self._put_off(job, attempts, error)
        except OUTAGES:
            raise
        except (psycopg2.DataError, KeryxError, ValueError) as error:
            self._fail(job, "export_failed", error)
        except Exception as error:  # noqa: BLE001  the edge of a job: others must not wait for a broken one
            self._fail(job, "internal_error", error)

    def _put_off(self, job: int, attempts: int, error: Exception) -> None:
        """Try it again after a pause that grows; others go on meanwhile."""
        if attempts < MAX_ATTEMPTS:
            self._run(_PUT_OFF, (PAUSES_SECONDS[attempts - 1], job, self._owner))
            log.warning("export_put_off", export_id=job, attempts=attempts, reason=str(error))
        else:
            self._fail(job, "no_space" if _is_full(error) else "internal_error", error)

    def _fail(self, job: int, code: str, reason: str | Exception) -> None:
        traceback = {"exc_info": reason} if isinstance(reason, Exception) else {"reason": reason}
        log.error("export_failed", export_id=job, code=code, **traceback)
        self._run(_FAIL, (code, job, self._owner))

    def _run(self, statement: str, parameters: tuple[Any, ...]) -> None:
        with self._jobs, self._jobs.cursor() as cursor:
            cursor.execute(statement, parameters)

    def _export(self, job: int) -> None:
        with self._jobs, self._jobs.cursor() as cursor:
            cursor.execute(_WANTED, (job, self._owner))
            wanted = cursor.fetchone()
            if wanted is None:
                raise LostJob
        account_id, what, format_, filters, zone = wanted
        with self._jobs, self._jobs.cursor() as cursor:
            exports.wait_for_withdrawal(cursor, account_id)
        with self._jobs, self._jobs.cursor() as cursor:
            source = self._sources[what]
            total = source.count(cursor, account_id, filters)
            cursor.execute(
                "UPDATE exports SET total = %s WHERE id = %s AND owner = %s", (total, job, self._owner)
            )
        folder = settings.temporary_folder()
        require_space(folder, total * LEAST_OCTETS[format_])
        headers, place = source.headers(filters), ZoneInfo(zone)
        with (
            Hold(self._heart, self._process, "exports", job, self._owner) as hold,
            tempfile.TemporaryFile(dir=folder) as file,
            closing(source.pages(self._reader, account_id, filters)) as pages,
            closing(_ahead(hold, pages)) as upcoming,
        ):
            if format_ == "xlsx":
                sheets.write_xlsx(file, what, headers, upcoming, total, place)
            else:
                sheets.write_csv(file, headers, upcoming, place)
            self._keep(job, file, hold)
        log.info("export_done", export_id=job)

    def _keep(self, job: int, file: BinaryIO, hold: Hold) -> None:
        """Store the file in pieces and finish the job, in one transaction."""
        file.seek(0)
        with self._jobs, self._jobs.cursor() as cursor:
            cursor.execute(
                "SELECT FROM exports WHERE id = %s AND owner = %s FOR KEY SHARE", (job, self._owner)
            )
            if not cursor.rowcount:
                raise LostJob
            size = 0
            for number, data in enumerate(iter(lambda: file.read(PIECE_OCTETS), b"")):
                cursor.execute(
                    "INSERT INTO export_pieces (export_id, no, data) VALUES (%s, %s, %s)", (job, number, data)
                )
                size += len(data)
            hold.end()
            cursor.execute(_DONE, (hold.done, size, job, self._owner))
            if not cursor.rowcount:
                raise LostJob


def _ahead(hold: Hold, pages: Generator[Sequence[Row]]) -> Generator[Sequence[Row]]:
    """The pages, each while the next one is read already: the database works beside us."""
    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(next, pages, None)
        while (page := upcoming.result()) is not None:
            upcoming = reader.submit(next, pages, None)
            hold.step(len(page))
            crashpoints.reach("exporter.page")
            yield page


def require_space(folder: str, octets: int) -> None:
    """Raises OSError (ENOSPC) when so much does not fit there: better now than when the disk is full for everybody."""
    if shutil.disk_usage(folder).free < octets:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)


def _is_full(error: Exception) -> bool:
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return isinstance(error, psycopg2.errors.DiskFull) or getattr(error, "errno", None) in full


def run(service: str, sources: dict[str, Source]) -> None:
    """Run the exporter of a service until it is asked to stop."""
    worker.run(service, "exporter", lambda process: Exporter(process, sources), retry_on=OUTAGES)
