"""Titles before names and how they are said: κ., Κύριος → κύριε; κα, Κυρία → κυρία; Καθηγητής → Καθηγητά."""

from __future__ import annotations

from .greekletters import folded, repaired, with_vowel
from .lexicon import LEXICON, Gender, Lexicon, gender_of

_SIR = frozenset(("ΚΥΡΙΟΣ", "ΚΟΣ", "ΚΥΡΙΕ", "ΚΥΡΙΟΝ", "Κ/ΟΣ"))
_LADY = frozenset(("ΚΥΡΙΑ", "ΚΑ", "Κ/Α"))
_MISS = frozenset(("ΔΕΣΠΟΙΝΙΣ", "ΔΕΣΠΟΙΝΙΔΑ", "ΔΙΣ", "ΔΝΙΣ", "ΔΙΔΑ"))
_EITHER = "Κ"
_ENDING_A = frozenset(("ΚΑΘΗΓΗΤΗΣ", "ΔΙΕΥΘΥΝΤΗΣ", "ΒΟΥΛΕΥΤΗΣ", "ΔΙΚΑΣΤΗΣ", "ΣΤΡΑΤΙΩΤΗΣ", "ΠΟΙΗΤΗΣ"))
_ENDING_E = frozenset(
    ("ΓΙΑΤΡΟΣ", "ΙΑΤΡΟΣ", "ΟΔΟΝΤΙΑΤΡΟΣ", "ΔΙΚΗΓΟΡΟΣ", "ΠΡΟΕΔΡΟΣ", "ΔΗΜΑΡΧΟΣ", "ΥΠΟΥΡΓΟΣ", "ΜΗΧΑΝΙΚΟΣ",
     "ΣΥΜΒΟΥΛΟΣ", "ΠΡΟΙΣΤΑΜΕΝΟΣ", "ΑΡΧΗΓΟΣ", "ΦΑΡΜΑΚΟΠΟΙΟΣ", "ΛΟΓΙΣΤΙΚΟΣ")
)  # fmt: skip


_TITLES = _SIR | _LADY | _MISS | _ENDING_A | _ENDING_E | {_EITHER}


def is_title(key: str) -> bool:
    """Whether a folded word may be a title, with or without its full stops."""
    return key.replace(".", "") in _TITLES


def _key(written: str) -> str:
    return folded(repaired(written.strip())).replace(".", "")


def title_vocative(title: str, first_name: str = "", surname: str = "", *, lexicon: Lexicon = LEXICON) -> str:
    """A title as it is said to its bearer.

    κ., κος, Κύριος → κύριε and κα, Κυρία → κυρία, in capitals if the word was; "κ." is read by the gender
    of the names and of a man when they do not tell. Miss → δεσποινίς; words such as Καθηγητής and Γιατρός
    in their vocative; anything else (Δρ., Mr) as it is.
    """
    title = title.strip()
    key = _key(title)
    if key == _EITHER:
        gender = gender_of(first_name, lexicon) or _gender_of_surname(surname)
        return "κυρία" if gender == "f" else "κύριε"
    shouted = title.isupper() and len(key) > 3
    for words, spoken in ((_SIR, "κύριε"), (_LADY, "κυρία"), (_MISS, "δεσποινίς")):
        if key in words:
            return folded(spoken) if shouted else spoken
    return _profession(title, key)


def _profession(title: str, key: str) -> str:
    if key in _ENDING_A:
        return title[:-2] + with_vowel(title[-2], "Α")
    if key in _ENDING_E:
        return title[:-2] + with_vowel(title[-2], "Ε")
    return title


def _gender_of_surname(surname: str) -> Gender | None:
    """Men's surnames in -ς; women's in -α, -η, -οπούλου, -ίδου, -άδου. Others in -ου may be of either."""
    key = _key(surname)
    if key.endswith("Σ"):
        return "m"
    return "f" if key.endswith(("Α", "Η", "ΟΠΟΥΛΟΥ", "ΙΔΟΥ", "ΑΔΟΥ")) else None


def spoken_title(written: str, rest: str, lexicon: Lexicon = LEXICON) -> str | None:
    """The vocative of a word that is a title when it stands at the head of a name; None if it is no title.

    "Κ." with a capital is an initial there, "κ." a title.
    """
    key = _key(written)
    if key == _EITHER:
        return title_vocative(written, rest, lexicon=lexicon) if rest and written == "κ." else None
    if key in _SIR or key in _LADY or key in _MISS:
        return title_vocative(written, lexicon=lexicon)
    if key in _ENDING_A or key in _ENDING_E:
        return _profession(written, key)
    return None
