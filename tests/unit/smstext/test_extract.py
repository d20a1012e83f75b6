"""A pasted text: every scrap of it is accepted, a duplicate, or rejected with its place and reason."""

import re
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smstext import InvalidNumber, Rejected, extract_msisdns, iter_msisdns, parse_msisdn
from smstext.msisdn import REASONS

WAYS = (
    *(
        "{n}",
        "+30{n}",
        "0030{n}",
        "30{n}",
        "+30 {a} {b} {c}",
        "{a} {b}{c}",
        "({a}{b0}) {b1}{c}",
        "{a}.{b}.{c}",
    ),
    *(
        "{a}{b0}-{b1}-{c}",
        "+30 {n}",
        "{a}\u00a0{b}\u00a0{c}",
        "\u200e{n}\u200f",
        "'{n}",
        "κιν.{n}",
        "tel: {n}",
    ),
)
numbers = st.integers(6_900_000_000, 6_999_999_999).map(str)


def dressed(number: str, way: str) -> str:
    return way.format(n=number, a=number[:3], b=number[3:6], b0=number[3], b1=number[4:6], c=number[6:])


@given(
    st.lists(st.tuples(numbers, st.sampled_from(WAYS)), max_size=30),
    st.lists(
        st.sampled_from([",", ";", "/", "|", "\t", "\n", "\r\n", " , ", " ; ", "\n\n", "  \n"]),
        min_size=30,
        max_size=30,
    ),
)
def test_numbers_in_any_dress_between_any_separators_are_all_found(items, separators):
    text = "".join(
        dressed(number, way) + separator for (number, way), separator in zip(items, separators, strict=False)
    )
    result = extract_msisdns(text)
    expected = ["30" + number for number, _ in items]
    assert result.accepted == list(dict.fromkeys(expected))
    assert result.rejected == []
    assert len(result.accepted) + result.duplicate_count == len(items)


@given(st.text(st.sampled_from("69301234578+ -./(),;\n\tαβ x\u00a0"), max_size=200))
def test_every_letter_and_digit_is_accounted_for_exactly_once(text):
    def essence(piece: str) -> str:
        return "".join(re.findall(r"[^\W_]", piece))

    tokens = list(iter_msisdns(text))
    assert "".join(essence(token.raw) for token in tokens) == essence(text)
    for before, after in pairwise(tokens):
        assert before.position + len(before.raw) <= after.position
    for token in tokens:
        assert text.startswith(token.raw, token.position)
        assert token.line == text.count("\n", 0, token.position) + 1
        assert not isinstance(token, Rejected) or token.reason in REASONS


@given(st.text(max_size=300))
def test_any_text_can_be_pasted(text):
    result = extract_msisdns(text)
    tokens = list(iter_msisdns(text))
    assert len(tokens) == len(result.accepted) + result.duplicate_count + result.rejected_count


@pytest.mark.parametrize(
    ("text", "accepted", "rejected"),
    [
        ("", [], []),
        (" \n\t ;,, / - ", [], []),
        ("6912345678 6987654321", ["306912345678", "306987654321"], []),
        ("6912345678-6987654321", ["306912345678", "306987654321"], []),
        ("691 234 5678 698 765 4321", ["306912345678", "306987654321"], []),
        ("Γιώργος 6912345678", ["306912345678"], [("Γιώργος", "not_a_number")]),
        ("Τηλ.: 6912345678", ["306912345678"], []),
        ("δεν έχει, 6912345678", ["306912345678"], [("δεν έχει", "not_a_number")]),
        ("210 1234567 6912345678", ["306912345678"], [("210 1234567", "landline")]),
        ("691 234 567 6987654321", ["306987654321"], [("691 234 567", "too_short")]),
        ("+49 1516 5167612; 691234567", ["4915165167612"], [("691234567", "too_short")]),
        ("EL6912345678 a6912345678b", [], [("EL6912345678 a6912345678b", "not_a_number")]),
        ("6.9E+09", [], [("6.9E+09", "not_a_number")]),
        ("12/09/2026", [], [("12", "too_short"), ("09", "too_short"), ("2026", "too_short")]),
        ("6912345678\u20286987654321", ["306912345678", "306987654321"], []),
        ("６９１２３４５６７８", ["306912345678"], []),
    ],
)
def test_shapes_people_paste(text, accepted, rejected):
    result = extract_msisdns(text)
    assert result.accepted == accepted
    assert [(token.raw, token.reason) for token in result.rejected] == rejected


def test_places_of_duplicates_and_rejects():
    result = extract_msisdns("6912345678\r\n\r\n +30 691 234 5678, δεν έχει\n2101234567")
    assert result.duplicates == [(15, 3, "+30 691 234 5678", "306912345678")]
    assert result.rejected == [(33, 3, "δεν έχει", "not_a_number"), (42, 4, "2101234567", "landline")]


def test_another_region_reads_bare_numbers_as_its_own():
    assert extract_msisdns("99297620, 6912345678", "CY").accepted[0] == "35799297620"


def test_the_lists_are_bounded_and_the_counts_are_not():
    result = extract_msisdns("x,y,z,6912345678,6912345678,6912345678", keep=1)
    assert (len(result.rejected), result.rejected_count) == (1, 3)
    assert (len(result.duplicates), result.duplicate_count) == (1, 2)


@pytest.mark.parametrize(
    "scrap", ["1 ", "x ", "9", "+", "6912 ", "(", "+30 6", "1,", "\n", "69123456789 ", "(691) ", "α"]
)
def test_a_hostile_paste_takes_linear_time_and_flat_memory(scrap):
    text = scrap * (30_000 // len(scrap))
    tracemalloc.start()
    for _ in iter_msisdns(text):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * len(text) + 100_000


@given(numbers)
def test_a_lone_number_reads_as_parse_msisdn_reads_it(number):
    assert extract_msisdns(number).accepted == [parse_msisdn(number)]


@given(st.text(st.sampled_from("0123456789+"), min_size=1, max_size=16))
def test_a_lone_token_is_rejected_only_if_parse_msisdn_refuses_it(token):
    result = extract_msisdns(token)
    try:
        assert parse_msisdn(token) in result.accepted
    except InvalidNumber:
        assert result.accepted == [] or "+" in token[1:]
