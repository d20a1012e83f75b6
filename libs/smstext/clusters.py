"""Where a text may be cut: the boundaries between user-perceived characters.

Follows Unicode Standard Annex 29 (extended grapheme clusters) with the character data Python carries, and in
doubt keeps more together than the annex asks: after a zero-width joiner and after a virama nothing is cut. The
one exception is CR LF, which nobody sees: keeping it whole could cost a part. A cut is only ever looked for
around the end of a part, so a test of one position is what is needed, not a scan of the text.
"""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_MARKS = frozenset(("Mn", "Me", "Mc"))
# Grapheme_Cluster_Break=Prepend: signs that belong to the letter after them.
_PREPEND = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e"
    "\U000110bd\U000110cd\U000111c2\U000111c3\U0001193f\U00011941\U00011a3a\U00011d46\U00011f02"
)
_VIRAMA_CLASS = 9


def _is_extend(character: str) -> bool:
    """Marks, joiners, emoji skin tones and tag characters: what belongs to the character before it."""
    if character < "\u0300":
        return False
    return (
        unicodedata.category(character) in _MARKS
        or character in "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _hangul(character: str) -> str:
    """Hangul syllable type: L, V, T, LV, LVT, or "" for what is not Hangul."""
    if "\u1100" <= character <= "\u115f" or "\ua960" <= character <= "\ua97c":
        return "L"
    if "\u1160" <= character <= "\u11a7" or "\ud7b0" <= character <= "\ud7c6":
        return "V"
    if "\u11a8" <= character <= "\u11ff" or "\ud7cb" <= character <= "\ud7fb":
        return "T"
    if "\uac00" <= character <= "\ud7a3":
        return "LVT" if (ord(character) - 0xAC00) % 28 else "LV"
    return ""


_HANGUL_JOINS = frozenset(
    [
        *(("L", after) for after in ("L", "V", "LV", "LVT")),
        *((before, after) for before in ("LV", "V") for after in ("V", "T")),
        *((before, "T") for before in ("LVT", "T")),
    ]
)


def _flag_is_open(text: str, start: int, index: int) -> bool:
    """True if an odd number of regional indicators stands before `index`: the next one completes a flag."""
    first = index
    while first > start and _is_regional(text[first - 1]):
        first -= 1
    return (index - first) % 2 == 1


def is_boundary(text: str, index: int, start: int = 0) -> bool:
    """True if the text may be cut before `text[index]`; `start` is a known boundary at or before it."""
    before, after = text[index - 1], text[index]
    if (
        after < "\u0300" or "\u0370" <= after < "\u0483"
    ):  # Latin, Greek and Cyrillic letters: most of what there is
        return before != _JOINER and before not in _PREPEND
    if _is_extend(after) or before == _JOINER or before in _PREPEND:
        return False
    if unicodedata.combining(before) == _VIRAMA_CLASS and unicodedata.category(after) == "Lo":
        return False
    if _is_regional(after):
        return not _flag_is_open(text, start, index)
    return (_hangul(before), _hangul(after)) not in _HANGUL_JOINS
