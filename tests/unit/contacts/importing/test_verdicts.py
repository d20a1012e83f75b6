"""Every row gets exactly one verdict, and the verdict is the one its owner would give."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contacts.importing import reasons, verdicts
from services.contacts.importing.verdicts import Accepted, Duplicate, Note, Rejected
from smstext.msisdn import REASONS

MAPPING = {"number": 0, "first_name": 1, "email": 2, "number2": 3, "note": 4}


def judge(*values):
    return verdicts.judge(7, values, MAPPING)


class TestNumbers:
    @pytest.mark.parametrize(
        "cell",
        [
            "6972601815", 6972601815.0, 6972601815, "+30 697 260 1815", "00306972601815", "306972601815",
            "697.260.1815", "(6972) 601815", " 697-260-1815\u00a0", "\u200b6972601815", "+306972601815",
            "6.972601815E+09", "6972601815.0",
        ],
    )  # fmt: skip
    def test_a_greek_mobile_in_any_dress_is_accepted(self, cell):
        assert judge(cell) == Accepted(7, ("306972601815",), {})

    @pytest.mark.parametrize(
        ("cell", "reason"),
        [
            ("", "empty"), ("  ", "empty"), (None, "empty"), ("δεν έχει", "not_a_number"),
            ("697260181", "too_short"),
            ("2102323886", "landline"), ("+30 2102323886", "landline"), ("6,97E+09", "lost_digits"),
            (dt.date(2026, 1, 1), "not_a_number"), (True, "not_a_number"), ("+30 69726018155", "too_long"),
            ("6972601815 12", "too_long"), ("2102323886 / 2310123456", "landline"),
        ],
    )  # fmt: skip
    def test_what_gets_no_sms_is_rejected_with_its_reason(self, cell, reason):
        verdict = judge(cell, "Γιώργος")
        assert isinstance(verdict, Rejected)
        assert (verdict.row, verdict.reason) == (7, reason)

    def test_a_foreign_mobile_is_accepted(self):
        assert judge("+49 15165167612").numbers == ("4915165167612",)

    @pytest.mark.parametrize("between", [" / ", ", ", ";", "\n", " | ", "  "])
    def test_two_numbers_in_a_cell_are_both_kept_the_first_is_primary(self, between):
        assert judge(f"6972601815{between}6981234567").numbers == ("306972601815", "306981234567")

    def test_a_landline_beside_a_mobile_is_left_out_and_said(self):
        assert judge("2102323886 / 6972601815") == Accepted(
            7, ("306972601815",), {}, (Note("number", "landline", "2102323886"),)
        )

    def test_words_beside_a_number_do_not_cost_the_row(self):
        assert judge("6972601815 (Μαρία)").numbers == ("306972601815",)

    def test_the_second_column_adds_a_number_or_stands_in_for_the_first(self):
        assert judge("6972601815", "", "", "6981234567").numbers == ("306972601815", "306981234567")
        assert judge("", "", "", "6981234567") == Accepted(7, ("306981234567",), {})
        assert judge("6972601815", "", "", "+306972601815").numbers == ("306972601815",)

    def test_a_row_of_more_numbers_than_a_contact_holds_is_rejected_and_takes_none(self):
        cells = [" ".join(f"69{start + n:08d}" for n in range(11)) for start in (0, 100)]
        row = [cells[0], "Άννα", "", cells[1]]
        judged = list(verdicts.judge_rows([(2, row), (3, ["6900000000"])], MAPPING))
        assert judged[0] == Rejected(2, "too_many_numbers", "22 > 20", tuple(row))
        assert judged[1] == Accepted(3, ("306900000000",), {})
        assert len(judge(cells[0], "", "", cells[1].rsplit(" ", 2)[0]).numbers) == 20


class TestFields:
    def test_blank_fields_are_left_out_and_missing_cells_are_blank(self):
        assert judge("6972601815", " \u00a0").fields == {}
        assert judge("6972601815").fields == {}

    def test_a_bad_email_is_left_out_and_said(self):
        verdict = judge("6972601815", "Γιώργος", "giorgos at example.gr")
        assert verdict.fields == {"first_name": "Γιώργος"}
        assert verdict.notes == (Note("email", "invalid_email", "giorgos at example.gr"),)

    def test_a_value_too_long_rejects_the_row_and_names_the_field(self):
        verdict = judge("6972601815", "x" * 151)
        assert (verdict.reason, verdict.detail) == ("field_too_long", "first_name: 151 > 150")

    def test_a_group_whose_name_is_too_long_rejects_the_row_and_others_beside_it_do_not(self):
        mapping = {"number": 0, "group": 1}
        too_long = verdicts.judge(7, ("6972601815", f"VIP; {'x' * 101}"), mapping)
        assert (too_long.reason, too_long.detail) == ("field_too_long", "group: 101 > 100")
        both = f"{'x' * 100}; {'y' * 10}"
        assert verdicts.judge(7, ("6972601815", both), mapping).fields == {"group": both}

    def test_a_formula_stays_the_text_it_is(self):
        assert judge("6972601815", "=1+1").fields == {"first_name": "=1+1"}

    def test_a_rejected_row_keeps_all_its_cells_as_they_were_shown(self):
        values = ("21", " Άννα ", dt.date(2026, 1, 2), 17.5, True, None)
        assert judge(*values).values == ("21", " Άννα ", "02/01/2026", "17,5", "ΝΑΙ", "")


class TestDuplicates:
    def judge_all(self, *cells):
        rows = [(number, [cell]) for number, cell in enumerate(cells, 2)]
        return list(verdicts.judge_rows(rows, MAPPING))

    def test_the_first_row_of_a_number_keeps_it_in_whatever_dress(self):
        assert self.judge_all("6972601815", "+30 697 260 1815")[1] == Duplicate(3, "306972601815", 2)

    def test_a_row_that_brings_one_new_number_is_accepted_with_that_one(self):
        assert self.judge_all("6972601815", "6972601815 / 6981234567")[1] == Accepted(
            3, ("306981234567",), {}, (Note("number", "duplicate", "306972601815"),)
        )

    def test_a_rejected_row_takes_no_number_from_later_ones(self):
        rows = [(2, ["6972601815", "x" * 200]), (3, ["6972601815", "Άννα"])]
        assert [type(v) for v in verdicts.judge_rows(rows, MAPPING)] == [Rejected, Accepted]


scraps = st.sampled_from(
    ["6972601815", "+30 697 260 1815", "6981234567 / 6972601815", "2102323886", "δεν έχει", "=1"]
)
times = st.dates() | st.datetimes() | st.times() | st.timedeltas()
any_cell = scraps | st.text() | st.floats() | st.integers() | st.booleans() | st.none() | times
any_rows = st.lists(st.lists(any_cell, max_size=5), max_size=30)
any_mapping = st.dictionaries(
    st.sampled_from(["number2", "title", "first_name", "email", "note", "custom1"]), st.integers(0, 6)
).map(lambda mapping: {"number": 0} | mapping)


@given(any_rows, any_mapping)
def test_any_table_has_each_row_accounted_for_exactly_once(table, mapping):
    rows = list(enumerate(table, 1))
    judged = list(verdicts.judge_rows(rows, mapping))
    assert [verdict.row for verdict in judged] == [number for number, _ in rows]
    kept = [number for verdict in judged if isinstance(verdict, Accepted) for number in verdict.numbers]
    assert len(kept) == len(set(kept))
    assert all(verdict.number in kept for verdict in judged if isinstance(verdict, Duplicate))
    assert {verdict.reason for verdict in judged if isinstance(verdict, Rejected)} <= reasons.CODES
    assert judged == list(verdicts.judge_rows(rows, mapping))


def test_every_reason_a_number_can_be_refused_for_has_words_in_both_languages():
    assert set(REASONS) <= reasons.CODES
    for code in reasons.CODES:
        assert reasons.words(code, "el") != code != reasons.words(code, "en")
