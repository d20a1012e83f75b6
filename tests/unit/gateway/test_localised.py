"""Money in the account's locale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fields import money_text
from gateway.localised import euro


@pytest.mark.parametrize(
    ("micro", "greek", "english"),
    [
        (45_000, "0,045 €", "€0.045"),
        (1_234_567_500_000, "1.234.567,50 €", "€1,234,567.50"),
        (0, "0,00 €", "€0.00"),
        (-12_500_000, "-12,50 €", "-€12.50"),
    ],
)
def test_money_is_written_as_people_write_it(micro: int, greek: str, english: str) -> None:
    assert (euro(micro, "el"), euro(micro, "en")) == (greek, english)


@given(st.integers(-(10**15), 10**15))
def test_no_decimal_is_lost(micro: int) -> None:
    assert euro(micro, "en").replace("€", "").replace(",", "") == money_text(micro)
