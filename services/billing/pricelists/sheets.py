"""Workbooks in and out: cells of an .xlsx or .csv file, and a price list as .xlsx."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from openpyxl import Workbook

from contracts.errors import Invalid

from . import destinations, workbooks

MAX_OCTETS = 2 * 1024 * 1024
COLUMNS = ("price_class", "prefix", "country", "network", "price", "valid_from")
TICK_EVERY = 200

Cells = Iterator[tuple[int, list[Any]]]


class Unreadable(Invalid):
    """The file is no workbook, no text in UTF-8, or too large."""

    code = "file_unreadable"


def cells(data: bytes) -> Cells:
    """(row number from 1, values) of the first sheet, without rows that are empty. Raises Unreadable."""
    if not data or len(data) > MAX_OCTETS:
        raise Unreadable(f"A price list has 1 to {MAX_OCTETS} octets.")
    return _of_workbook(data) if data[:2] == b"PK" else _of_text(data)


def _of_workbook(data: bytes) -> Cells:
    try:
        return iter(workbooks.rows(data))
    except workbooks.TooLarge:
        raise Unreadable("The workbook is too large, or has cells far beyond the list.") from None
    except workbooks.Broken:
        raise Unreadable("The file is not a workbook (.xlsx).") from None


def _of_text(data: bytes) -> Cells:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The file is neither a workbook (.xlsx) nor text in UTF-8.") from None
    if "\x00" in text:
        raise Unreadable("The file is neither a workbook (.xlsx) nor text in UTF-8.")
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise Unreadable(f"The file is not a table: {error}.") from None
    return ((number, row) for number, row in enumerate(rows, 1) if any(value.strip() for value in row))


def euro_text(micro: int) -> str:
    """Micro-euro in a cell: a decimal text of two to six decimals, which no program rounds ("0.045", "100.00")."""
    whole, fraction = divmod(micro, 1_000_000)
    return f"{whole}.{f'{fraction:06d}'.rstrip('0').ljust(2, '0')}"


def workbook(rows: Iterable[dict[str, Any]], tick: Callable[[], None]) -> bytes:
    """Prices (as ``queries.list_prices`` has them) as .xlsx, which can be imported again as it is.

    ``tick`` is called now and then: writing is slow, and others want the processor.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet("prices")
    sheet.append(COLUMNS)
    for number, row in enumerate(rows, 1):
        country, network = destinations.describe(row["prefix"])
        euro = euro_text(row["price"])
        since = datetime.fromisoformat(row["valid_from"]).astimezone(UTC).isoformat()
        sheet.append([row["price_class"], row["prefix"], country, network, euro, since])
        if number % TICK_EVERY == 0:
            tick()
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
