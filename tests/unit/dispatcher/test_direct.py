"""What can be sent directly, and the code of everything that cannot."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.tariff import Tariff
from services.dispatcher import direct

TARIFFS = {
    "normal": Tariff("t1", "EUR", (("30", 40_000), ("3069", 45_000))),
    "low": Tariff("t2", "EUR", (("30", 20_000),)),
}


def message(**changes: Any) -> dict[str, Any]:
    good = {
        "to": "6912345678", "text": "Καλημέρα", "sender": "KERYX", "price_class": "normal", "encoding": "auto",
        "reference": "r1", "kind": "transactional",
    }  # fmt: skip
    return {**good, **changes}


def checked(**changes: Any) -> direct.Checked:
    good, wrong = direct.check([message(**changes)], TARIFFS)
    assert not wrong
    return good[0]


def code(**changes: Any) -> str:
    good, wrong = direct.check([message(**changes)], TARIFFS)
    assert not good
    return str(wrong[0]["error"]["code"])


def test_a_good_message_is_read_counted_and_priced() -> None:
    one = checked()
    assert one.message == direct.Message("306912345678", "KERYX", "Καλημέρα", "unicode", 1, 45_000, "r1")
    assert (one.price_class, one.kind) == ("normal", "transactional")


def test_the_price_is_that_of_the_class() -> None:
    assert checked(price_class="low").message.price == 20_000


def test_what_is_left_out_has_a_default() -> None:
    good, _ = direct.check([{"to": "6912345678", "text": "x", "sender": "KERYX"}], TARIFFS)
    assert (good[0].price_class, good[0].kind, good[0].message.encoding) == ("normal", "transactional", "gsm")


def test_a_text_forced_to_gsm_is_folded_before_it_is_counted_and_sold() -> None:
    one = checked(encoding="gsm", text="Καλημέρα ώ!")
    assert one.message.encoding == "gsm"
    assert one.message.text == "KAΛHMEPA Ω!"


def test_a_text_asked_for_as_unicode_stays_so() -> None:
    assert checked(encoding="unicode", text="abc").message.encoding == "unicode"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"to": None}, "number_empty"),
        ({"to": "hello"}, "number_not_a_number"),
        ({"to": "69"}, "number_too_short"),
        ({"to": "6" * 30}, "number_too_long"),
        ({"to": ["6912345678"]}, "number_not_a_number"),
        ({"to": "+447712345678"}, "no_price"),
        ({"text": ""}, "text_empty"),
        ({"text": None}, "text_empty"),
        ({"text": " \n "}, "text_empty"),
        ({"text": "\x00\x1b", "encoding": "gsm"}, "text_empty"),
        ({"text": "a\x00b"}, "control_characters"),
        ({"text": "\ud800"}, "control_characters"),
        ({"text": "ά" * 671}, "too_many_parts"),
        ({"encoding": "utf8"}, "invalid"),
        ({"price_class": "gold"}, "invalid"),
        ({"kind": "urgent"}, "invalid"),
        ({"sender": ""}, "sender_empty"),
        ({"sender": "A very long sender"}, "sender_too_long"),
        ({"sender": "ς"}, "sender_characters"),
        ({"sender": "A\x00B"}, "sender_characters"),
        ({"sender": "12"}, "sender_too_short"),
        ({"sender": "1234567890123456"}, "sender_too_long"),
        ({"reference": "a\0b"}, "reference_invalid"),
        ({"reference": "\ud800"}, "reference_invalid"),
        ({"reference": 5}, "reference_invalid"),
    ],
)
def test_what_cannot_be_sent_says_why_by_a_code(changes: dict[str, Any], expected: str) -> None:
    assert code(**changes) == expected


def test_the_longest_text_that_is_taken() -> None:
    assert checked(text="ά" * 670).message.parts == direct.MAX_PARTS


def test_one_bad_message_leaves_the_others_in_their_places() -> None:
    good, wrong = direct.check([message(), message(to="x"), message(to="6912345679")], TARIFFS)
    assert [one.index for one in good] == [0, 2]
    assert wrong.keys() == {1}
    assert wrong[1]["to"] == "x"


ANYTHING = st.none() | st.text(max_size=30) | st.integers() | st.booleans()


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(message(), ANYTHING)))
def test_nothing_a_client_writes_breaks_the_check(raw: dict[str, Any]) -> None:
    good, wrong = direct.check([raw], TARIFFS)
    assert len(good) + len(wrong) == 1
