"""Analysis: all of a file judged and counted, nothing stored, and the same again at the second step."""

from __future__ import annotations

from collections import Counter

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contacts.importing import pages, reasons, rejects, template
from services.contacts.importing.analysis import Options, understand
from services.contacts.importing.errors import BadFile, BadMapping
from services.contacts.importing.verdicts import Accepted, Rejected
from tests.unit.contacts.importing.conftest import analyse

PELATES_MAPPING = {
    "title": 0, "first_name": 1, "last_name": 2, "number": 3, "email": 4,
    "custom1": 5, "custom2": 6, "custom3": 7, "custom4": 8,
}  # fmt: skip


class TestExamples:
    def test_the_workbook_of_customers_is_understood_and_adds_up(self, examples):
        whole = analyse(examples / "pelates.xlsx", "pelates.xlsx")
        found = whole.found
        assert (found.sheet, found.header_row, dict(found.mapping)) == ("Πελάτες", 1, PELATES_MAPPING)
        assert found.labels == {
            "custom1": "Πόλη", "custom2": "Πόντοι", "custom3": "Τελευταία επίσκεψη", "custom4": "Κουπόνι",
        }  # fmt: skip
        assert (found.source, found.rows) == ("detected", 5000)
        assert whole.counts == {"accepted": 4470, "duplicate": 142, "rejected": 388}
        assert whole.reasons == {"landline": 151, "too_short": 126, "empty": 69, "not_a_number": 42}

    def test_the_text_from_greek_excel_gives_what_the_workbook_gives(self, examples):
        text = analyse(examples / "pelates-excel-greek.csv").verdicts
        workbook = analyse(examples / "pelates.xlsx").verdicts[:400]
        assert [outline(verdict) for verdict in text] == [outline(verdict) for verdict in workbook]


def outline(verdict):
    """All of a verdict but the points, where the text says 69,0 for the number 69 of the workbook."""
    if isinstance(verdict, Accepted):
        return verdict._replace(fields={k: v for k, v in verdict.fields.items() if k != "custom2"})
    return verdict[:3]


class TestAnalysis:
    def test_the_preview_shows_the_first_rows_with_their_verdicts(self, text_file):
        preview = analyse(text_file("Κινητό;Όνομα\n21;Άννα\n6972601815;Άρης\n")).found.preview
        assert [row.values for row in preview] == [["21", "Άννα"], ["6972601815", "Άρης"]]
        assert [(row.row, row.verdict, row.reason) for row in preview] == [
            (2, "rejected", "too_short"),
            (3, "accepted", ""),
        ]

    def test_a_corrected_mapping_replaces_the_detected_one(self, text_file):
        path = text_file("Κινητό;Όνομα\n6972601815;6981234567\n")
        whole = analyse(path, options=Options(mapping={"number": 1}))
        assert whole.verdicts[0].numbers == ("306981234567",)
        assert whole.found.source == "corrected"

    def test_a_remembered_mapping_is_used_for_the_same_headers_only(self, text_file):
        path = text_file("Κινητό;Πόλη\n6972601815;Βόλος\n")
        fingerprint = analyse(path).found.fingerprint
        remembered = Options(remembered={fingerprint: {"number": 0, "last_name": 1}})
        again = analyse(path, options=remembered)
        assert (again.found.source, again.verdicts[0].fields) == ("remembered", {"last_name": "Βόλος"})
        assert again.found.labels == {}
        other = analyse(text_file("Κινητό;Χωριό\n6972601815;Βόλος\n"), options=remembered)
        assert (other.found.source, other.found.labels) == ("detected", {"custom1": "Χωριό"})

    def test_a_remembered_mapping_that_does_not_fit_any_more_is_left_alone(self, text_file):
        path = text_file("Κινητό\n6972601815\n")
        fingerprint = analyse(path).found.fingerprint
        again = analyse(path, options=Options(remembered={fingerprint: {"number": 5}}))
        assert (again.found.source, again.found.mapping) == ("detected", {"number": 0})

    def test_a_mapping_that_cannot_be_is_refused(self, text_file):
        with pytest.raises(BadMapping):
            analyse(text_file("Κινητό\n6972601815\n"), options=Options(mapping={"number": 5}))

    @pytest.mark.parametrize(
        ("text", "code"),
        [("Όνομα;Πόλη\nΆννα;Βόλος\n", "no_number_column"), ("Κινητό;Όνομα\n", "no_data_rows")],
    )
    def test_a_table_nothing_can_be_taken_from_is_refused(self, text_file, text, code):
        with pytest.raises(BadFile) as refused:
            analyse(text_file(text))
        assert refused.value.code == code

    def test_an_unfilled_template_has_no_data_rows(self, tmp_path):
        template.write(tmp_path / "t.xlsx")
        with pytest.raises(BadFile, match="no_data_rows"):
            analyse(tmp_path / "t.xlsx")


