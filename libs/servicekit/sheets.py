"""Rows into files that people open in a spreadsheet: nothing acts as a formula, everything opens, memory stays flat."""

from __future__ import annotations

import csv
import io
import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, BinaryIO

from rustpy_xlsxwriter import write_worksheets

SHEET_ROWS = 1_048_576  # the most that spreadsheet programs open
CELL_CHARACTERS = 32_767  # the most that they take in a cell
_SLACK = SHEET_ROWS // 8

# A spreadsheet program takes these at the start of a cell for a formula.
_FORMULA = frozenset("=+-@\t\r")
# And where a program takes another character for the separator than the writer did, Excel in Greek `;`, what
# stands behind it or a line break is the start of a cell too.
_INNER_FORMULA = re.compile(r"([;,\t\r\n])(?=[=+\-@])")
_INNER_STARTS = [separator + start for separator in ";," for start in "=+-@"]
# XML, and so a workbook, cannot hold these; an SMS can (form feed is in GSM 03.38). Lone surrogates are no Unicode.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# How the workbook's writer tells of a system error: in a panic, or in the text of an error without number.
_SYSTEM_ERROR = re.compile(r"(?:\bcode: |\bos error )(\d+)")
_NUMBERS = {int, float, bool, type(None)}
_TEXTS = {str, type(None)}
_TIMES = {datetime, type(None)}

Row = Sequence[Any]
Pages = Iterator[Sequence[Row]]


class Outgrown(Exception):
    """There are many more rows than were counted."""


def text(value: str) -> str:
    """A text as a cell: cut to what a cell takes, without what no workbook can hold, never a formula."""
    if not value.isprintable():  # far cheaper than to look for what is rare
        value = _NOT_XML.sub("", value)
    if value[:1] in _FORMULA:
        value = "'" + value
    return value if len(value) <= CELL_CHARACTERS else value[:CELL_CHARACTERS]


def csv_text(value: str) -> str:
    """As ``text``, and harmless too to a program that splits at another separator or takes no notice of quotes."""
    return text(_INNER_FORMULA.sub(r"\1'", value))


def cells(page: Sequence[Row], zone: tzinfo = UTC, as_text: Callable[[str], str] = text) -> Iterator[Row]:
    """The rows of a page as cells: texts made harmless by ``as_text``, times in ``zone``, to the second.

    By columns: what most of them hold is looked through at once, three times as fast as value by value.
    """
    return zip(*(_column(values, zone, as_text) for values in zip(*page, strict=True)), strict=True)


def _column(values: Row, zone: tzinfo, as_text: Callable[[str], str]) -> Row:
    kinds = set(map(type, values))
    if kinds <= _NUMBERS:
        return values
    if kinds <= _TEXTS and _is_harmless({value for value in values if value}):
        return values
    if kinds <= _TIMES:  # what one transaction wrote has one time
        shown = {value: _cell(value, zone, as_text) for value in set(values)}
        return [shown[value] for value in values]
    return [_cell(value, zone, as_text) for value in values]


def _is_harmless(texts: set[str]) -> bool:
    """Whether ``text`` and ``csv_text`` would leave them all as they are."""
    together = "".join(texts)
    return (
        together.isprintable()
        and not any(start in together for start in _INNER_STARTS)
        and _FORMULA.isdisjoint([value[0] for value in texts])
        and max(map(len, texts), default=0) <= CELL_CHARACTERS
    )


def _cell(value: Any, zone: tzinfo, as_text: Callable[[str], str]) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(" ", "seconds")[:19]
    return as_text(value) if isinstance(value, str) else value


def header(names: Row, as_text: Callable[[str], str] = text) -> list[str]:
    """The first row: as many different names as there are columns, so that a reader can go by them."""
    seen: dict[str, int] = {}
    shown = []
    for name in map(as_text, names):
        seen[name] = seen.get(name, 0) + 1
        shown.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return shown


def write_csv(file: BinaryIO, headers: Row, pages: Pages, zone: tzinfo = UTC) -> None:
    """Write rows as UTF-8 with a byte order mark, which spreadsheet programs need to see Greek.

    Raises OSError, with ENOSPC when there is no room.
    """
    wrapped = io.TextIOWrapper(file, "utf-8-sig", newline="")
    writer = csv.writer(wrapped)
    writer.writerow(header(headers, csv_text))
    for page in pages:
        writer.writerows(cells(page, zone, csv_text))
    wrapped.detach()


def write_xlsx(file: BinaryIO, name: str, headers: Row, pages: Pages, total: int, zone: tzinfo = UTC) -> None:
    """Write about ``total`` rows as a workbook into ``file``, which has a descriptor; a new sheet where one is full.

    The writer takes the sheets before the first row, so a last one without rows may stay where the count comes near.
    Raises OSError, with ENOSPC when there is no room, and Outgrown.
    """
    columns = header(headers)
    rows = itertools.chain.from_iterable(cells(page, zone) for page in pages)
    count = 1 + (total + (_SLACK if total > _SLACK else 0)) // (SHEET_ROWS - 1)
    names = [name if number == 1 else f"{name} {number}" for number in range(1, count + 1)]
    sheets: list[tuple[str, Any]] = [(title, _sheet(columns, rows)) for title in names]
    try:
        write_worksheets(sheets, f"/proc/self/fd/{file.fileno()}")
    except BaseException as error:  # noqa: BLE001  a panic of the writer is no Exception; all is raised on
        raise _told(error) from None
    if next(rows, None) is not None:  # the last sheet is full
        raise Outgrown(f"more than {total} rows")


def _sheet(columns: list[str], rows: Iterator[Row]) -> Iterator[dict[str, Any]]:
    """The rows of a sheet; the keys of the first are its header, so without rows there is an empty one."""
    number = 0
    for number, row in enumerate(itertools.islice(rows, SHEET_ROWS - 1), 1):  # noqa: B007
        yield dict(zip(columns, row, strict=True))
    if not number:
        yield dict.fromkeys(columns)


def _told(error: BaseException) -> BaseException:
    """The error; or, of an error or a panic of the writer itself, what it means."""
    if not isinstance(error, RuntimeError | OSError) and type(error).__name__ != "PanicException":
        return error
    if number := _SYSTEM_ERROR.search(str(error)):
        return OSError(int(number[1]), os.strerror(int(number[1])))
    return error if isinstance(error, Exception) else RuntimeError(str(error))
