"""The exporter: writes the files of exports, in a process of its own.

Run as ``python -m services.dispatcher.exporter``. Rows stream from a server-side cursor into the file and the file into
pieces in the database, so a million rows need no more memory than ten. Killed on the way, the next one starts the file anew.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import select
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

import psycopg2
from openpyxl import Workbook

from servicekit import jobs, logs, worker

from . import exports, queries
from .domain import State
from .errors import InvalidFields

log = logs.get(__name__)

PIECE_OCTETS = 512 * 1024
PAGE = 2_000
HEADERS = (
    "id", "recipient", "sender", "text", "number_of_sms", "encoding", "price_class", "price", "status", "reason",
    "submitted", "final", "campaign", "reference",
)  # fmt: skip
_ROWS = """
SELECT m.id, m.recipient, m.sender, m.text, m.parts, m.encoding, c.price_class, m.parts * m.price, m.state, m.reason,
    m.submitted_at, m.done_at, c.campaign_id, m.reference FROM messages m JOIN chunks c ON c.id = m.chunk_id
"""
# A spreadsheet program takes these at the start of a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# XML, and so a workbook, cannot hold these; an SMS can (form feed is in GSM 03.38).
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
SHEET_ROWS = 1_048_576  # the most that spreadsheet programs open


class Exporter:
    """Takes one job after the other."""

    def __init__(self, process: worker.Process) -> None:
        """Connect."""
        self._process = process
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
        except (psycopg2.DataError, InvalidFields, ValueError) as error:
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
                " RETURNING account_id, format, filter",
                (job,),
            )
            account_id, format_, filters = cursor.fetchone()
        where, parameters = queries.conditions(account_id, filters)
        condition = " AND ".join(where)
        self._count(job, condition, parameters)
        with tempfile.TemporaryFile() as file:
            rows = self._rows(job, condition, parameters)
            (write_xlsx if format_ == "xlsx" else write_csv)(file, rows)
            file.seek(0)
            self._keep(job, file)
        log.info("export_done", export_id=job)

    def _count(self, job: int, condition: str, parameters: list[Any]) -> None:
        with self._jobs, self._jobs.cursor() as cursor:
            cursor.execute(
                f"UPDATE exports SET total = (SELECT count(*) FROM messages m JOIN chunks c ON c.id = m.chunk_id"
                f" WHERE {condition}) WHERE id = %s",
                [*parameters, job],
            )

    def _rows(self, job: int, condition: str, parameters: list[Any]) -> Iterator[tuple[Any, ...]]:
        written = 0
        with self._reader, self._reader.cursor(name="export") as cursor:
            cursor.itersize = PAGE
            cursor.execute(f"{_ROWS} WHERE {condition} ORDER BY m.id", parameters)
            while page := cursor.fetchmany(PAGE):
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


def shown(row: tuple[Any, ...]) -> list[Any]:
    """A row of the database as a row of the file. Prices in euro, times in UTC, nothing that acts as a formula."""
    cells = list(row)
    cells[1] = str(cells[1])
    cells[7] = cells[7] / 1_000_000  # for people to read; all sums are made in the ledger
    cells[8] = State(cells[8]).label
    return [_cell(value) for value in cells]


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, str):
        value = _NOT_XML.sub("", value)
        return "'" + value if value.startswith(_FORMULA) else value
    return value


def write_xlsx(file: BinaryIO, rows: Iterator[tuple[Any, ...]]) -> None:
    """Write rows as a workbook, streaming; a new sheet where one is full."""
    book = Workbook(write_only=True)
    for number in itertools.count(1):
        sheet = book.create_sheet("messages" if number == 1 else f"messages {number}")
        sheet.append(HEADERS)
        written = 0
        for row in itertools.islice(rows, SHEET_ROWS - 1):
            sheet.append(shown(row))
            written += 1
        if written < SHEET_ROWS - 1:
            break
    book.save(file)


def write_csv(file: BinaryIO, rows: Iterator[tuple[Any, ...]]) -> None:
    """Write rows as UTF-8 with a byte order mark, which spreadsheet programs need to see Greek."""
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow(HEADERS)
    writer.writerows(map(shown, rows))
    text.flush()
    text.detach()


def main() -> None:
    """Run the exporter."""
    worker.run(
        "dispatcher",
        "exporter",
        Exporter,
        retry_on=(psycopg2.OperationalError, psycopg2.InterfaceError, OSError),
    )


if __name__ == "__main__":
    main()
