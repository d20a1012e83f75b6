"""Files that people open in a spreadsheet: nothing acts as a formula, everything can be opened, times are local."""

from __future__ import annotations

import csv
import errno
import io
import itertools
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import openpyxl
import pytest
import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from servicekit import exporting, sheets
from services.dispatcher import exporter
from services.dispatcher.domain import State

NOON = datetime(2026, 3, 25, 12, 0, 5, 999, tzinfo=UTC)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def row(text: str = "Καλημέρα", reference: str | None = None, **more: Any) -> tuple[Any, ...]:
    values = {
        "id": 17, "recipient": 306912345678, "sender": "KERYX", "text": text, "parts": 2, "encoding": "unicode",
        "price_class": "normal", "price": 80_000, "state": int(State.DELIVERED), "reason": None,
        "submitted": NOON, "final": None, "campaign": None, "reference": reference, **more,
    }  # fmt: skip
    return tuple(values.values())


def csv_of(*rows: tuple[Any, ...], zone: tzinfo = UTC) -> list[list[str]]:
    file = io.BytesIO()
    sheets.write_csv(file, exporter.HEADERS, iter([list(map(exporter.shown, rows))]), zone)
    return list(csv.reader(io.StringIO(file.getvalue().decode("utf-8-sig"), newline="")))


def xlsx_of(*rows: tuple[Any, ...], total: int | None = None) -> list[list[tuple[Any, ...]]]:
    pages = [list(map(exporter.shown, page)) for page in batched(rows, 3)]
    with tempfile.TemporaryFile() as file:
        sheets.write_xlsx(
            file, "messages", exporter.HEADERS, iter(pages), len(rows) if total is None else total
        )
        book = openpyxl.load_workbook(file)
        return [list(sheet.iter_rows(values_only=True)) for sheet in book]


def batched(rows: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def test_a_row_as_people_read_it() -> None:
    assert exporter.shown(row(reference="a-1")) == [
        17, "306912345678", "KERYX", "Καλημέρα", 2, "unicode", "normal", 0.08, "delivered", None, NOON, None, None, "a-1",
    ]  # fmt: skip


def test_times_are_of_the_zone_that_was_asked_for_wherever_they_come_from() -> None:
    athens = NOON.astimezone(timezone(timedelta(hours=3)))
    assert csv_of(row(submitted=athens))[1][10] == "2026-03-25 12:00:05"
    winter, summer = row(submitted=NOON), row(submitted=NOON + timedelta(days=10))
    read = csv_of(winter, summer, zone=ZoneInfo("Europe/Athens"))[1:]
    assert [cells[10] for cells in read] == ["2026-03-25 14:00:05", "2026-04-04 15:00:05"]


@pytest.mark.parametrize("start", ["=1+1", "+30", "-5", "@SUM(A1)", "\tx", "\rx"])
def test_nothing_acts_as_a_formula(start: str) -> None:
    for field in ("text", "sender", "reference"):
        assert "'" + start in csv_of(row(**{field: start}))[1]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    "text", ["α;=1+1;β", "α,+30", "α\t@SUM(A1)", "α\n=1+1", "α\r\n-5", 'α";=1+1', ";;=1"]
)
def test_nothing_acts_as_a_formula_where_another_separator_is_taken(text: str, separator: str) -> None:
    file = io.BytesIO()
    sheets.write_csv(file, exporter.HEADERS, iter([[exporter.shown(row(text)), exporter.shown(row("β"))]]))
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        lines = io.StringIO(file.getvalue().decode("utf-8-sig"), newline="")
        read = [cell for cells in csv.reader(lines, delimiter=separator, quoting=quoting) for cell in cells]
        assert not [cell for cell in read if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_an_everyday_text_is_exported_as_it_was_written() -> None:
    text = "Μόνο σήμερα: -20%, 3+1 δώρο; a@b.gr - Α=Β"
    assert csv_of(row(text))[1][3] == text


def test_a_csv_says_that_it_is_unicode_and_keeps_lines_inside_cells() -> None:
    file = io.BytesIO()
    sheets.write_csv(file, exporter.HEADERS, iter([[exporter.shown(row('δύο\nγραμμές, "ναι"'))]]))
    assert file.getvalue().startswith(b"\xef\xbb\xbf")
    header, read = csv_of(row('δύο\nγραμμές, "ναι"'))
    assert header == list(exporter.HEADERS)
    assert read[3] == 'δύο\nγραμμές, "ναι"'


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT | st.none()), min_size=1, max_size=5))
def test_every_text_makes_a_workbook_that_opens_and_reads_the_same(
    texts: list[tuple[str, str | None]],
) -> None:
    ((_, *read),) = xlsx_of(*[row(text, reference) for text, reference in texts])
    assert [cells[0] for cells in read] == [17] * len(texts)
    for cells, (text, reference) in zip(read, texts, strict=True):
        for shown, given_ in ((cells[3], text), (cells[13], reference)):
            assert unescape(shown or "") == sheets.text(given_ or "")
            assert not (shown or "").startswith(("=", "+", "-", "@"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT | st.none() | st.integers()), max_size=6))
