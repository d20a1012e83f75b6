"""How money is written, who can be written to, when it is tried again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain import (
    MAX_ATTEMPTS,
    as_address,
    locale_of,
    money,
    one_line,
    pause_after,
    recipients,
    storable,
)


@pytest.mark.parametrize(
    ("micro_euro", "greek", "english"),
    [
        (1_234_560_000, "1.234,56 €", "€1,234.56"),
        (1_234_567_890_000, "1.234.567,89 €", "€1,234,567.89"),
        (0, "0,00 €", "€0.00"),
        (9_999, "0,00 €", "€0.00"),
        (10_000, "0,01 €", "€0.01"),
        (4_999_999, "4,99 €", "€4.99"),
        (-2_500_000, "-2,50 €", "-€2.50"),
        (-1, "0,00 €", "€0.00"),
    ],
)
def test_money_is_written_as_the_language_writes_it(micro_euro: int, greek: str, english: str) -> None:
    assert (money(micro_euro, "el"), money(micro_euro, "en")) == (greek, english)


@pytest.mark.parametrize(("asked", "got"), [("el", "el"), ("en", "en"), ("de", "en"), ("../x", "en")])
def test_a_language_we_do_not_speak_becomes_english(asked: str, got: str) -> None:
    assert locale_of(asked) == got


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("info@anthi.example", "info@anthi.example"),
        ("a.b+c@d.example", "a.b+c@d.example"),
        ("info@παράδειγμα.ελ", "info@xn--hxajbheg2az3al.xn--qxam"),
    ],
)
def test_an_address_is_an_address(address: str, written: str) -> None:
    assert as_address(address) == written


@pytest.mark.parametrize(
    "address",
    [
        "",
        "info",
        "@anthi.example",
        "info@",
        "a@b.example\r\nBcc: all@c.example",
        "a@b.example\n",
        "a b@c.example",
        "a@b.example, c@d.example",
        "Άνθη <a@b.example>",
        "a@b.example\x00",
        "x" * 250 + "@b.example",
        "a@b@c.example",
        "a\u2028b@c.example",
        "γιάννης@anthi.example",
        "a@" + "ά" * 64 + ".example",
        "a@..example",
    ],
)
def test_what_could_be_more_or_less_than_one_address_is_none(address: str) -> None:
    assert as_address(address) is None


@given(st.text())
def test_one_line_is_one_line(value: str) -> None:
    line = one_line(value)

    assert len(line.splitlines()) <= 1
    assert line.isprintable()


@given(st.text())
def test_anything_can_be_looked_at_as_an_address(value: str) -> None:
    address = as_address(value)

    assert address is None or (address.isascii() and one_line(address) == address and " " not in address)
    assert "\x00" not in storable(value)


def test_each_address_gets_it_once_in_the_order_given() -> None:
    assert recipients(["b@x.example", "a@x.example", "b@x.example"]) == ["b@x.example", "a@x.example"]


def test_pauses_grow_and_end_after_about_a_day() -> None:
    pauses = [pause_after(attempt) for attempt in range(1, MAX_ATTEMPTS + 1)]

    assert pauses[-1] is None
    between = [pause for pause in pauses if pause is not None]
    assert between == sorted(between)
    assert timedelta(hours=20) < sum(between, timedelta()) < timedelta(hours=30)
