"""How people are called, over classes of names with accents, in capitals and unaccented."""

import hashlib
import unicodedata
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smstext import explain, gender_of, title_vocative, vocative
from smstext.lexicon import EMPTY, LEXICON


def read_classes() -> dict[str, list[tuple[str, str]]]:
    classes: dict[str, list[tuple[str, str]]] = defaultdict(list)
    current = ""
    for line in (Path(__file__).parent / "vocatives.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            current = line.strip("[]")
        elif line and not line.startswith("#"):
            classes[current] += [tuple(pair.split()) for pair in line.split(",") if pair.strip()]
    return dict(classes)


def without_accents(name: str) -> str:
    marks = unicodedata.normalize("NFD", name)
    return unicodedata.normalize("NFC", marks.replace("\u0301", ""))


FORMS = {
    "accents": lambda name: name,
    "capitals": lambda name: without_accents(name).upper(),
    "lower case": lambda name: without_accents(name).lower(),
}
CLASSES = read_classes()
PAIRS = [pair for pairs in CLASSES.values() for pair in pairs]
HALF = LEXICON.without(name for name, _ in PAIRS if hashlib.sha256(name.encode()).digest()[0] % 2)
"""The lexicon without half of the judged names, picked by a hash."""


def accuracy(pairs, form, lexicon) -> float:
    right = [vocative(form(name), lexicon=lexicon) == form(called) for name, called in pairs]
    return sum(right) / len(right)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("pairs", CLASSES.values(), ids=CLASSES)
def test_every_judged_name_is_right_with_the_lexicon(pairs, form):
    wrong = {name: vocative(form(name)) for name, called in pairs if vocative(form(name)) != form(called)}
    assert not wrong


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_rules_carry_the_names_the_lexicon_does_not_know(form):
    assert accuracy(PAIRS, form, HALF) > 0.97
    assert accuracy(PAIRS, form, EMPTY) > 0.96


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Γιάννης Μάριος", "Γιάννη Μάριε"),
        ("Άννα-Μαρία", "Άννα-Μαρία"),
        ("ΝΙΚΟΛΑΟΣ - ΠΕΤΡΟΣ", "ΝΙΚΟΛΑΕ - ΠΕΤΡΟ"),
        ("Γιώργος Παπαδόπουλος", "Γιώργο Παπαδόπουλε"),
        ("γιωργος βλαχος", "γιωργο βλαχο"),
        ("Μαρία Κόρακας", "Μαρία Κόρακας"),
        ("Κωνσταντίνος Χ.", "Κωνσταντίνε Χ."),
        ("  Νίκος  ", "Νίκο"),
        ("Κων/νος", "Κων/νε"),
        ("Παν/της", "Παν/τη"),
    ],
)
def test_double_names_and_whole_names_go_word_by_word(name, called):
    assert vocative(name) == called


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("ΝIKOΣ", "ΝΙΚΟ"),
        ("Γιώργoς", "Γιώργο"),
        ("KΩΣTAΣ", "ΚΩΣΤΑ"),
        ("AΛΕΞΑΝΔΡOΣ", "ΑΛΕΞΑΝΔΡΕ"),
        ("MAPIΑ", "ΜΑΡΙΑ"),
    ],
)
def test_latin_lookalikes_inside_a_greek_name_become_greek(name, called):
    assert vocative(name) == called


@pytest.mark.parametrize(
    "name",
    [
        *("Giorgos", "NIKOS", "John Smith", "Anna-Maria", "李小龙", "Иван", "", "-", "?"),
        *("13company", "Glam & Co", "Καφέ Ο Πλάτανος", "ΑΦΟΙ ΜΑΡΚΟΥ ΟΕ", "Γυμναστήριο Άθλος ΙΚΕ"),
        *("Φαρμακείο Ανδρέου", "Ο Φούρνος του Νίκου Α.Ε."),
    ],
)
def test_greeklish_other_scripts_and_firms_are_left_alone(name):
    assert vocative(name) == name


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("κ. Νίκος", "κύριε Νίκο"),
        ("κ. Μαρία", "κυρία Μαρία"),
        ("Κύριος", "κύριε"),
        ("κος Γιώργος", "κύριε Γιώργο"),
        ("Δρ. Νίκος", "Δρ. Νίκο"),
        ("Κ. Παπαδόπουλος", "Κ. Παπαδόπουλε"),
        ("Καθηγητής", "Καθηγητά"),
    ],
)
def test_titles_in_the_field_of_the_name(name, called):
    assert vocative(name) == called


