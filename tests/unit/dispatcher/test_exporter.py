"""Files that people open in a spreadsheet: nothing acts as a formula, everything can be opened, times are UTC."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicekit import exporting
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


def csv_of(*rows: tuple[Any, ...]) -> list[list[str]]:
    file = io.BytesIO()
    exporting.write_csv(file, exporter.HEADERS, map(exporter.shown, rows))
    return list(csv.reader(io.StringIO(file.getvalue().decode("utf-8-sig"), newline="")))


def xlsx_of(*rows: tuple[Any, ...]) -> list[list[tuple[Any, ...]]]:
    file = io.BytesIO()
    exporting.write_xlsx(file, "messages", exporter.HEADERS, map(exporter.shown, rows))
    book = openpyxl.load_workbook(io.BytesIO(file.getvalue()))
    return [list(sheet.iter_rows(values_only=True)) for sheet in book]


def test_a_row_as_people_read_it() -> None:
    assert exporter.shown(row(reference="a-1")) == [
        17, "306912345678", "KERYX", "Καλημέρα", 2, "unicode", "normal", 0.08, "delivered", None, NOON, None, None, "a-1",
    ]  # fmt: skip


def test_times_are_utc_wherever_they_come_from() -> None:
    athens = NOON.astimezone(timezone(timedelta(hours=3)))
    assert csv_of(row(submitted=athens))[1][10] == "2026-03-25 12:00:05"


@pytest.mark.parametrize("start", ["=1+1", "+30", "-5", "@SUM(A1)", "\tx", "\rx"])
def test_nothing_acts_as_a_formula(start: str) -> None:
    for field in ("text", "sender", "reference"):
        assert "'" + start in csv_of(row(**{field: start}))[1]


def test_a_csv_says_that_it_is_unicode_and_keeps_lines_inside_cells() -> None:
    file = io.BytesIO()
    exporting.write_csv(file, exporter.HEADERS, iter([exporter.shown(row('δύο\nγραμμές, "ναι"'))]))
    assert file.getvalue().startswith(b"\xef\xbb\xbf")
    header, read = csv_of(row('δύο\nγραμμές, "ναι"'))
    assert header == list(exporter.HEADERS)
    assert read[3] == 'δύο\nγραμμές, "ναι"'


@settings(deadline=None, max_examples=60)
@given(ANY_TEXT, ANY_TEXT)
def test_every_text_makes_a_workbook_that_opens(text: str, reference: str) -> None:
    ((_, read),) = xlsx_of(row(text, reference))
    assert read[0] == 17
    assert not str(read[3] or "").startswith(("=", "+", "-", "@"))


def test_what_a_workbook_cannot_hold_is_left_out() -> None:
    ((_, read),) = xlsx_of(row("page\x0cbreak\x00\x1b"))
    assert read[3] == "pagebreak"


def test_a_new_sheet_begins_where_one_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "SHEET_ROWS", 4)
    sheets = xlsx_of(*[row(id=n) for n in range(7)])
    assert [[line[0] for line in sheet] for sheet in sheets] == [
        ["id", 0, 1, 2], ["id", 3, 4, 5], ["id", 6],
    ]  # fmt: skip
