"""Placeholders: what they may say, what they become, and that a value stays a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smstext import FIELDS, TemplateError, compile_template, segment

FULL = {
    "firstname": "Γιώργος",
    "lastname": "Βλάχος",
    "title": "κ.",
    "mobile": "306912345678",
    "email": "g@example.gr",
    "custom1": "150",
    "custom2": None,
    "unsubscribe": "https://k.example/u/x",
}


def render(text, fields=FULL, labels=None):
    return compile_template(text, labels).render(fields)


class TestRendering:
    @pytest.mark.parametrize(
        ("text", "rendered"),
        [
            ("Χωρίς τίποτα", "Χωρίς τίποτα"),
            ("", ""),
            ("Γεια {%firstname}!", "Γεια Γιώργος!"),
            ("Αγαπητέ {%firstname:klitiki|φίλε},", "Αγαπητέ Γιώργο,"),
            ("{%lastname:klitiki}", "Βλάχο"),
            ("{%title:klitiki} {%lastname:klitiki}", "κύριε Βλάχο"),
            ("{%firstname:upper}", "ΓΙΩΡΓΟΣ"),
            ("{%firstname:klitiki:upper}", "ΓΙΩΡΓΟ"),
            ("{%title:klitiki:title}", "Κύριε"),
            ("{%mobile} {%email} {%custom1}", "306912345678 g@example.gr 150"),
            ("{%custom2}|{%custom3}", "|"),
            ("{%custom2|δώρο} {%custom3|a|b}", "δώρο a|b"),
            ("{% firstname : klitiki | φίλε }", "Γιώργο"),
            ("{%FirstName:KLITIKI} {%firstname:κλητική}", "Γιώργο Γιώργο"),
            ("{%unsubscribe}", "https://k.example/u/x"),
            ("{ %firstname} {firstname} % } {", "{ %firstname} {firstname} % } {"),
        ],
    )
    def test_texts(self, text, rendered):
        assert render(text) == rendered

    @pytest.mark.parametrize(
        "empty", [{}, {"firstname": None}, {"firstname": ""}, {"firstname": " \n\u00a0"}]
    )
    def test_a_missing_or_blank_value_gives_the_fallback_as_it_is(self, empty):
        assert render("{%firstname:klitiki:upper|Φίλος}", empty) == "Φίλος"
        assert render("[{%firstname}]", empty) == "[]"

    def test_the_contacts_own_vocative_wins_when_there_is_one(self):
        assert render("{%firstname:klitiki}", FULL | {"vocative": "Γιωργάρα"}) == "Γιωργάρα"
        assert render("{%firstname:klitiki}", FULL | {"vocative": " "}) == "Γιώργο"
        assert render("{%firstname:klitiki}", {"vocative": "Μαράκι"}) == "Μαράκι"
        assert render("{%firstname}", FULL | {"vocative": "Γιωργάρα"}) == "Γιώργος"

    def test_the_gender_of_a_title_comes_from_the_names(self):
        fields = {"title": "κ.", "firstname": "Άρτεμις", "lastname": "Βλάχου"}
        assert render("{%title:klitiki} {%firstname:klitiki}", fields) == "κυρία Άρτεμις"

    def test_capitals_lose_their_accents_but_not_the_dialytika(self):
        assert render("{%custom1:upper}", {"custom1": "Μαΐου, προϋπόθεση, café"}) == "ΜΑΪΟΥ, ΠΡΟΫΠΟΘΕΣΗ, CAFÉ"

    def test_title_case_with_its_final_sigma(self):
        assert render("{%custom1:title}", {"custom1": "ΓΙΩΡΓΟΣ ΑΝΝΑ-ΜΑΡΙΑ"}) == "Γιωργος Αννα-Μαρια"

    def test_a_literal_opening_can_be_written(self):
        assert render("{%%}firstname} και {%firstname}") == "{%firstname} και Γιώργος"

    def test_control_characters_and_line_breaks_of_a_value_do_not_reach_the_text(self):
        assert render("[{%custom1}]", {"custom1": "\x1ba\r\nb\tc\x00\u2028d\ud800 "}) == "[a b c d]"

    @pytest.mark.parametrize(
        "hostile", ["{%email}", "{%", "}", "{%%}", "|", "{%unsubscribe}", "\\1", "%s", "{0}"]
    )
    def test_a_value_is_never_read_as_a_template(self, hostile):
        assert render("<{%custom1}>", FULL | {"custom1": hostile}) == f"<{hostile}>"


class TestNames:
    def test_placeholders_are_canonical_once_each_in_order(self):
        template = compile_template("{%Πόντοι} {%firstname} {%πόντοι} {%mobile}", {"Πόντοι": "custom2"})
        assert template.placeholders == ("custom2", "firstname", "mobile")

    @pytest.mark.parametrize("name", ["Πόντοι", "ποντοι", "ΠΟΝΤΟΙ", " Πόντοι ", "ΠΌΝΤΟΙ"])
    def test_labels_match_without_case_and_accents(self, name):
        assert render("{%" + name + "}", {"custom2": "7"}, {"πόντοι": "custom2"}) == "7"

    def test_a_label_of_several_words_ending_in_sigma(self):
        assert render("{%ΚΩΔΙΚΟΣ ΠΕΛΑΤΗ}", {"custom3": "K1"}, {"Κωδικός πελάτη": "custom3"}) == "K1"

    def test_a_label_never_hides_a_field(self):
        assert render("{%mobile}", FULL, {"Mobile": "custom1"}) == "306912345678"

    def test_a_label_for_no_field_is_a_programming_error(self):
        with pytest.raises(ValueError, match="custom9"):
            compile_template("", {"x": "custom9"})

    @pytest.mark.parametrize("field", FIELDS)
    def test_every_field_can_be_used(self, field):
        assert render("{%" + field + "}", {field: "τιμή"}) == "τιμή"


class TestSyntaxErrors:
    @pytest.mark.parametrize(
        ("text", "code", "position"),
        [
            ("Γεια {%firstname", "unclosed", 5),
            ("Γεια {%", "unclosed", 5),
            ("{%}", "empty_name", 2),
            ("{%|φίλε}", "empty_name", 2),
            ("ab {%surname}", "unknown_placeholder", 5),
            ("{%vocative}", "unknown_placeholder", 2),
            ("{%firstname:caps}", "unknown_modifier", 12),
            ("{%firstname:upper:}", "unknown_modifier", 18),
            ("{%mobile:klitiki}", "modifier_not_allowed", 9),
            ("{%firstname:upper:klitiki}", "modifier_not_allowed", 18),
            ("{%firstname|{%lastname}}", "nested", 12),
            ("{%link:shop.gr}", "bad_link", 7),
            ("{%link:javascript:alert(1)}", "bad_link", 7),
            ("{%link:}", "bad_link", 7),
        ],
    )
    def test_code_and_position(self, text, code, position):
        with pytest.raises(TemplateError) as caught:
            compile_template(text)
        assert (caught.value.code, caught.value.position) == (code, position)
        assert f"character {position + 1}" in str(caught.value)

    @given(st.text(st.sampled_from("{%}|:αfirstname "), max_size=60))
    def test_any_text_compiles_or_says_where_it_does_not(self, text):
        position = 0
        try:
            compile_template(text).render({})
        except TemplateError as error:
            position = error.position
        assert 0 <= position <= len(text)


class TestLinks:
    def test_a_link_is_its_address_until_something_stands_for_it(self):
        template = compile_template("Δείτε {%link:https://shop.gr/a?b=c:d} και {%link:http://x.gr}")
        assert [tuple(link) for link in template.links] == [
            ("link1", "https://shop.gr/a?b=c:d"),
            ("link2", "http://x.gr"),
        ]
        assert template.placeholders == ()
        assert template.render({}) == "Δείτε https://shop.gr/a?b=c:d και http://x.gr"
        assert template.render({"link1": "https://k.gr/1"}) == "Δείτε https://k.gr/1 και http://x.gr"


@given(st.text(max_size=50))
def test_a_text_without_an_opening_renders_as_itself(text):
    if "{%" not in text:
        assert compile_template(text).render({}) == text


@given(st.dictionaries(st.sampled_from([*FIELDS, "vocative"]), st.one_of(st.none(), st.text(max_size=40))))
def test_whatever_the_values_the_result_can_be_sent(fields):
    text = "".join("{%" + field + "}" for field in FIELDS) + "{%firstname:klitiki}{%title:klitiki:upper}"
    segment(compile_template(text).render(fields))


def test_a_text_of_nothing_but_openings_compiles_in_linear_time():
    assert compile_template("{%%}" * 200_000).render({}) == "{%" * 200_000
