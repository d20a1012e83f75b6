"""The exporter: writes the files of a service's exports, in a process of its own.

Rows stream from the service's ``Source`` into the file and the file into pieces in the database, so a million rows need no
more memory than ten. Killed on the way, the next one starts the file anew.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import select
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO, Protocol

import psycopg2
from openpyxl import Workbook

from contracts.errors import KeryxError

from . import exports, jobs, logs, worker

log = logs.get(__name__)

PIECE_OCTETS = 512 * 1024
# A spreadsheet program takes these at the start of a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# XML, and so a workbook, cannot hold these; an SMS can (form feed is in GSM 03.38).
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
SHEET_ROWS = 1_048_576  # the most that spreadsheet programs open
OUTAGES = (psycopg2.OperationalError, psycopg2.InterfaceError, OSError)

Row = Sequence[Any]


class Source(Protocol):
    """What a service exports, for one of its ``what``. Both raise KeryxError or ValueError for filters that cannot be."""

    def headers(self, filters: dict[str, Any]) -> Row:
        """The first row of the file."""
        ...

    def count(self, cursor: Any, account_id: int, filters: dict[str, Any]) -> int:
        """How many rows there will be, about: for the progress."""
        ...

    def pages(self, connection: Any, account_id: int, filters: dict[str, Any]) -> Iterator[Sequence[Row]]:
        """The rows, so many at a time that a lease is renewed often, read by transactions on ``connection``."""
        ...


class Exporter:
    """Takes one job after the other."""

    def __init__(self, process: worker.Process, sources: dict[str, Source]) -> None:
        """Connect. ``sources`` by ``what``."""
        self._process, self._sources = process, sources
        self._owner = process.settings.instance
        self._jobs = process.connect("exporter")
        self._reader = process.connect("exporter-read")
        self._listener = process.connect("exporter-listen", autocommit=True)
        self._listener.cursor().execute(f"LISTEN {exports.CHANNEL}")

    def run(self) -> None:
        """Work until asked to stop."""
        while not self._process.stopping.is_set():
            self._process.progressed()
            with self._jobs, self._jobs.cursor() as cursor:
                job = jobs.claim(cursor, "exports", ("queued", "running"), self._owner)
            if job is None:
                select.select([self._listener], [], [], 1.0)
                self._listener.poll()
                self._listener.notifies.clear()
            else:
                self._export_or_fail(job)

    def close(self) -> None:
        """Let go of the connections."""
        for connection in (self._jobs, self._reader, self._listener):
            connection.close()

    def _export_or_fail(self, job: int) -> None:
        """A job that cannot succeed is ended with its reason: tried again it would stand in everybody's way."""
        try:
            self._export(job)
        except (psycopg2.DataError, KeryxError, ValueError) as error:
            log.error("export_failed", export_id=job, exc_info=error)
            with self._jobs, self._jobs.cursor() as cursor:
                cursor.execute(
                    "UPDATE exports SET state = 'failed', error = 'export_failed', finished_at = now(), owner = NULL,"
                    " lease_until = NULL WHERE id = %s AND owner = %s",
                    (job, self._owner),
                )

    def _export(self, job: int) -> None:
        with self._jobs, self._jobs.cursor() as cursor:
            cursor.execute("DELETE FROM export_pieces WHERE export_id = %s", (job,))
            cursor.execute(
                "UPDATE exports SET state = 'running', written = 0 WHERE id = %s"
                " RETURNING account_id, what, format, filter",
                (job,),
            )
            account_id, what, format_, filters = cursor.fetchone()
        source = self._sources[what]
        with self._jobs, self._jobs.cursor() as cursor:
            total = source.count(cursor, account_id, filters)
            cursor.execute("UPDATE exports SET total = %s WHERE id = %s", (total, job))
        with tempfile.TemporaryFile() as file:
            rows = self._rows(job, source.pages(self._reader, account_id, filters))
            if format_ == "xlsx":
                write_xlsx(file, what, source.headers(filters), rows)
            else:
                write_csv(file, source.headers(filters), rows)
            file.seek(0)
            self._keep(job, file)
        log.info("export_done", export_id=job)

    def _rows(self, job: int, pages: Iterator[Sequence[Row]]) -> Iterator[Row]:
        written = 0
        for page in pages:
            yield from page
            written += len(page)
            self._renew(job, written)

    def _renew(self, job: int, written: int) -> None:
        self._process.progressed()
        with self._jobs, self._jobs.cursor() as cursor:
            cursor.execute(
                "UPDATE exports SET written = %s WHERE id = %s AND owner = %s", (written, job, self._owner)
            )
            if not jobs.renew(cursor, "exports", job, self._owner):
                raise psycopg2.OperationalError("another process took the export over")

    def _keep(self, job: int, file: BinaryIO) -> None:
        """Store the file in pieces and finish the job, in one transaction."""
        with self._jobs, self._jobs.cursor() as cursor:
            size = 0
            for number, data in enumerate(iter(lambda: file.read(PIECE_OCTETS), b"")):
                cursor.execute(
                    "INSERT INTO export_pieces (export_id, no, data) VALUES (%s, %s, %s)", (job, number, data)
                )
                size += len(data)
            cursor.execute(
                "UPDATE exports SET state = 'done', size = %s, finished_at = now(), owner = NULL, lease_until = NULL"
                " WHERE id = %s AND owner = %s",
                (size, job, self._owner),
            )
            if not cursor.rowcount:
                raise psycopg2.OperationalError("another process took the export over")


def cell(value: Any) -> Any:
    """A value as a cell: times in UTC, nothing that acts as a formula, nothing a workbook cannot hold."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, str):
        value = _NOT_XML.sub("", value)
        return "'" + value if value.startswith(_FORMULA) else value
    return value


def write_xlsx(file: BinaryIO, name: str, headers: Row, rows: Iterator[Row]) -> None:
    """Write rows as a workbook, streaming; a new sheet where one is full."""
    book = Workbook(write_only=True)
    header = [cell(value) for value in headers]
    for number in itertools.count(1):
        sheet = book.create_sheet(name if number == 1 else f"{name} {number}")
        sheet.append(header)
        written = 0
        for row in itertools.islice(rows, SHEET_ROWS - 1):
            sheet.append([cell(value) for value in row])
            written += 1
        if written < SHEET_ROWS - 1:
            break
    book.save(file)


def write_csv(file: BinaryIO, headers: Row, rows: Iterator[Row]) -> None:
    """Write rows as UTF-8 with a byte order mark, which spreadsheet programs need to see Greek."""
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow([cell(value) for value in headers])
    writer.writerows([cell(value) for value in row] for row in rows)
    text.flush()
    text.detach()


def run(service: str, sources: dict[str, Source]) -> None:
    """Run the exporter of a service until it is asked to stop."""
    worker.run(service, "exporter", lambda process: Exporter(process, sources), retry_on=OUTAGES)
