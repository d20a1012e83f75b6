"""What a message from a phone says."""

from __future__ import annotations

import unicodedata

import pytest

from services.contacts.keywords import START_WORDS, STOP_WORDS, said


@pytest.mark.parametrize("word", STOP_WORDS)
def test_every_stop_word_counts_in_any_case_alone_and_as_the_first_word(word: str) -> None:
    assert said(word) == said(word.lower()) == said(f" «{word.capitalize()}»!\n") == "stop"
    assert said(f"{word.lower()} παρακαλώ πολύ") == said(f"{word}.Thanks") == "stop"


@pytest.mark.parametrize("word", START_WORDS)
def test_every_start_word_counts_alone_only(word: str) -> None:
    assert said(word) == said(f"  {word.lower()}.") == "start"
    assert said(f"{word}, θα έρθω στις 5") is None


@pytest.mark.parametrize(
    "text",
    ["Στόπ", "στοπ", "διαγραφή", "ΔΙΑΓΡΑΦΉ", "ΔΙΑΓΡΑΦΗ", "Απεγγραφή", "stóp", "Ｓｔｏｐ"],
)
def test_accents_and_forms_of_letters_do_not_matter(text: str) -> None:
    assert said(text) == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "ΣTOΠ",  # Greek Σ and Π, Latin T and O: what GSM 03.38 makes of ΣΤΟΠ
        "SΤΟP",  # Latin S and P, Greek Τ and Ο
        "ΔIAΓPAΦH",
        "UΝSUΒSCRIΒΕ",
    ],
)
def test_letters_that_look_alike_are_one(text: str) -> None:
    assert said(text) == "stop"


def test_greek_yes_is_the_same_typed_in_latin() -> None:
    assert said("NAI") == said("ναι") == said("Ναί") == "start"


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "?!", "Καλημέρα", "don't stop", "μη με διαγράψετε", "non-stop", "STOPPED", "ΟΧΙ", "ΣΤΟΠΑΚΙ",
        "Θέλω διαγραφή", "οκ stop", "yes please", "ΝΑΙ ΝΑΙ", "yes" + " " * 300 + "no",
    ],
)  # fmt: skip
def test_what_merely_holds_a_word_says_nothing(text: str) -> None:
    assert said(text) is None


@pytest.mark.parametrize("text", ["ΣΤΌΠ", "στόπ παρακαλώ", "Διαγραφή!"])
def test_accents_that_are_signs_of_their_own_part_no_word(text: str) -> None:
    apart = unicodedata.normalize("NFD", text)
    assert apart != text
    assert said(apart) == "stop"
