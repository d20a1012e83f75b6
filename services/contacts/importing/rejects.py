"""The workbook of rejected rows: the rows as they were, why each was refused, ready to be corrected and
imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from openpyxl import Workbook

from . import reasons, spreadsheet
from .headers import REJECT_HEADERS
from .verdicts import Rejected

SHEET_NAME = "Rejected"


def write(path: Path, header: Sequence[str], rejected_rows: Iterable[Rejected]) -> int:
    """Writes the workbook at `path`, streaming; answers the number of rows.

    `header` has one name for each column of the file, "" where it has none, or that of the numbers for a paste. The
    reasons follow in Greek and in English, in two columns that an import ignores, and then the cells that a row has beyond.
    """
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet(SHEET_NAME)
    sheet.freeze_panes = "A2"
    width = len(header)
    spreadsheet.append_texts(sheet, [*header, *REJECT_HEADERS], bold=True)
    count = 0
    for rejected in rejected_rows:
        count += 1
        values = rejected.values[:width] + ("",) * (width - len(rejected.values))
        spreadsheet.append_texts(sheet, [*values, *_explain(rejected), *rejected.values[width:]])
    workbook.save(path)
    return count


def _explain(rejected: Rejected) -> tuple[str, str]:
    greek, english = reasons.words(rejected.reason, "el"), reasons.words(rejected.reason, "en")
    if not rejected.detail:
        return greek, english
    return f"{greek} ({rejected.detail})", f"{english} ({rejected.detail})"
