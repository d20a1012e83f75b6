"""Rows of price lists: what people write, and what is wrong with it."""

from __future__ import annotations

import contextlib
import io
import zipfile
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricelists import destinations, reading, sheets, workbooks
from services.billing.pricelists.reading import Fault, Wanted, read

HEADER = ["price_class", "prefix", "country", "network", "price", "valid_from"]


def rows(*values: list[Any], header: list[str] = HEADER) -> tuple[list[Wanted], list[Fault]]:
    return read(enumerate([header, *values], 1), "Europe/Athens")


def one(*values: Any) -> Wanted:
    (wanted,), faults = rows(list(values))
    assert faults == []
    return wanted


def fault(*values: Any) -> tuple[int, str, str]:
    _, (found,) = rows(list(values))
    return found.row, found.column, found.code


@pytest.mark.parametrize(
    ("written", "micro"),
    [
        ("0.045", 45_000),
        ("0,045", 45_000),
        (0.045, 45_000),
        (1, 1_000_000),
        (0.1 * 3, 300_000),
        ("-", None),
        (0, 0),
    ],
)
def test_prices_are_read_as_people_and_spreadsheets_write_them(written: Any, micro: int | None) -> None:
    assert one("normal", "30", "", "", written, "").price == micro


@pytest.mark.parametrize(
    ("written", "code"),
    [("", "required"), ("free", "invalid"), ("-1", "invalid"), ("1.000,50", "invalid"), ("0.0000001", "too_precise"),
     ("100.01", "range"), ("nan", "invalid"), ("1e2", "invalid"), ("١", "invalid"), (1e300, "invalid")],
)  # fmt: skip
def test_a_price_that_is_none_is_named_by_row_and_column(written: Any, code: str) -> None:
    assert fault("normal", "30", "", "", written, "") == (2, "price", code)


@pytest.mark.parametrize("written", ["30", 30.0, 30, "+30", "0030", " 30 "])
def test_a_prefix_is_read_however_it_is_written(written: Any) -> None:
    assert one("normal", written, "", "", "1", "").prefix == "30"


@pytest.mark.parametrize("written", ["3o", "0", "30-69", "1234567890123456", 30.5])
def test_a_prefix_that_is_none_is_refused(written: Any) -> None:
    assert fault("normal", written, "", "", "1", "") == (2, "prefix", "invalid")


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-12-01", datetime(2026, 11, 30, 22, tzinfo=UTC)),
        ("01/12/2026", datetime(2026, 11, 30, 22, tzinfo=UTC)),
        (date(2026, 12, 1), datetime(2026, 11, 30, 22, tzinfo=UTC)),
        ("2026-07-01 12:00", datetime(2026, 7, 1, 9, tzinfo=UTC)),
        ("2026-12-01T00:00:00+00:00", datetime(2026, 12, 1, tzinfo=UTC)),
        ("", None),
    ],
)
def test_a_date_begins_at_midnight_where_the_account_is(written: Any, moment: datetime | None) -> None:
    assert one("normal", "30", "", "", "1", written).valid_from == moment


def test_a_date_that_is_none_is_refused() -> None:
    assert fault("normal", "30", "", "", "1", "31/31/2026") == (2, "valid_from", "invalid")


@pytest.mark.parametrize(
    "written",
    ["9999-12-31T23:59:59-05:00", "9999-12-31", "2101-01-01", "31/12/1999", date(1900, 1, 1), "0001-01-01"],
)
def test_a_date_that_nobody_can_mean_is_refused(written: Any) -> None:
    assert fault("normal", "30", "", "", "1", written) == (2, "valid_from", "range")


def test_a_country_is_its_prefix_and_a_network_all_of_its_own() -> None:
    assert one("low", "", "gr", "", "1", "").prefix == "30"
    vodafone, faults = rows(["low", "", "GR", "vodafone", "1", ""])

    assert faults == []
    assert "30694" in {wanted.prefix for wanted in vodafone}
    assert {wanted.row for wanted in vodafone} == {2}
    assert destinations.describe("30694") == ("GR", "Vodafone")


@pytest.mark.parametrize(
    ("country", "network", "column", "code"),
    [("XX", "", "country", "unknown_country"), ("CA", "", "country", "country_needs_prefix"),
     ("GR", "Nobody", "network", "unknown_network"), ("", "", "prefix", "required"), ("", "Vodafone", "prefix", "required")],
)  # fmt: skip
def test_a_destination_nobody_knows_is_refused(country: str, network: str, column: str, code: str) -> None:
    assert fault("normal", "", country, network, "1", "") == (2, column, code)


def test_countries_that_share_a_code_are_told_apart() -> None:
    assert [destinations.prefixes(country, "") for country in ("US", "AG", "RU", "KZ")] == [
        ["1"],
        ["1268"],
        ["7"],
        ["77"],
    ]


def test_the_header_may_be_greek_and_in_any_order() -> None:
    wanted, faults = rows(["0,05", "Normal", "30"], header=["Τιμή", "Κατηγορία", "Πρόθεμα"])

    assert faults == []
    assert wanted == [Wanted(2, "normal", "30", 50_000, None)]


def test_every_fault_of_a_file_is_told_at_once() -> None:
    wanted, faults = rows(
        ["normal", "30", "", "", "1", ""],
        ["gold", "30", "", "", "1", ""],
        ["low", "x", "", "", "1", ""],
        ["normal", "+30", "", "", "2", ""],
        ["low"],
    )

    assert len(wanted) == 2
    assert [(one.row, one.column, one.code) for one in faults] == [
        (3, "price_class", "not_allowed"),
        (4, "prefix", "invalid"),
        (6, "price", "required"),
        (5, "prefix", "duplicate"),
    ]


