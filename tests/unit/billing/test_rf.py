"""RF creditor references: made, recognised in what people really type, and never mistaken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.payments import rf

IDS = st.integers(1, 9_999_999_999)


@pytest.mark.parametrize("text", ["RF18539007547034", "RF85LIVE000123"])
def test_references_of_others_are_checked_as_the_standard_says(text: str) -> None:
    assert rf.is_valid(text)
    assert not rf.is_valid(text[:-1] + ("9" if text[-1] != "9" else "8"))


@given(IDS)
def test_a_reference_is_valid_and_leads_back_to_its_order(order_id: int) -> None:
    text = rf.reference(order_id)
    assert rf.is_valid(text)
    assert rf.order_ids(text) == rf.order_ids(rf.printed(text)) == [order_id]


@given(IDS, st.integers(2, 13), st.integers(1, 9))
def test_one_wrong_digit_is_no_reference(order_id: int, place: int, by: int) -> None:
    text = rf.reference(order_id)
    wrong = text[:place] + str((int(text[place]) + by) % 10) + text[place + 1 :]
    assert rf.order_ids(wrong) == []


@given(IDS, st.integers(4, 12))
def test_two_digits_in_each_others_place_are_no_reference(order_id: int, place: int) -> None:
    text = rf.reference(order_id)
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    assert rf.order_ids(swapped) == ([order_id] if swapped == text else [])


@pytest.mark.parametrize(
    "text",
    [
        "ΠΛΗΡΩΜΗ ΡΦ{0} ΕΥΧΑΡΙΣΤΩ",
        "rf{0}",
        "Order no: RF-{1}, 22/11/2026",
        "RF {1}.",
        "INV 2026 RF{0} 124,00 EUR",
    ],
)
def test_a_reference_is_found_in_what_people_type(text: str) -> None:
    digits = rf.reference(42)[2:]
    typed = text.format(digits, " ".join(digits[at : at + 4] for at in range(0, 12, 4)))
    assert rf.order_ids(typed) == [42]


def test_two_references_are_both_found_and_a_longer_number_is_none() -> None:
    one, other = rf.reference(1), rf.reference(2)
    assert rf.order_ids(f"{one} {other} {one}") == [1, 2]
    assert rf.order_ids(one + "7") == []
