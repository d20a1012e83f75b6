"""Builders of files, honest and hostile, for the tests of importing."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from services.contacts.importing.analysis import DEFAULT_OPTIONS, Options, Understanding, understand
from services.contacts.importing.verdicts import Rejected, Verdict

EXAMPLES = Path(__file__).parents[4] / "examples"

_CONTENT_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
_ROOT_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>'
)
_WORKBOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>'
)
_WORKBOOK_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/></Relationships>'
)
_SHEET_START = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_SHEET_END = "</sheetData></worksheet>"

Rows = Iterable[Sequence[object]]


@pytest.fixture
def examples() -> Path:
    return EXAMPLES


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """workbook(rows) or workbook(Πελάτες=rows, …) → path of an .xlsx with one sheet for each."""

    def build(rows: Rows | None = None, name: str = "file.xlsx", **sheets: Rows) -> Path:
        book = Workbook(write_only=True)
        for title, content in ({"Sheet": rows} if rows is not None else sheets).items():
            sheet = book.create_sheet(title)
            for row in content:
                sheet.append([_as_text(sheet, cell) for cell in row])
        book.save(tmp_path / name)
        return tmp_path / name

    return build


def _as_text(sheet: object, value: object) -> object:
    """Texts as texts: openpyxl would make a formula of "=1"."""
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value)
    cell.data_type = "s"
    return cell


@pytest.fixture
def raw_workbook(tmp_path: Path) -> Callable[..., Path]:
    """raw_workbook(xml of rows, prolog=, extra=) → path of an .xlsx written by hand, piece by piece."""

    def build(rows: Iterable[str], prolog: str = "", extra: dict[str, bytes] | None = None) -> Path:
        path = tmp_path / "raw.xlsx"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("[Content_Types].xml", _CONTENT_TYPES)
            archive.writestr("_rels/.rels", _ROOT_RELATIONS)
            archive.writestr("xl/workbook.xml", _WORKBOOK)
            archive.writestr("xl/_rels/workbook.xml.rels", _WORKBOOK_RELATIONS)
            with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
                sheet.write(f"{prolog}{_SHEET_START}".encode())
                for row in rows:
                    sheet.write(row.encode())
                sheet.write(_SHEET_END.encode())
            for name, content in (extra or {}).items():
                archive.writestr(name, content)
        return path

    return build


@pytest.fixture
def text_file(tmp_path: Path) -> Callable[..., Path]:
    """text_file(text, encoding=) → path of a .csv holding it."""

    def build(text: str, encoding: str = "utf-8", name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return build


@dataclass(frozen=True)
class Analysis:
    """A whole file: how it is read, and the verdicts on all its rows."""

    found: Understanding
    verdicts: list[Verdict]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have each verdict."""
        return dict(Counter(type(verdict).__name__.lower() for verdict in self.verdicts))

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows are rejected for each reason."""
        return dict(Counter(verdict.reason for verdict in self.verdicts if isinstance(verdict, Rejected)))


def analyse(path: Path, filename: str = "", options: Options = DEFAULT_OPTIONS) -> Analysis:
    """A file read to its end."""
    found, judged = understand(path, filename, options)
    return Analysis(found, list(judged))
