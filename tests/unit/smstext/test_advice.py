"""What the composer says beside the counter."""

import json

import pytest

from smstext import ControlCharacters, advise, encode_gsm, segment

GREEK = "Αγαπητέ πελάτη, το κατάστημά μας θα είναι κλειστό από 10 έως 20 Αυγούστου. Καλό καλοκαίρι!"


def test_a_gsm_text_needs_no_advice():
    advice = advise("KALO KALOKAIPI")
    assert advice[:4] == segment("KALO KALOKAIPI")[:4]
    assert advice.forcing == ()
    assert advice.options == ()


def test_greek_small_letters_can_become_capitals_for_half_the_price():
    advice = advise(GREEK)
    assert (advice.encoding, advice.parts) == ("unicode", 2)
    (option,) = advice.options
    assert (option.kind, option.parts, option.saves) == ("capitals", 1, 1)
    assert len(encode_gsm(option.text)) == 90


def test_a_single_foreign_sign_in_a_latin_text_is_named_and_replaced():
    advice = advise("x" * 100 + "…" + "–")
    assert [(one.character, one.times, one.replacement) for one in advice.forcing] == [
        ("…", 1, "..."),
        ("–", 1, "-"),
    ]
    assert advice.forcing[0].name == "U+2026 HORIZONTAL ELLIPSIS"
    assert [(option.kind, option.saves) for option in advice.options] == [("replace", 1)]


def test_emoji_can_only_be_removed():
    advice = advise(GREEK + " 😀😀")
    assert next(one for one in advice.forcing if one.character == "😀")[2:] == (2, None)
    assert [(option.kind, option.saves) for option in advice.options] == [("remove", 1)]
    assert "😀" not in advice.options[0].text


def test_what_saves_nothing_is_not_offered():
    assert advise("Γεια!").options == ()


def test_a_greek_letter_in_a_link_is_pointed_out():
    assert advise("www.κατάστημα.gr").in_links
    assert not advise("κατάστημα").in_links


def test_forced_gsm_is_counted_as_it_will_be_sent():
    assert advise(GREEK, "gsm")[:3] == ("gsm", 90, 1)
    assert advise("γεια 😀", "gsm").encoding == "unicode"


def test_controls_do_not_disturb_the_counter_though_they_cannot_be_sent():
    assert advise("a\x1bb\tc").units == 4
    with pytest.raises(ControlCharacters):
        segment("a\x1bb")


def test_advice_travels_as_json():
    data = json.loads(json.dumps(advise(GREEK).as_data()))
    assert data["options"][0]["kind"] == "capitals"
    assert data["forcing"][0].keys() == {"character", "name", "times", "replacement"}
