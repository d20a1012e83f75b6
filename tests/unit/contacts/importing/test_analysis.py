"""Analysis: all of a file judged and counted, nothing stored, and the same again at the second step."""

from __future__ import annotations

from collections import Counter

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contacts.importing import analysis, rejects, template
from services.contacts.importing.analysis import Options
from services.contacts.importing.errors import BadFile, BadMapping
from services.contacts.importing.verdicts import Accepted, Rejected

PELATES_MAPPING = {
    "title": 0, "first_name": 1, "last_name": 2, "number": 3, "email": 4,
    "custom1": 5, "custom2": 6, "custom3": 7, "custom4": 8,
}  # fmt: skip


class TestExamples:
    def test_the_workbook_of_customers_is_understood_and_adds_up(self, examples):
        found = analysis.analyse(examples / "pelates.xlsx", "pelates.xlsx")
        assert (found.sheet, found.header_row, dict(found.mapping)) == ("Πελάτες", 1, PELATES_MAPPING)
        assert found.labels == {
            "custom1": "Πόλη", "custom2": "Πόντοι", "custom3": "Τελευταία επίσκεψη", "custom4": "Κουπόνι",
        }  # fmt: skip
        counts = found.counts
        assert (counts.rows, counts.accepted, counts.duplicates, counts.rejected) == (5000, 4470, 142, 388)
        assert counts.reasons == {"landline": 151, "too_short": 126, "empty": 69, "not_a_number": 42}

    def test_the_text_from_greek_excel_gives_what_the_workbook_gives(self, examples):
        text = list(analysis.judge_file(examples / "pelates-excel-greek.csv", "pelates.csv"))
        workbook = list(analysis.judge_file(examples / "pelates.xlsx", "pelates.xlsx"))[:400]
        assert [outline(verdict) for verdict in text] == [outline(verdict) for verdict in workbook]


def outline(verdict):
    """All of a verdict but the points, where the text says 69,0 for the number 69 of the workbook."""
    if isinstance(verdict, Accepted):
        return verdict._replace(fields={k: v for k, v in verdict.fields.items() if k != "custom2"})
    return verdict[:3]


class TestAnalysis:
    def test_the_preview_shows_the_first_rows_with_their_verdicts(self, text_file):
        found = analysis.analyse(text_file("Κινητό;Όνομα\n21;Άννα\n6972601815;Άρης\n"), "")
        assert [row.values for row in found.preview] == [("21", "Άννα"), ("6972601815", "Άρης")]
        assert [type(row.verdict).__name__ for row in found.preview] == ["Rejected", "Accepted"]

    def test_a_corrected_mapping_replaces_the_detected_one(self, text_file):
        path = text_file("Κινητό;Όνομα\n6972601815;6981234567\n")
        found = analysis.analyse(path, "", Options(mapping={"number": 1}))
        assert found.preview[0].verdict.numbers == ("306981234567",)

    def test_a_mapping_that_cannot_be_is_refused(self, text_file):
        with pytest.raises(BadMapping):
            analysis.analyse(text_file("Κινητό\n6972601815\n"), "", Options(mapping={"number": 5}))

    @pytest.mark.parametrize(
        ("text", "code"),
        [("Όνομα;Πόλη\nΆννα;Βόλος\n", "no_number_column"), ("Κινητό;Όνομα\n", "no_data_rows")],
    )
    def test_a_table_nothing_can_be_taken_from_is_refused(self, text_file, text, code):
        with pytest.raises(BadFile) as refused:
            analysis.analyse(text_file(text), "")
        assert refused.value.code == code

    def test_resuming_gives_the_rest_with_the_same_verdicts(self, text_file):
        path = text_file("Κινητό\n6972601815\n21\n6972601815\n6981234567\n")
        whole = list(analysis.judge_file(path, ""))
        for row in range(1, 7):
            assert list(analysis.judge_file(path, "", after_row=row)) == [v for v in whole if v.row > row]

    def test_an_unfilled_template_has_no_data_rows(self, tmp_path):
        template.write(tmp_path / "t.xlsx")
        with pytest.raises(BadFile, match="no_data_rows"):
            analysis.analyse(tmp_path / "t.xlsx", "")


class TestRejects:
    def test_rejected_rows_come_back_corrected_and_nothing_else(self, tmp_path, text_file):
        path = text_file("Κινητό;Όνομα;Πόλη\n21;=1+1;Βόλος\n6972601815;Άρης;Χανιά\n698;Ελένη;-\n")
        found = analysis.analyse(path, "")
        rejected = [verdict for verdict in analysis.judge_file(path, "") if isinstance(verdict, Rejected)]
        out = tmp_path / "rejects.xlsx"
        assert rejects.write(out, [column.header for column in found.columns], rejected) == 2

        book = openpyxl.load_workbook(out)
        book.active["A2"], book.active["A3"] = "6981111111", "6982222222"
        book.save(out)
        again = analysis.analyse(out, "rejects.xlsx")
        assert dict(again.mapping) == dict(found.mapping)
        assert [row.verdict.fields for row in again.preview] == [
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
        assert analysis.analyse(out, "").mapping == {"number": 1, "custom1": 0}


class TestTemplate:
    @pytest.mark.parametrize("locale", ["el", "en"])
    def test_every_column_of_it_is_understood(self, tmp_path, locale):
        out = tmp_path / "t.xlsx"
        template.write(out, locale, {"custom2": "Κάρτα μέλους"})
        book = openpyxl.load_workbook(out)
        book.worksheets[0].append(["6972601815"] + [f"x{n}" for n in range(12)])
        book.save(out)
        found = analysis.analyse(out, "", Options(labels={"custom2": "Κάρτα μέλους"}))
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
    counts = analysis.analyse(path, "").counts
    assert counts.accepted + counts.duplicates + counts.rejected == counts.rows == len(filled)
    judged = Counter(verdict.row for verdict in analysis.judge_file(path, ""))
    assert judged == Counter(filled)
