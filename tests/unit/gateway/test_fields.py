"""Money, ids and times as the API writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fields import money_micro, money_text, time_text


@pytest.mark.parametrize(
    ("micro", "text"),
    [
        (0, "0.00"),
        (45_000, "0.045"),
        (12_500_000, "12.50"),
        (1, "0.000001"),
        (-1_000_000, "-1.00"),
        (-45_000, "-0.045"),
    ],
)
def test_money_has_two_to_six_decimals(micro: int, text: str) -> None:
    assert money_text(micro) == text


@given(st.integers(0, 999_999_999_999_999))
def test_money_comes_back_as_it_went(micro: int) -> None:
    assert money_micro(money_text(micro)) == micro


@pytest.mark.parametrize(
    "text",
    ["", ".5", "5.", "1,50", "-1", "+1", "1e3", "0.0000001", "1234567890", " 1", "1\n", "NaN", "١", "1_0"],
)
def test_what_is_not_plain_money_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        money_micro(text)


@pytest.mark.parametrize("value", [1, 1.5, None, True, []])
def test_money_is_a_string_and_nothing_else(value: object) -> None:
    with pytest.raises(ValueError):
        money_micro(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given_", "utc"),
    [
        ("2026-03-25T10:00:00Z", "2026-03-25T10:00:00.000Z"),
        ("2026-03-25t10:00:00z", "2026-03-25T10:00:00.000Z"),
        ("2026-03-25T12:00:00+02:00", "2026-03-25T10:00:00.000Z"),
        ("2026-03-25 12:00:00.123456789+02:00", "2026-03-25T10:00:00.123Z"),
    ],
)
def test_times_are_shown_in_utc(given_: str, utc: str) -> None:
    assert time_text(given_) == utc


@pytest.mark.parametrize(
    "text", ["", "2026-03-25", "2026-03-25T10:00:00", "2026-13-01T00:00:00Z", "yesterday", "1774432800"]
)
def test_a_time_without_its_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        time_text(text)
