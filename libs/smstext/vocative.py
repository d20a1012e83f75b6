"""How a Greek person is called: Κώστας → Κώστα, ΑΛΕΞΑΝΔΡΟΣ → ΑΛΕΞΑΝΔΡΕ, Άννα-Μαρία as she is.

Order of the rules, the first that applies decides; `explain` says which did.

 1. Nothing Greek in it, or the name of a firm (digits, &, ΟΕ, ΑΦΟΙ, an article): unchanged.
 2. The name is taken word by word at blanks and hyphens; Latin lookalikes inside a Greek word become Greek
    letters; titles are called as titles (κ. Νίκος → κύριε Νίκο); after a woman's name nothing changes;
    initials do not.
 3. Lexicon of given names: women and indeclinable names unchanged, named exceptions (Στέλιο), else the
    accent it knows.
 4. Endings other than -ς are unchanged, but for learned -ωρ → -ορ. So is -ς after a consonant, and a word
    of one syllable.
 5. -ας -ης -ες -υς -ως lose the -ς, but for women's -ιάς and foreign -ες -ους (Ντολόρες, Μάρκους). -ις does
    when it is a way to spell a man's -ης (Γιάννις), else it stays (Θέτις, Μόρις).
 6. -ος by its accent: last syllable -έ (but -ιός → -ιό), third from the end -ε, second from the end -ο in
    words of two syllables and popular forms, -ε in learned ones (-ίνος, -αίος, -φόρος, -λόγος, consonant
    clusters).
 7. -ος without an accent: two syllables -ο; popular suffixes (-άκος -ίτσος …) -ο; else -ε.

Case and accents of the input are kept. Surnames: see SurnamePolicy. Grammar after Triantafyllidis; where
usage is split, the choice is the commoner one, and a contact's own vocative overrides it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from .greekletters import Sound, folded, is_greek, repaired, sound_of, with_vowel, words_of
from .lexicon import LEXICON, Action, Lexicon, Name
from .titles import is_title, spoken_title

Kind = Literal["first", "surname"]
SurnamePolicy = Literal["usage", "school", "learned"]
"""Surnames in -ος stressed on the second syllable from the end. "usage": -ο for two syllables and for -άκος
-άτος -ούκος -ίτσος, else -ε. "school": always -ο, as school grammar has it (Βενιζέλο). "learned": always -ε.
"""

# Words that no person's name has: an article, a legal form, a kind of shop.
_FIRM_WORDS = """
Ο Η ΤΟ ΟΙ ΤΑ ΟΕ ΕΕ ΑΕ ΙΚΕ ΕΠΕ ΑΒΕΕ ΑΕΒΕ ΑΤΕ ΜΕΠΕ ΜΙΚΕ ΜΟΝ ΣΙΑ ΑΦΟΙ ΥΙΟΙ ΥΙΟΣ ΟΜΙΛΟΣ ΣΥΛΛΟΓΟΣ ΣΥΝΔΕΣΜΟΣ
ΣΥΝΕΤΑΙΡΙΣΜΟΣ ΟΡΓΑΝΙΣΜΟΣ ΔΗΜΟΣΙΟ ΙΑΤΡΕΙΟ ΟΔΟΝΤΙΑΤΡΕΙΟ ΦΑΡΜΑΚΕΙΟ ΚΟΜΜΩΤΗΡΙΟ ΓΥΜΝΑΣΤΗΡΙΟ ΕΣΤΙΑΤΟΡΙΟ ΞΕΝΟΔΟΧΕΙΟ
ΚΑΦΕ ΚΑΦΕΝΕΙΟ ΤΑΒΕΡΝΑ ΨΗΤΟΠΩΛΕΙΟ ΦΟΥΡΝΟΣ ΑΡΤΟΠΟΙΕΙΟ ΚΑΤΑΣΤΗΜΑ ΕΤΑΙΡΕΙΑ ΕΤΑΙΡΙΑ ΓΡΑΦΕΙΟ ΤΕΧΝΙΚΟ ΕΜΠΟΡΙΚΗ ΣΧΟΛΗ
ΙΔΡΥΜΑ ΤΡΑΠΕΖΑ ΕΚΔΟΣΕΙΣ ΠΡΑΚΤΟΡΕΙΟ ΣΥΝΕΡΓΕΙΟ ΠΡΑΤΗΡΙΟ ΚΤΗΜΑ ΜΠΑΡ ΣΤΟΥΝΤΙΟ
"""
_FIRMS = frozenset(_FIRM_WORDS.split())
_FIRM_SIGNS = re.compile("[0-9&@]")


class Explained(NamedTuple):
    """A vocative, and for each word of the name the rule that decided it."""

    vocative: str
    rules: tuple[tuple[str, str], ...]


def vocative(
    name: str, kind: Kind = "first", *, policy: SurnamePolicy = "usage", lexicon: Lexicon = LEXICON
) -> str:
    """`name` as its bearer is called. What is not recognised comes back as it is, without blanks around."""
    if len(name) > _LONGEST_CACHED:
        return explain(name, kind, policy=policy, lexicon=lexicon).vocative
    return _cached(name, kind, policy, lexicon)


def explain(
    name: str, kind: Kind = "first", *, policy: SurnamePolicy = "usage", lexicon: Lexicon = LEXICON
) -> Explained:
    """The vocative and the rules that fired, word by word."""
    name = unicodedata.normalize("NFC", name.strip())
    if name.isalpha():
        spoken, rule = _word([name], 0, kind, policy, lexicon)
        return Explained(spoken, ((name, rule),))
    words = words_of(name)  # words at even places, the separators between them at odd ones
    unchanged = _whole_unchanged(name, words)
    if unchanged:
        return Explained(name, ((name, unchanged),))
    rules: list[tuple[str, str]] = []
    for place in range(0, len(words), 2):
        spoken, rule = _word(words, place, kind, policy, lexicon)
        if words[place]:
            rules.append((words[place], rule))
        words[place] = spoken
        if rule.startswith("lexicon: woman") and kind == "first":
            break
    return Explained("".join(words), tuple(rules))


_LONGEST_CACHED = 60  # characters: bounds the memory of the cache, whatever is in the field of the name


@lru_cache(maxsize=32768)
def _cached(name: str, kind: Kind, policy: SurnamePolicy, lexicon: Lexicon) -> str:
    if name.isalpha():  # one word, as nearly always: no account of the rules needed
        return _word([unicodedata.normalize("NFC", name)], 0, kind, policy, lexicon)[0]
    return explain(name, kind, policy=policy, lexicon=lexicon).vocative


def _whole_unchanged(name: str, words: list[str]) -> str:
    if not name:
        return "empty"
    if _FIRM_SIGNS.search(name):
        return "firm"
    if len(words) > 1 and not _FIRMS.isdisjoint(folded(word).replace(".", "") for word in words[::2]):
        return "firm"
    return ""


def _word(
    words: list[str], place: int, kind: Kind, policy: SurnamePolicy, lexicon: Lexicon
) -> tuple[str, str]:
    """One word's vocative and its rule."""
    word = written = words[place]
    key = folded(word)
    if not is_greek(key):
        word = repaired(written)
        key = folded(word)
    if place == 0 and is_title(key):
        title = spoken_title(written, "".join(words[1:]).strip(), lexicon)
        if title is not None:
            return title, "title"
    if not is_greek(key):
        return written, "not Greek"
    known = lexicon.get(key) or (lexicon.by_sound(key) if key.endswith("ΟΣ") else None)
    if kind == "first" and place and known is None:
        kind = "surname"  # a whole name in the field of the first one
    if kind == "surname":
        action, rule = _decide_surname(word, key, known, policy)
    else:
        action, rule = _decide_first(word, key, known, lexicon)
    return _apply(word, key, action), rule