@pytest.mark.parametrize(
    ("title", "first", "surname", "called"),
    [
        ("κ.", "Νίκος", "", "κύριε"),
        ("κ.", "Ελένη", "", "κυρία"),
        ("κ.", "Θέμις", "", "κυρία"),
        ("κ.", "", "Παπαδοπούλου", "κυρία"),
        ("κ.", "", "Παπανδρέου", "κύριε"),
        ("κ.", "", "Σαμαρά", "κυρία"),
        ("κ.", "", "", "κύριε"),
        ("κος", "", "", "κύριε"),
        ("Κύριος", "", "", "κύριε"),
        ("ΚΥΡΙΟΣ", "", "", "ΚΥΡΙΕ"),
        ("κα", "", "", "κυρία"),
        ("Κυρία", "Νίκος", "", "κυρία"),
        ("Δις", "", "", "δεσποινίς"),
        ("Γιατρός", "", "", "Γιατρέ"),
        ("Δρ.", "", "", "Δρ."),
        ("Mr", "", "", "Mr"),
        ("", "", "", ""),
    ],
)
def test_titles(title, first, surname, called):
    assert title_vocative(title, first, surname) == called


SURNAMES = {
    # name: (usage, school, learned)
    "Παπαδόπουλος": ("Παπαδόπουλε",) * 3,
    "ΠΑΠΑΔΟΠΟΥΛΟΣ": ("ΠΑΠΑΔΟΠΟΥΛΕ",) * 3,
    "Βλάχος": ("Βλάχο", "Βλάχο", "Βλάχε"),
    "Βενιζέλος": ("Βενιζέλε", "Βενιζέλο", "Βενιζέλε"),
    "ΒΕΝΙΖΕΛΟΣ": ("ΒΕΝΙΖΕΛΕ", "ΒΕΝΙΖΕΛΟ", "ΒΕΝΙΖΕΛΕ"),
    "Σαραντάκος": ("Σαραντάκο", "Σαραντάκο", "Σαραντάκε"),
    "Ευαγγελάτος": ("Ευαγγελάτο", "Ευαγγελάτο", "Ευαγγελάτε"),
    "Ξινός": ("Ξινέ",) * 3,
    "Μητσοτάκης": ("Μητσοτάκη",) * 3,
    "Σαμαράς": ("Σαμαρά",) * 3,
    "Κανελλές": ("Κανελλέ",) * 3,
    "Παπανδρέου": ("Παπανδρέου",) * 3,
    "Ανδρεάδης": ("Ανδρεάδη",) * 3,
    "Παπαδοπούλου": ("Παπαδοπούλου",) * 3,
    "Στεφάνου-Μακρής": ("Στεφάνου-Μακρή",) * 3,
    "Smith": ("Smith",) * 3,
}


@pytest.mark.parametrize(("name", "called"), SURNAMES.items(), ids=SURNAMES)
def test_surnames_follow_the_policy_chosen(name, called):
    policies = ("usage", "school", "learned")
    assert tuple(vocative(name, "surname", policy=policy) for policy in policies) == called


def test_misspelt_names_are_found_by_their_sound():
    assert vocative("ΚΟΝΣΤΑΝΤΙΝΟΣ") == "ΚΟΝΣΤΑΝΤΙΝΕ"
    assert vocative("Γιάννις") == "Γιάννι"


def test_polytonic_and_decomposed_names():
    assert vocative("Ἀλέξανδρος") == "Ἀλέξανδρε"
    assert vocative("Στυλιανὸς") == "Στυλιανὲ"
    assert vocative(unicodedata.normalize("NFD", "Στυλιανός")) == "Στυλιανέ"


def test_explain_says_which_rule_fired_for_each_word():
    assert explain("Γιώργος Ξινός").rules == (
        ("Γιώργος", "lexicon: -ος, two syllables"),
        ("Ξινός", "surname, not stressed on the second from the end"),
    )
    assert explain("Κώστας").rules == (("Κώστας", "-ς"),)
    assert explain("ΑΦΟΙ ΜΑΡΚΟΥ ΟΕ").rules[0][1] == "firm"


def test_gender():
    assert [gender_of(name) for name in ("Νίκος", "ΑΡΤΕΜΙΣ", "Μυρτώ", "Μιχαήλ", "Smith", "")] == [
        "m",
        "f",
        "f",
        "m",
        None,
        None,
    ]


@given(st.text(max_size=60))
def test_any_text_at_all_is_answered(name):
    answer = vocative(name)
    assert len(answer) <= len(unicodedata.normalize("NFC", name)) + 20


@given(st.sampled_from([name for name, _ in PAIRS]), st.sampled_from(list(FORMS.values())))
def test_the_case_of_the_name_is_kept(name, form):
    answer = vocative(form(name))
    assert answer.isupper() == form(name).isupper()
    assert answer.islower() == form(name).islower()


@given(st.sampled_from([name for name, _ in PAIRS]))
def test_a_vocative_of_a_vocative_changes_nothing(name):
    called = vocative(name)
    assert vocative(called) == called
