"""A table out of a hostile file: rows stream, numbered as the user sees them, whatever name the file came
under.

Workbooks go through calamine (112,000 rows/s against openpyxl's 6,100) after `archive.inspect`. calamine
holds one sheet as a dense box in memory and ends the process when that box cannot be had, so hostile files
belong in `sandbox`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

import python_calamine as calamine

from . import columns, content, delimited
from .content import Kind
from .errors import BadFile

Row = tuple[int, Sequence[object]]
MAX_ROWS = 1_048_576
"""The rows an Excel sheet can have (Microsoft: Excel specifications and limits)."""
MAX_COLUMNS = delimited.MAX_CELLS
"""Cells beyond this column are not read."""
SAMPLE_ROWS = 200
_MAX_SHEETS = 24
_IS_LIST = 2


class Table(Protocol):
    """One table of a file. `sheet` is "" for text; `other_sheets` look like lists of people too; `first_column` is the
    sheet's column of cell 0, counted from 0.
    """

    @property
    def kind(self) -> Kind: ...

    @property
    def sheet(self) -> str: ...

    @property
    def other_sheets(self) -> tuple[str, ...]: ...

    @property
    def first_column(self) -> int: ...

    @property
    def about_rows(self) -> int:
        """How many rows it has, blank ones too; of text an estimate."""

    def rows(self, start: int = 0) -> Iterator[Row]:
        """(number, cells) of each row that is not blank and whose number is greater than `start`, in order.

        Numbers are 1-based as Excel shows them. Raises BadFile (too_many_rows, csv_broken) when reached.
        """


def open_table(path: Path, filename: str = "", region: str = "GR", sheet: str | None = None) -> Table:
    """The table of the file at `path`; `filename` is the user's name for it and decides nothing. Of a workbook `sheet`, or the
    one that looks most like a list of people.

    Raises BadFile: all of `content.recognise`, `archive.inspect` and `delimited.detect`, besides
    workbook_broken, workbook_too_large, too_many_rows, no_data_rows, unknown_sheet.
    """
    try:
        if content.recognise(path) == "xlsx":
            return _workbook_table(path, region, sheet)
        return _text_table(path)
    except BadFile as refusal:
        if filename.lower().endswith((".xlsx", ".xls", ".xlsm")) and refusal.code.startswith("csv_"):
            raise BadFile("not_a_workbook", refusal.detail) from refusal
        raise


@dataclass(frozen=True, slots=True)
class _TextTable:
    path: Path
    dialect: delimited.Dialect
    kind: Kind = "csv"
    sheet: str = ""
    other_sheets: tuple[str, ...] = ()
    first_column: int = 0

    @property
    def about_rows(self) -> int:
        return delimited.about_lines(self.path)

    def rows(self, start: int = 0) -> Iterator[Row]:
        for number, cells in delimited.rows(self.path, self.dialect):
            if number > MAX_ROWS:
                raise BadFile("too_many_rows", f"more than {MAX_ROWS} rows")
            if number > start:
                yield number, cells


@dataclass(frozen=True, slots=True)
class _SheetTable:
    cells: calamine.CalamineSheet
    sheet: str
    first_column: int
    other_sheets: tuple[str, ...] = ()
    kind: Kind = "xlsx"

    @property
    def about_rows(self) -> int:
        return self.cells.end[0] + 1 if self.cells.end else 0

    def rows(self, start: int = 0) -> Iterator[Row]:
        for number, row in enumerate(islice(self.cells.iter_rows(), start, None), start + 1):
            if not _is_blank(row):
                yield number, row if len(row) <= MAX_COLUMNS else row[:MAX_COLUMNS]


def _is_blank(row: Sequence[object]) -> bool:
    """`any` settles it in C for nearly all rows; zeros, False and white space need the second look."""
    if any(row):
        return all(isinstance(cell, str) and (not cell or cell.isspace()) for cell in row)
    return all(cell == "" for cell in row)


def _text_table(path: Path) -> Table:
    table = _TextTable(path, delimited.detect(path))
    if next(table.rows(), None) is None:
        raise BadFile("no_data_rows", "every row is blank")
    return table


def _workbook_table(path: Path, region: str, sheet: str | None) -> Table:
    try:
        with calamine.CalamineWorkbook.from_path(path) as workbook:
            return _best_sheet(workbook, region, sheet)
    except calamine.PasswordError as error:
        raise BadFile("workbook_encrypted", "remove the password and save again") from error
    except calamine.CalamineError as error:
        raise BadFile("workbook_broken", str(error)) from error
    except BaseException as error:
        # A panic of the Rust reader arrives as pyo3_runtime.PanicException, which no module exports.
        if type(error).__name__ != "PanicException":
            raise
        raise BadFile("workbook_broken", "the workbook cannot be read") from error


def _best_sheet(workbook: calamine.CalamineWorkbook, region: str, wanted: str | None) -> Table:
    """The sheet that is wanted, or looks most like a list of people: visible ones first, the first of equals.

    Notes, covers and empty sheets lose because no column of theirs holds numbers.
    """
    best: tuple[tuple[int, int], _SheetTable] | None = None
    lists: list[str] = []
    for name in _candidates(workbook):
        table = _sheet_table(workbook, name)
        if table is None:
            continue
        likeness = _likeness(table, region)
        lists += [name] if likeness[0] == _IS_LIST else []
        if name == wanted or (wanted is None and (best is None or likeness > best[0])):
            best = likeness, table
    if best is None and wanted is not None:
        raise BadFile("unknown_sheet", "no such sheet, or nothing in it")
    if best is None:
        raise BadFile("no_data_rows", "no sheet has a row with something in it")
    return replace(best[1], other_sheets=tuple(name for name in lists if name != best[1].sheet))


def _candidates(workbook: calamine.CalamineWorkbook) -> list[str]:
    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
    visible = [sheet.name for sheet in sheets if sheet.visible == calamine.SheetVisibleEnum.Visible]
    return (visible or [sheet.name for sheet in sheets])[:_MAX_SHEETS]


def _sheet_table(workbook: calamine.CalamineWorkbook, name: str) -> _SheetTable | None:
    sheet = workbook.get_sheet_by_name(name)
    if sheet.start is None or sheet.end is None:
        return None
    if sheet.end[0] >= MAX_ROWS:
        raise BadFile("too_many_rows", f"sheet {name!r} has a row {sheet.end[0] + 1}")
    table = _SheetTable(sheet, name, sheet.start[1])
    return table if next(table.rows(), None) is not None else None


def _likeness(table: Table, region: str) -> tuple[int, int]:
    """(rank, numbers in the sample): _IS_LIST a number column with data under it, 1 its header alone, 0 neither."""
    sample = list(islice(table.rows(), SAMPLE_ROWS))
    detection = columns.detect(sample, region=region)
    if "number" not in detection.mapping:
        return 0, 0
    index = detection.mapping["number"]
    below = [row for number, row in sample if number > (detection.header_row or 0)]
    filled = sum(1 for row in below if index < len(row) and row[index] != "")
    return (_IS_LIST if filled else 1), filled
