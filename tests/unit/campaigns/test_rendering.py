"""What a recipient gets: the text, its alphabet, its parts, its price."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.tariff import Tariff
from services.campaigns.rendering import MAX_PARTS, Renderer, Wording, check_wording
from smstext import NotGsm, TemplateError, count, fold_to_gsm

TARIFF = Tariff("t", "EUR", (("30", 40_000), ("3069", 38_000), ("44", 50_000)))
EMPTY = ["", "", "", "", "", "", "", "", None]


def member(
    first: str = "", last: str = "", custom1: str = "", to: str = "306912345678", **more: Any
) -> list[Any]:
    values = ["", first, last, "", custom1, "", "", "", more.get("vocative")]
    return [1, to, "Ab3dE6gH9jk", values]


def render(text: str, who: list[Any] | None = None, host: str = "sms.example.gr", **wording: Any) -> Any:
    return Renderer(Wording(text, **wording), host, TARIFF).render(who or member())


def test_placeholders_are_filled_with_the_recipients_own_values() -> None:
    text = "Αγαπητέ {%firstname:klitiki|φίλε}, κωδικός {%custom1}, τηλ {%mobile}"
    assert render(text, member("Κώστας", custom1="Α7")).text == "Αγαπητέ Κώστα, κωδικός Α7, τηλ 306912345678"
    assert render(text, member(custom1="Α7")).text == "Αγαπητέ φίλε, κωδικός Α7, τηλ 306912345678"


def test_a_vocative_of_the_contacts_own_wins() -> None:
    assert render("{%firstname:klitiki}!", member("Κώστας", vocative="Κωστάκη")).text == "Κωστάκη!"


def test_a_label_of_the_account_names_its_custom_field() -> None:
    assert render("{%Κωδικός}", member(custom1="Α7"), labels={"Κωδικός": "custom1"}).text == "Α7"


def test_a_value_is_never_read_as_a_template() -> None:
    assert render("{%firstname}", member("{%mobile}")).text == "{%mobile}"
    assert render("{%firstname}", member("{%mobile}"), encoding="gsm").text == "{%mobile}"


def test_the_price_is_the_destinations_and_the_parts_are_the_counted_ones() -> None:
    rendered = render("Hello " * 30)
    assert (rendered.encoding, rendered.parts, rendered.price, rendered.error) == ("gsm", 2, 38_000, None)
    assert render("Hi", member(to="447911123456")).price == 50_000


@pytest.mark.parametrize(
    ("text", "encoding", "used"),
    [
        ("plain", "auto", "gsm"),
        ("Γεια", "auto", "unicode"),
        ("plain", "unicode", "unicode"),
        ("Γεια", "gsm", "gsm"),
    ],
)
def test_auto_is_gsm_where_that_changes_nothing(text: str, encoding: str, used: str) -> None:
    rendered = render(text, encoding=encoding)
    assert rendered.encoding == used
    assert rendered.text == ("ΓEIA" if encoding == "gsm" and text == "Γεια" else text)


def test_forced_gsm_folds_texts_and_values_and_drops_what_has_no_form() -> None:
    rendered = render("Καλημέρα {%firstname|φίλε}!", member("Άννα 😀"), encoding="gsm")
    assert rendered.text == "KAΛHMEPA ANNA !"
    assert rendered.encoding == "gsm"


def test_forced_gsm_still_inflects_the_name_as_it_was_written() -> None:
    assert render("{%firstname:klitiki}", member("Κώστας"), encoding="gsm").text == "KΩΣTA"


def test_forced_gsm_leaves_links_alone() -> None:
    rendered = render("Δες https://shop.gr/a {%unsubscribe}", encoding="gsm")
    assert rendered.text == "ΔEΣ https://shop.gr/a sms.example.gr/u/Ab3dE6gH9jk"


def test_a_literal_brace_and_percent_survives_folding() -> None:
    assert render("Τιμή {%%} {%custom1}", member(custom1="5"), encoding="gsm").text == "TIMH {% 5"


def test_the_unsubscribe_line_comes_last_and_short_in_greek() -> None:
    assert render("Γεια", unsubscribe=True).text == "Γεια\nSTOP: sms.example.gr/u/Ab3dE6gH9jk"
    assert render("Hi", unsubscribe=True).text == "Hi\nSTOP: https://sms.example.gr/u/Ab3dE6gH9jk"


def test_the_unsubscribe_line_is_not_added_where_the_text_has_the_link_already() -> None:
    assert (
        render("Hi {%unsubscribe} ok", unsubscribe=True).text == "Hi https://sms.example.gr/u/Ab3dE6gH9jk ok"
    )


def test_a_public_host_may_say_its_scheme() -> None:
    assert render("{%unsubscribe}", host="http://h:1/").text == "http://h:1/u/Ab3dE6gH9jk"


def test_parts_are_counted_after_substitution_and_with_the_unsubscribe_line() -> None:
    assert render("x" * 150 + "{%firstname}").parts == 1
    assert render("x" * 150 + "{%firstname}", member("Konstantinos")).parts == 2
    assert render("x" * 150, unsubscribe=True).parts == 2


@pytest.mark.parametrize(
    ("text", "who", "error"),
    [
        ("{%firstname}", member(), "text_empty"),
        ("{%firstname}", member("   "), "text_empty"),
        ("x{%firstname}", member("y" * 1530), "too_many_parts"),
        ("Hi", member(to="15551234567"), "no_price"),
    ],
)
def test_what_cannot_be_sent_says_why_and_has_no_price(text: str, who: list[Any], error: str) -> None:
    rendered = render(text, who)
    assert rendered.error == error
    assert rendered.price is None


def test_who_was_erased_since_gets_nothing() -> None:
    nobody = [1, "", *member()[2:]]

    assert (render("text", nobody).error, render("text", nobody).price) == ("erased", None)


def test_an_empty_text_is_not_saved_by_its_unsubscribe_line() -> None:
    assert render("{%firstname}", unsubscribe=True).error == "text_empty"


def test_ten_parts_still_leave() -> None:
    rendered = render("x" * 1530)
    assert (rendered.parts, rendered.error) == (MAX_PARTS, None)


def test_piecewise_folding_gives_what_folding_the_whole_text_gives() -> None:
    text = "Αγαπητέ {%firstname:klitiki|φίλε}, «έκπτωση» 20€ … {%custom1} έως {%lastname|–}!"
    who = member("Αντώνης", custom1="Αθήνα")
    unfolded = render(text, who, encoding="unicode").text
    folded = render(text, who, encoding="gsm")
    assert folded.text == fold_to_gsm(unfolded)
    assert folded.parts == count(folded.text, "gsm").parts


@pytest.mark.parametrize("text", ["Γεια {%firstname", "{%nobody}", "{%firstname:shout}"])
def test_a_text_that_does_not_compile_is_refused_with_its_position(text: str) -> None:
    with pytest.raises(TemplateError) as refused:
        check_wording(Wording(text))
    assert isinstance(refused.value.position, int)


def test_a_text_that_no_recipient_could_get_is_refused() -> None:
    with pytest.raises(ValueError, match="text_empty"):
        check_wording(Wording(" \n "))
    with pytest.raises(ValueError, match="too_many_parts"):
        check_wording(Wording("x" * 1531))
    with pytest.raises(NotGsm):
        check_wording(Wording("Hi 😀", "gsm"))


def test_a_text_that_only_placeholders_fill_is_taken() -> None:
    check_wording(Wording("{%firstname}"))