def _apply(word: str, key: str, action: Action) -> str:
    if action == "same":
        return word
    if action == "drop":
        return word[:-1]
    vowel = "Ο" if key.endswith("ΩΡ") else "Ε"
    return word[:-2] + with_vowel(word[-2], vowel) + (word[-1] if vowel == "Ο" else "")


def _decide_first(word: str, key: str, known: Name | None, lexicon: Lexicon) -> tuple[Action, str]:
    if known is not None and key[-2:] != "ΟΣ":
        if known.gender == "f":
            return "same", "lexicon: woman"
        if known.action:
            return known.action, "lexicon: exception"
    if key.endswith("ΟΣ"):
        return _decide_os(word, key, known)
    if known is not None:
        return _decide_other(word, key, may_be_woman=False)
    if key.endswith("ΙΣ") and len(key) > 3:
        return _decide_is(key, lexicon)
    return _decide_other(word, key, may_be_woman=True)


def _decide_is(key: str, lexicon: Lexicon) -> tuple[Action, str]:
    """Names in -ις: of men when it is a way to spell -ης (Γιάννις), else of women (Θέτις) or foreign (Μόρις)."""
    twin = lexicon.get(key[:-2] + "ΗΣ")
    if (twin is not None and twin.gender == "m") or key.endswith(("ΑΚΙΣ", "ΟΥΛΙΣ", "ΙΔΙΣ")):
        return "drop", "-ις for a man's -ης"
    return "same", "-ις of women and foreigners"


def _decide_os(word: str, key: str, known: Name | None) -> tuple[Action, str]:
    sound = sound_of(word)
    if known is None or sound.stress not in (None, known.sound.stress):
        return _by_stress(key, sound)
    if known.action:
        return known.action, "lexicon: exception"
    action, rule = _by_stress(key, known.sound)
    return action, "lexicon: " + rule


