"""Folding to capitals that GSM has: the cheap way to send Greek."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smstext import NotGsm, encode_gsm, fold_to_gsm, is_gsm, segment, strip_controls

GREEK = "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώϊϋΐΰςΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏΪΫ"
POLYTONIC = "ἀἁἂἃἄἅἆἇὰᾳᾴᾶᾷὅὸῥῳώΐῧᾼῌῼϐϑϕϖϰϱϲϵ"

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
texts = st.lists(
    st.sampled_from(
        [*GREEK, *POLYTONIC, *"«»“”–—…· éñü€", "e\u0301", "α\u0301", "www.ά.gr", "·ά.gr", "…ά.gr"]
    )
).map("".join)


@pytest.mark.parametrize("letter", [*GREEK, *POLYTONIC])
def test_every_greek_letter_has_a_gsm_form(letter):
    assert is_gsm(fold_to_gsm(letter))


def test_the_modern_alphabet_letter_by_letter():
    assert fold_to_gsm("αβγδεζηθικλμνξοπρσςτυφχψω") == "ABΓΔEZHΘIKΛMNΞOΠPΣΣTYΦXΨΩ"
    assert fold_to_gsm("άέήίόύώϊϋΐΰ ΆΈΉΊΌΎΏΪΫ") == "AEHIOYΩIYIY AEHIOYΩIY"


def test_accents_written_apart_are_dropped_too():
    assert fold_to_gsm("α\u0301ι\u0308\u0301") == "AI"


def test_latin_letters_keep_their_case_and_the_accents_gsm_has():
    assert fold_to_gsm("é ñ ü à Ç Å ω") == "é ñ ü à Ç Å Ω"
    assert fold_to_gsm("e\u0301 ω") == "é Ω"


def test_foreign_accents_gsm_lacks_lose_them():
    assert fold_to_gsm("García, Łukasz, naïve, façade, ﬁn") == "Garcia, Lukasz, naive, facade, fin"


def test_typographic_signs_become_plain():
    assert fold_to_gsm("«α» “β” ‘γ’ – — … \u00a0· \u037e •") == '"A" "B" \'Γ\' - - ...  . ; *'
    assert fold_to_gsm("΄Αννα") == "'ANNA"


def test_invisible_characters_vanish_and_odd_line_ends_become_line_feeds():
    assert fold_to_gsm("α\u200bβ\ufeff\u00ad\u2028γ\tδ\x1b") == "AB\nΓ Δ"


@pytest.mark.parametrize(
    "link",
    [
        "https://shop.gr/Προσφορά?x=Ά",
        "http://a.gr/é",
        "www.κατάστημα.gr",
        "μαγαζί.ελ",
        "info@μαγαζί.gr",
        "bit.ly/Abc",
    ],
)
def test_links_and_addresses_stay_as_they_are(link):
    assert fold_to_gsm(f"Δείτε «{link}», τώρα…") == f'ΔEITE "{link}", TΩPA...'


def test_the_full_stop_after_a_link_is_not_part_of_it():
    assert fold_to_gsm("στο https://a.gr/x… και") == "ΣTO https://a.gr/x... KAI"


def test_what_has_no_near_form_stays_and_is_named_by_segment():
    assert fold_to_gsm("γεια 😀 Ж") == "ΓEIA 😀 Ж"
    with pytest.raises(NotGsm) as caught:
        segment(fold_to_gsm("γεια 😀 Ж"), "gsm")
    assert caught.value.characters == ("😀", "Ж")


def test_what_has_no_near_form_can_be_replaced_or_dropped():
    assert fold_to_gsm("γεια 😀!", unknown="?") == "ΓEIA ?!"
    assert fold_to_gsm("γεια 😀!", unknown="") == "ΓEIA !"


@given(st.one_of(texts, any_text))
def test_folding_twice_changes_nothing(text):
    once = fold_to_gsm(text)
    assert fold_to_gsm(once) == once


@given(any_text)
def test_a_gsm_text_is_left_alone(text):
    if is_gsm(text):
        assert fold_to_gsm(text) == text


@given(any_text)
def test_replacing_the_unknown_always_gives_gsm(text):
    encode_gsm(fold_to_gsm(text, unknown="?"))


@given(any_text)
def test_folding_is_never_undone_by_stripping_controls(text):
    assert strip_controls(fold_to_gsm(text)) == fold_to_gsm(text)


def test_a_long_text_without_links_is_folded_in_linear_time():
    for hostile in (
        "ά" * 300_000,
        "ά." * 150_000,
        "ά@" * 150_000,
        "www." * 100_000 + "ά",
        "http://" + "." * 300_000 + "ά",
    ):
        fold_to_gsm(hostile)
