"""Amounts of providers are read exactly: cents, euros, decimal strings, never a cent made up."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.payments.amounts import cents, decimal_text, letters

AMOUNTS = st.integers(min_value=0, max_value=10**11)


@given(AMOUNTS)
def test_an_amount_written_as_text_reads_back(amount: int) -> None:
    assert cents(decimal_text(amount)) == amount


@given(AMOUNTS)
def test_an_amount_written_as_a_json_number_reads_back(amount: int) -> None:
    assert cents(orjson.loads(decimal_text(amount))) == amount


@pytest.mark.parametrize(
    "value", [None, True, "", "12,40", "nan", "Infinity", 0.001, "1e99", [1], {}, "1.005"]
)
def test_what_is_no_whole_number_of_cents_is_none(value: Any) -> None:
    assert cents(value) is None


def test_viva_s_numbers_become_letters_and_unknown_ones_equal_nothing_of_ours() -> None:
    assert [letters(number) for number in ("978", 978, "826", "999", None)] == [
        "EUR",
        "EUR",
        "GBP",
        "999",
        "None",
    ]