def _by_stress(key: str, sound: Sound) -> tuple[Action, str]:
    """First names in -ος."""
    stress, count = sound
    if count < 2:
        return "same", "one syllable"
    if stress is None:
        return _unstressed(key, count)
    if stress >= 3:
        return "e", "-ος, third from the end"
    if stress == 1:
        return ("drop", "-ιός") if key.endswith("ΙΟΣ") else ("e", "-ός")
    if count == 2:
        return "drop", "-ος, two syllables"
    if _LEARNED(key):
        return "e", "-ος, learned"
    return "drop", "-ος, popular"


# Second syllable from the end stressed, three or more syllables: learned suffixes, and consonant clusters
# that popular forms do not have (Λυκούργος, Ροδόλφος, Εδουάρδος; but Διαμάντος, Ανδρίτσος, Κανέλλος).
_LEARNED = re.compile(
    "(?:ΙΝ|ΑΙ|ΦΟΡ|ΛΟΓ|[^Ο]ΥΛ|ΕΙ|(?:ΡΓ|ΡΔ|ΡΤ|ΛΦ|ΛΔ|ΝΔ|ΛΒ|ΛΜ|ΡΜ|ΡΝ|ΡΧ|ΣΚ|ΣΤ|ΚΤ|ΧΤ|ΔΡ|ΘΡ|ΚΡ|ΠΤ|ΜΝ|ΣΘ|ΝΘ|ΓΝ|ΣΜ|ΖΜ))ΟΣ$"
).search
_POPULAR = re.compile(
    "(?:ΑΚ|ΕΚ|(?<!Ν)ΙΚ|ΙΚΚ|ΟΥΚ|ΑΤΣ|ΕΤΣ|ΙΤΣ|ΟΥΤΣ|ΕΤ|ΙΩΤ|(?<![ΓΖ])ΕΛ|ΕΛΛ|ΩΛ|(?<![ΔΒΠ])ΟΥΛ|ΑΣ|ΟΥΣ|ΤΕΡ|ΤΟΥΡ)ΟΣ$"
).search


def _unstressed(key: str, count: int) -> tuple[Action, str]:
    if key.endswith("ΑΙΟΣ"):
        return "e", "-αιος"  # also of two syllables when nothing says that it is Βάιος
    if count == 2:
        return "drop", "-ος, two syllables"
    if _POPULAR(key):
        return "drop", "-ος, popular suffix"
    return "e", "-ος, no accent"


_SURNAME_O = re.compile("(?:ΑΚ|ΑΤ|ΟΥΚ|ΙΤΣ)ΟΣ$").search
_SURNAME_SECOND = re.compile("(?:ΑΚ|ΑΤ|ΟΥΚ|ΙΤΣ|ΟΥΤΣ|ΕΛ|ΕΛΛ|ΑΡΔ|ΟΥΡ|ΟΥΔ|ΟΥΣ|ΙΤ|ΕΤ|ΕΡ|ΟΥΖ|ΑΡ)ΟΣ$").search


def _decide_surname(word: str, key: str, known: Name | None, policy: SurnamePolicy) -> tuple[Action, str]:
    if not key.endswith("ΟΣ"):
        return _decide_other(word, key, may_be_woman=False)
    stress, count = sound_of(word)
    if stress is None and known is not None:
        stress, count = known.sound
    if count < 2:
        return "same", "one syllable"
    if policy == "learned":
        return "e", "surname, learned"
    if stress not in (None, 2):
        return "e", "surname, not stressed on the second from the end"
    if count == 2:
        return "drop", "surname, two syllables"
    if policy == "school":
        popular = stress == 2 or _SURNAME_SECOND(key) is not None
        return ("drop" if popular else "e"), "surname, school grammar"
    return ("drop", "surname, -άκος -άτος -ούκος -ίτσος") if _SURNAME_O(key) else ("e", "surname, usage")


_VOWELS = frozenset("ΑΕΗΙΟΥΩ")


def _decide_other(word: str, key: str, may_be_woman: bool) -> tuple[Action, str]:
    """Everything but -ος. Surnames of women do not end in -ς, so `may_be_woman` is for unknown first names."""
    if key.endswith("ΩΡ") and len(key) > 3:
        return "e", "-ωρ"
    if not key.endswith("Σ") or len(key) < 3:
        return "same", "does not end in -ς"
    if key[-2] not in _VOWELS:
        return "same", "-ς after a consonant"
    if "/" in key:
        return "drop", "abbreviated"
    stress, count = sound_of(word)
    if count < 2:
        return "same", "one syllable"
    if key.endswith(("ΕΣ", "ΟΥΣ")) and stress not in (None, 1):
        return "same", "foreign -ες, -ους"
    if may_be_woman and stress == 1 and key.endswith("ΙΑΣ"):
        return "same", "-ιάς of women"
    return "drop", "-ς"
