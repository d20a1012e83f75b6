"""Money, ids and times as the API writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fields import money_micro, money_text, time_text
from gateway.localtime import AmbiguousTime, local_time_text


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


@pytest.mark.parametrize(
    ("local", "zone", "utc"),
    [
        ("2026-12-24T10:00", "Europe/Athens", "2026-12-24T08:00:00.000Z"),
        ("2026-07-01 10:00:30", "Europe/Athens", "2026-07-01T07:00:30.000Z"),
        ("2026-03-29T02:59", "Europe/Athens", "2026-03-29T00:59:00.000Z"),
        ("2026-03-29T04:00", "Europe/Athens", "2026-03-29T01:00:00.000Z"),
        ("2026-10-25T04:00", "Europe/Athens", "2026-10-25T02:00:00.000Z"),
        ("2026-03-29T03:30", "Europe/London", "2026-03-29T02:30:00.000Z"),
    ],
)
def test_a_time_without_offset_is_that_of_the_clock_on_the_wall(local: str, zone: str, utc: str) -> None:
    assert local_time_text(local, zone) == utc


@pytest.mark.parametrize(
    ("local", "told"),
    [
        (
            "2026-03-29T03:30",
            "Clocks are put forward then: 2026-03-29T03:30 does not exist in Europe/Athens.",
        ),
        (
            "2026-10-25T03:30",
            "Clocks are put back then: 2026-10-25T03:30 comes twice in Europe/Athens; add +03:00 or +02:00.",
        ),
    ],
)
def test_an_hour_that_is_left_out_or_comes_twice_is_told(local: str, told: str) -> None:
    with pytest.raises(AmbiguousTime) as refused:
        local_time_text(local, "Europe/Athens")
    assert str(refused.value) == told


@pytest.mark.parametrize(
    "text", ["2026-02-30T10:00", "2026-01-01T25:00", "2026-01-01", "10:00", "", "2026-01-01T10:00Z"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        local_time_text(text, "Europe/Athens")