def test_a_page_is_made_harmless_as_its_values_are_one_by_one(rows: list[tuple[Any, ...]]) -> None:
    alone = [tuple(sheets.text(v) if isinstance(v, str) else v for v in cells) for cells in rows]
    assert list(sheets.cells(rows)) == alone
    alone = [tuple(sheets.csv_text(v) if isinstance(v, str) else v for v in cells) for cells in rows]
    assert list(sheets.cells(rows, as_text=sheets.csv_text)) == alone


def test_a_workbook_is_read_by_another_library_too() -> None:
    with tempfile.TemporaryFile() as file:
        sheets.write_xlsx(file, "messages", ["α", "β"], iter([[("Καλημέρα\n<&>", 1)], [(None, 0.5)]]), 2)
        book = python_calamine.CalamineWorkbook.from_filelike(file)
        rows = book.get_sheet_by_name("messages").to_python()
    assert rows == [["α", "β"], ["Καλημέρα\n<&>", 1], ["", 0.5]]


def test_what_a_workbook_cannot_hold_is_left_out() -> None:
    ((_, read),) = xlsx_of(row("page\x0cbreak\x00\x1b", reference="x" * 40_000))
    assert read[3] == "pagebreak"
    assert len(read[13]) == 32_767


def test_a_file_without_rows_has_its_header() -> None:
    assert xlsx_of() == [[exporter.HEADERS]]


def test_columns_of_the_same_name_stay_apart() -> None:
    with tempfile.TemporaryFile() as file:
        sheets.write_xlsx(file, "contacts", ["note", "=a", "note"], iter([[("x", "y", "z")]]), 1)
        read = list(openpyxl.load_workbook(file)["contacts"].iter_rows(values_only=True))
    assert read == [("note", "'=a", "note (2)"), ("x", "y", "z")]


def test_a_new_sheet_begins_where_one_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "SHEET_ROWS", 4)
    read = xlsx_of(*[row(id=n) for n in range(7)])
    assert [[line[0] for line in sheet] for sheet in read] == [
        ["id", 0, 1, 2], ["id", 3, 4, 5], ["id", 6],
    ]  # fmt: skip
    with pytest.raises(sheets.Outgrown):
        xlsx_of(*[row(id=n) for n in range(7)], total=5)


# --- a full disk: /dev/full refuses every octet as one does, a limit of the file's size without being root


def endless() -> Iterator[list[list[Any]]]:
    while True:
        yield [exporter.shown(row())] * 500


def test_a_file_that_does_not_fit_is_told_as_such() -> None:
    def as_csv(file: BinaryIO) -> None:
        sheets.write_csv(file, exporter.HEADERS, itertools.islice(endless(), 4))

    def as_xlsx(file: BinaryIO) -> None:
        sheets.write_xlsx(file, "messages", exporter.HEADERS, itertools.islice(endless(), 4), 2_000)

    for write in (as_csv, as_xlsx):
        with open("/dev/full", "wb", buffering=0) as full:
            with pytest.raises(OSError, match="No space left") as refusal:
                write(full)
            assert refusal.value.errno == errno.ENOSPC


def test_so_is_a_workbook_whose_writing_ends_in_a_panic() -> None:
    # A process of its own: the limit cannot be lifted again, and the writer's folder is chosen by its environment.
    code = textwrap.dedent("""
        import resource, signal, tempfile
        from servicekit import exporting, sheets
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        with tempfile.TemporaryFile() as file:
            try:
                sheets.write_xlsx(file, "x", ["a"], iter([[("text",)] * 2_000] * 20), 40_000)
            except OSError as error:
                print(error.errno)
    """)
    command = [sys.executable, "-c", code]
    environment = os.environ | {"PYTHONPATH": "libs"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [str(errno.EFBIG)]


def test_space_is_looked_for_before_it_is_needed(tmp_path: Path) -> None:
    exporting.require_space(str(tmp_path), 1)
    with pytest.raises(OSError, match="No space left"):
        exporting.require_space(str(tmp_path), 1 << 60)
