"""Costs from and to workbooks, in the manner of price lists: taken over whole or not at all."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date
from typing import Any

from openpyxl import Workbook

from contracts.errors import Invalid
from servicekit import logs
from servicekit.sheets import text

from .. import audit
from ..pricelists import reading, sheets
from ..pricelists.reading import Fault
from . import costs, schemas
from .costs import Wanted

log = logs.get(__name__)

COLUMNS = ("connector", "prefix", "country", "network", "cost", "valid_from")
EVERYWHERE = "*"  # in the column of prefixes
ERRORS_SHOWN = 200
TICK_EVERY = 200
_NAMES = {
    "connector": ("connector", "σύνδεση", "συνδεση"),
    "prefix": ("prefix", "πρόθεμα", "προθεμα"),
    "country": ("country", "χώρα", "χωρα"),
    "network": ("network", "δίκτυο", "δικτυο"),
    "price": ("cost", "κόστος", "κοστος"),
    "valid_from": ("valid_from", "valid from", "ισχύει από", "ισχυει απο"),
}
_CONNECTOR = re.compile(schemas.CONNECTOR, re.ASCII)
_PREFIX = re.compile(schemas.PREFIX, re.ASCII)

Line = tuple[int, str, str, int | None, date | None]


class CostListRefused(Invalid):
    """Some rows are wrong, so none was taken over; ``errors`` names each by row and column."""

    code = "cost_list_refused"


def take_over(session: Any, data: bytes, zone: str, dry_run: bool) -> dict[str, Any]:
    """Add what the file says; what is said already is left alone. ``dry_run`` only tells what would be done.

    A row without a day counts from today on, and is left out when that cost holds already. Raises Unreadable,
    CostListRefused.
    """
    lines, faults = read(sheets.cells(data))
    if not lines and not faults:
        faults = [Fault(1, "", "empty", "The file has no costs.")]
    if faults:
        shown = [fault.shown() for fault in sorted(faults, key=lambda fault: fault.row)[:ERRORS_SHOWN]]
        raise CostListRefused(f"{len(faults)} faults; no cost was changed.", shown)
    today = costs.today(session, zone)
    holding = costs.in_force(session, today)
    wanted = [
        Wanted(connector, prefix, cost, day or today)
        for _, connector, prefix, cost, day in lines
        if day is not None or holding.get((connector, prefix)) != cost
    ]
    added = costs.count_new(session, wanted) if dry_run else costs.add(session, wanted)
    counts = {"costs": len(lines), "added": added, "unchanged": len(lines) - added}
    if added and not dry_run:
        audit.note(session, "cost_list_imported", **counts)
        log.info("cost_list_imported", **counts)
    return {**counts, "dry_run": dry_run}


def read(rows: Iterable[tuple[int, list[Any]]]) -> tuple[list[Line], list[Fault]]:
    """Every row read, every fault found."""
    rows = iter(rows)
    number, header = next(rows, (1, []))
    columns = reading.find_columns(header, _NAMES)
    missing = [
        shown for name, shown in (("connector", "connector"), ("price", "cost")) if name not in columns
    ]
    if missing or not columns.keys() & {"prefix", "country"}:
        names = ", ".join(missing or ("prefix or country",))
        return [], [Fault(number, "header", "column_missing", f"The first row has no column {names}.")]
    lines: list[Line] = []
    faults: list[Fault] = []
    for count, (row, values) in enumerate(rows, 1):
        if count > reading.MAX_ROWS or len(lines) > reading.MAX_PRICES:
            detail = f"A list has at most {reading.MAX_ROWS} rows and {reading.MAX_PRICES} prefixes."
            return [], [Fault(row, "", "too_many_rows", detail)]
        said = {name: values[at] if at < len(values) else "" for name, at in columns.items()}
        try:
            lines += _lines(row, said)
        except reading.Wrong as wrong:
            column = "cost" if wrong.column == "price" else wrong.column
            faults.append(Fault(row, column, wrong.code, str(wrong)))
    return lines, faults + list(_twice(lines))


def _lines(row: int, cells: dict[str, Any]) -> Iterator[Line]:
    said = {name: reading.to_text(value) for name, value in cells.items()}
    if not _CONNECTOR.fullmatch(said["connector"]):
        raise reading.Wrong("connector", "invalid", "Up to 40 of a-z 0-9 - _.")
    cost = reading.to_price(said["price"])
    moment = reading.to_moment(cells.get("valid_from", ""), UTC)
    day = None if moment is None else moment.date()
    prefixes = [""] if said.get("prefix") == EVERYWHERE else reading.to_prefixes(said)
    for prefix in prefixes:
        if not _PREFIX.fullmatch(prefix):
            detail = f"{prefix} is longer than five digits, which costs are kept by."
            raise reading.Wrong("prefix", "too_long", detail)
        yield row, said["connector"], prefix, cost, day


def _twice(lines: Iterable[Line]) -> Iterator[Fault]:
    first: dict[Any, int] = {}
    for row, connector, prefix, _, day in lines:
        before = first.setdefault((connector, prefix, day), row)
        if before != row:
            detail = f"Row {before} gives a cost for {prefix or EVERYWHERE} already."
            yield Fault(row, "prefix", "duplicate", detail)


def export(session: Any, zone: str, tick: Callable[[], None]) -> bytes:
    """The costs that hold today as a workbook that can be imported again; ``tick`` is called now and then."""
    return workbook("costs", COLUMNS, _rows(session, zone), tick)


def _rows(session: Any, zone: str) -> Iterator[list[Any]]:
    for row in costs.rows_in_force(session, costs.today(session, zone)):
        shown = costs.shown(row)
        yield [
            shown["connector"],
            shown["prefix"] or EVERYWHERE,
            shown["country"],
            shown["network"],
            sheets.euro_text(shown["cost"]),
            shown["valid_from"],
        ]


def workbook(
    name: str, header: tuple[str, ...], rows: Iterable[list[Any]], tick: Callable[[], None]
) -> bytes:
    """Rows as .xlsx, nothing in it a formula. ``tick`` is called now and then: others want the processor."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name)
    sheet.append(header)
    for number, row in enumerate(rows, 1):
        sheet.append([text(value) if isinstance(value, str) else value for value in row])
        if number % TICK_EVERY == 0:
            tick()
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
