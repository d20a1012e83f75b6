"""Greek words seen through their accents and capitals: folding to a key, syllables, the stressed one."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_LOOKALIKES = dict(zip(
    "ABEZHIKMNOPTYXS" "aoviukxptnwyesc" "ÁÉÓÍáóíúé",
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧΣ" "αονιυκχρτηωγεσς" "ΆΈΌΊάόίύέ",
    strict=True,
))  # fmt: skip
_TO_GREEK = str.maketrans(_LOOKALIKES)


def _fold_table() -> dict[int, str]:
    table = dict.fromkeys(range(0x0300, 0x0370), "")
    for code in (*range(0x0370, 0x0400), *range(0x1F00, 0x2000)):
        letters = unicodedata.normalize("NFD", chr(code))
        table[code] = "".join(letter for letter in letters if not unicodedata.combining(letter)).upper()
    return table


_FOLD = _fold_table()
_GREEK_WORD = re.compile("[Α-Ω/]+").fullmatch
_HAS_GREEK = re.compile("[Ͱ-Ͼἀ-῿]")
_HAS_LATIN = re.compile("[A-Za-zÀ-ɏ]")


def folded(word: str) -> str:
    """Capitals without accents: the key under which a name is known."""
    return word.translate(_FOLD)


def repaired(word: str) -> str:
    """A Greek word with its Latin lookalikes (ΝIKOΣ typed with a Latin I, K, O) as the Greek letters they
    stand for.

    Unchanged if it is Greek already, all Latin, or has Latin letters that resemble nothing Greek.
    """
    if not (_HAS_LATIN.search(word) and _HAS_GREEK.search(word)):
        return word
    greek = word.translate(_TO_GREEK)
    if _HAS_LATIN.search(greek):
        return word
    return re.sub("[σς]$", "ς", greek)


def is_greek(key: str) -> bool:
    """True if a folded word is nothing but letters of the Greek alphabet (and the slash of abbreviations)."""
    return _GREEK_WORD(key) is not None


_NUCLEUS = re.compile("[αεο][ιίυύ]|η[υύ]|υ[ιί]|[αεηιουωάέήίόύώϊϋΐΰ]")
_STRESSED = frozenset("άέήίόύώΐΰ")
_GLIDE = re.compile("γι(?=[αεοωάέόώ])")
_POLYTONIC = re.compile("[ἀ-῿]")


class Sound(NamedTuple):
    """Of a word: its stressed syllable from the end (1 = the last; None: no accent written), and how many it has."""

    stress: int | None
    syllables: int


def sound_of(word: str) -> Sound:
    """Stress and syllables of a Greek word in composed form (NFC), in any case.

    Two letters count as one sound (ου αι ει οι υι αυ ευ ηυ) unless an accent on the first or a dialytika on the
    second parts them; the ι of Γιώργος and Γιάννης is no syllable.
    """
    lowered = word.lower()
    if _POLYTONIC.search(lowered):
        lowered = _monotonic(lowered)
    if _GLIDE.match(lowered):
        lowered = lowered[2:]
    nuclei = _NUCLEUS.findall(lowered)
    for distance, nucleus in enumerate(reversed(nuclei), start=1):
        if not _STRESSED.isdisjoint(nucleus):
            return Sound(distance, len(nuclei))
    return Sound(None, len(nuclei))


def _monotonic(word: str) -> str:
    marks = unicodedata.normalize("NFD", word)
    marks = re.sub("[\u0300\u0342]", "\u0301", marks)
    return unicodedata.normalize("NFC", re.sub("[\u0313\u0314\u0345]", "", marks))


_SEPARATORS = re.compile(r"(\s+|\s*[-‐‑–—]\s*)")


def words_of(name: str) -> list[str]:
    """Words of a name at the even places, the blanks and hyphens between them at the odd ones."""
    return _SEPARATORS.split(name)


def with_vowel(letter: str, vowel: str) -> str:
    """`vowel` (a capital) with the case and accents of `letter`."""
    parts = unicodedata.normalize("NFD", letter)
    base = vowel if parts[0].isupper() else vowel.lower()
    return unicodedata.normalize("NFC", base + parts[1:])
