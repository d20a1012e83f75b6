"""Cells that spreadsheets show and never run, for the workbooks Keryx writes.

A text that begins like a formula is written as a string with Excel's quote-prefix style, so that neither
opening nor editing the cell evaluates it (OWASP: CSV injection).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

MAX_CELL: Final = 32_767
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def text_cell(sheet: WriteOnlyWorksheet, value: str, *, bold: bool = False) -> Any:
    """`value` as a string cell, at most 32,767 characters of it, never a formula."""
    clean = ILLEGAL_CHARACTERS_RE.sub("", value)[:MAX_CELL]
    cell = WriteOnlyCell(sheet, clean)
    cell.data_type = "s"
    if clean.startswith(_FORMULA_STARTS):
        cell.quotePrefix = True
    if bold:
        cell.font = Font(bold=True)
    return cell


def append_texts(sheet: WriteOnlyWorksheet, values: Iterable[str], *, bold: bool = False) -> None:
    """One row of string cells; plain texts skip the cell object, which costs five times the value."""
    sheet.append([_plain_or_cell(sheet, value, bold) for value in values])


def _plain_or_cell(sheet: WriteOnlyWorksheet, value: str, bold: bool) -> Any:
    if not value:
        return None
    if bold or not value[0].isalnum() or not value.isprintable() or len(value) > MAX_CELL:
        return text_cell(sheet, value, bold=bold)
    return value