class TestRejects:
    def test_rejected_rows_come_back_corrected_and_nothing_else(self, tmp_path, text_file):
        path = text_file("Κινητό;Όνομα;Πόλη\n21;=1+1;Βόλος\n6972601815;Άρης;Χανιά\n698;Ελένη;-\n")
        whole = analyse(path)
        rejected = [verdict for verdict in whole.verdicts if isinstance(verdict, Rejected)]
        out = tmp_path / "rejects.xlsx"
        assert rejects.write(out, [column.header for column in whole.found.columns], rejected) == 2

        book = openpyxl.load_workbook(out)
        book.active["A2"], book.active["A3"] = "6981111111", "6982222222"
        book.save(out)
        again = analyse(out, "rejects.xlsx")
        assert again.found.fingerprint == whole.found.fingerprint
        assert dict(again.found.mapping) == dict(whole.found.mapping)
        assert [verdict.fields for verdict in again.verdicts] == [
            {"first_name": "=1+1", "custom1": "Βόλος"},
            {"first_name": "Ελένη", "custom1": "-"},
        ]

    @pytest.mark.parametrize(
        "value", ["=1+1", "+30 21", "-x", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"]
    )
    def test_no_cell_is_a_formula(self, tmp_path, value):
        out = tmp_path / "rejects.xlsx"
        rejects.write(out, [value, "β"], [Rejected(2, "landline", value, (value, "α"))])
        sheet = openpyxl.load_workbook(out).active
        cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
        assert {cell.data_type for cell in cells} == {"s"}
        assert sheet["A2"].quotePrefix

    def test_control_characters_and_endless_texts_do_not_break_the_workbook(self, tmp_path):
        out = tmp_path / "rejects.xlsx"
        assert rejects.write(out, [""], [Rejected(2, "empty", "\x00", ("\x00\x1b" + "x" * 40_000,))]) == 1

    def test_a_file_without_headers_gives_rejects_that_are_understood_again(self, tmp_path):
        out = tmp_path / "rejects.xlsx"
        rejects.write(out, ["", ""], [Rejected(1, "empty", "", ("Άννα", "6972601815"))])
        assert analyse(out).found.mapping == {"number": 1, "custom1": 0}


class TestTemplate:
    @pytest.mark.parametrize("locale", ["el", "en"])
    def test_every_column_of_it_is_understood(self, tmp_path, locale):
        out = tmp_path / "t.xlsx"
        template.write(out, locale, {"custom2": "Κάρτα μέλους"})
        book = openpyxl.load_workbook(out)
        book.worksheets[0].append(["6972601815"] + [f"x{n}" for n in range(12)])
        book.save(out)
        found = analyse(out, options=Options(labels={"custom2": "Κάρτα μέλους"})).found
        assert len(found.mapping) == 13
        assert list(found.mapping.values()) == sorted(found.mapping.values()) or found.mapping["custom2"] == 7


cells = st.sampled_from(
    ["6972601815", "698 123 4567", "21", "δεν έχει", "=1", "α;β", 'α"β', "γ\nδ", "", " "]
) | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=12))
def test_any_table_in_a_file_has_every_row_accounted_for_once(workbook, table):
    path = workbook([["Κινητό", "Όνομα"], *table])
    filled = [n for n, row in enumerate(table, 2) if any(cell.strip() for cell in row)]
    if not filled:
        return
    assert Counter(verdict.row for verdict in analyse(path).verdicts) == Counter(filled)


lines = st.lists(
    st.lists(cells, min_size=1, max_size=3).map(lambda row: [cell.replace("\n", " ") for cell in row]),
    max_size=8,
)


@st.composite
def text_files(draw):
    separator, encoding = (
        draw(st.sampled_from(";,\t")),
        draw(st.sampled_from(["utf-8-sig", "utf-16", "cp1253"])),
    )
    text = "\r\n".join(separator.join(row) for row in [["Κινητό", "Όνομα"], *draw(lines)])
    return text.encode(encoding, "replace")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | text_files())
def test_any_bytes_are_refused_with_a_code_in_words_or_have_every_row_in_one_page(tmp_path, content):
    path = tmp_path / "any"
    path.write_bytes(content)
    verdicts, code = [], ""
    try:
        _, judged = understand(path, "any.csv")
        verdicts = list(judged)
    except BadFile as refusal:
        code = refusal.code
    assert bool(verdicts) != (code in reasons.CODES)
    assert sum(page.rows for page in pages.build(verdicts)) == len(verdicts)
    assert len({verdict.row for verdict in verdicts}) == len(verdicts)


class TestHostileCells:
    def test_a_formula_and_a_huge_cell_are_only_text(self, workbook):
        path = workbook(
            [["Κινητό", "Όνομα", "Πόλη"], ["=1+1", "=A1", "x"], ["6972601815", "x" * 32_000, "y"]]
        )
        whole = analyse(path)
        assert [verdict.reason for verdict in whole.verdicts] == ["not_a_number", "field_too_long"]
        assert whole.verdicts[0].values == ("=1+1", "=A1", "x")

    def test_zero_bytes_are_dropped_and_the_name_of_a_file_decides_nothing(self, text_file):
        text = "Κινητό;Όνομα\n6972601815;Άν\0να\n" + "6981234567;Μαρία\n" * 20
        path = text_file(text, encoding="utf-16")
        assert analyse(path, "photo.xlsx").verdicts[0].fields == {"first_name": "Άννα"}
        with pytest.raises(BadFile) as refused:
            analyse(text_file(text), "x.csv")
        assert refused.value.code == "csv_binary"