@pytest.mark.parametrize("header", [[], ["prefix", "price"], ["price_class", "price"], ["a", "b"]])
def test_a_file_without_its_columns_is_refused(header: list[str]) -> None:
    wanted, faults = rows(["normal", "30", "1"], header=header)

    assert (wanted, [one.code for one in faults]) == ([], ["column_missing"])


def test_a_list_that_is_too_long_is_refused() -> None:
    wanted, faults = rows(*[["normal", str(n), "", "", "1", ""] for n in range(1, 5_003)])

    assert (wanted, [one.code for one in faults]) == ([], ["too_many_rows"])


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04 cut", b"\xff\xfe\x00x", b"a\x00b", b"x" * (sheets.MAX_OCTETS + 1), b'"a" b,"']
)
def test_a_file_that_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises(sheets.Unreadable):
        list(sheets.cells(data))


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (workbooks.MAX_UNPACKED + 1))
    assert len(file.getvalue()) < sheets.MAX_OCTETS

    with pytest.raises(sheets.Unreadable, match="too large"):
        list(sheets.cells(file.getvalue()))


def book_of(cells: dict[str, Any]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for place, value in cells.items():
        book.worksheets[0][place] = value
    book.save(file)
    return file.getvalue()


def with_sheet(data: bytes, xml: bytes) -> bytes:
    """The workbook with another first sheet."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, xml if entry == "xl/worksheets/sheet1.xml" else old.read(entry))
    return file.getvalue()


@pytest.mark.parametrize("corner", ["XFD20000", "XFD1048576", "A99999999999"])
def test_a_workbook_that_spans_more_than_memory_is_refused_and_its_reader_alone_dies(corner: str) -> None:
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="%s"><v>1</v></c></row></sheetData></worksheet>'
    )
    data = with_sheet(book_of({"A1": 1}), sheet % corner.encode())
    assert len(data) < 10_000

    with pytest.raises(sheets.Unreadable, match="too large"):
        sheets.cells(data)


@pytest.mark.parametrize("xml", [b"", b"<worksheet", b"\x00" * 100])
def test_a_workbook_whose_sheet_is_none_is_refused(xml: bytes) -> None:
    with pytest.raises(sheets.Unreadable, match="not a workbook"):
        sheets.cells(with_sheet(book_of({"A1": 1}), xml))


def test_a_stray_cell_far_below_the_list_does_not_keep_it_from_being_read() -> None:
    rows_ = list(sheets.cells(book_of({"A1": "price", "A2": 0.045, "B2": True, "F1048576": " x"})))

    assert rows_ == [
        (1, ["price", *[""] * 5]),
        (2, [0.045, True, *[""] * 4]),
        (1_048_576, [*[""] * 5, " x"]),
    ]


def test_moments_of_a_workbook_are_read_as_those_that_were_typed() -> None:
    cells: dict[str, Any] = {"A1": "price_class", "B1": "prefix", "C1": "price", "D1": "valid_from"}
    cells |= {"A2": "low", "B2": 30, "C2": 1, "D2": datetime(2026, 12, 1, 12)}  # noqa: DTZ001  as a cell has it
    cells |= {"A3": "low", "B3": 31, "C3": 1, "D3": date(2026, 12, 1)}
    wanted, faults = read(sheets.cells(book_of(cells)), "Europe/Athens")

    assert faults == []
    assert [one.valid_from for one in wanted] == [
        datetime(2026, 12, 1, 10, tzinfo=UTC),
        datetime(2026, 11, 30, 22, tzinfo=UTC),
    ]


def test_what_is_written_is_read_again_the_same() -> None:
    listed = [
        {"price_class": "normal", "prefix": "30", "price": 45_000, "valid_from": "2020-01-01T00:00:00Z"},
        {"price_class": "low", "prefix": "30694", "price": 1_234_567, "valid_from": "2026-12-01T10:00:00Z"},
    ]
    ticks: list[int] = []
    data = sheets.workbook(listed * 100, lambda: ticks.append(1))
    wanted, _ = read(sheets.cells(data), "Europe/Athens")

    assert ticks
    assert [(one.price_class, one.prefix, one.price) for one in wanted[:2]] == [
        ("normal", "30", 45_000),
        ("low", "30694", 1_234_567),
    ]
    assert wanted[1].valid_from == datetime(2026, 12, 1, 10, tzinfo=UTC)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_file_breaks_the_reading(data: bytes) -> None:
    with contextlib.suppress(sheets.Unreadable):  # and nothing else is ever raised
        read(sheets.cells(data), "Europe/Athens")


@given(
    st.lists(st.lists(st.text(max_size=8) | st.floats() | st.booleans() | st.dates(), max_size=7), max_size=5)
)
def test_no_cells_break_the_reading(values: list[list[Any]]) -> None:
    wanted, faults = rows(*values)

    assert {one.row for one in faults} <= set(range(1, len(values) + 2))
    assert all(one.price is None or one.price >= 0 for one in wanted)


@pytest.mark.parametrize(
    ("micro", "shown"),
    [
        (45_000, "0.045"),
        (40_000, "0.04"),
        (0, "0.00"),
        (100_000_000, "100.00"),
        (10_500_000, "10.50"),
        (1, "0.000001"),
    ],
)
def test_a_price_in_a_cell_has_two_to_six_decimals(micro: int, shown: str) -> None:
    assert sheets.euro_text(micro) == shown
    assert reading.to_price(shown) == micro
