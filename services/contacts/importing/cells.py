"""One cell as text: the way its owner sees it in Excel, without what only a machine sees."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Hashable
from functools import lru_cache
from typing import Final

# Error values in English and Greek Excel; a cell that failed to compute says nothing about a person.
ERRORS: Final = frozenset(
    [
        "#N/A",
        "#REF!",
        "#VALUE!",
        "#DIV/0!",
        "#NAME?",
        "#NUM!",
        "#NULL!",
        "#SPILL!",
        "#CALC!",
        "#GETTING_DATA",
        "#Δ/Υ",
        "#ΑΝΑΦ!",
        "#ΤΙΜΗ!",
        "#ΔΙΑΙΡ./0!",
        "#ΔΙΑΙΡ/0!",
        "#ΟΝΟΜΑ?",
        "#ΟΝΟΜΑ;",
        "#ΑΡΙΘ!",
        "#ΚΕΝΟ!",
    ]
)
_DECIMAL_COMMA = frozenset({"GR", "CY"})

# Controls, zero-width and bidi marks, and surrogates that no database takes.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]"
)
# Joiners hold an emoji together; anywhere else they are dirt that would force a text into Unicode.
_STRAY_JOINER = re.compile("(?<![\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]")
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")


def text(value: object, region: str = "GR") -> str:
    """`value` as one line of clean text; "" for nothing and for Excel's error values.

    Dates become dd/mm/yyyy, whole numbers lose their .0, other numbers take the region's decimal mark, times
    are HH:MM, truth values ΝΑΙ / ΟΧΙ (YES / NO outside Greece and Cyprus).
    """
    if isinstance(value, str):
        return line(value)
    if isinstance(value, bool):
        return _truth(value, region)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value, region)
    return _moment(value) if isinstance(value, Hashable) else line(str(value))


def line(value: str) -> str:
    """`text` for what is a string. Two looks in C settle nearly every cell: nothing invisible, accents
    composed.
    """
    if value.isprintable() and (value.isascii() or unicodedata.is_normalized("NFC", value)):
        value = value.strip()
    else:
        value = _LINES.sub(" ", _clean(value.replace("\r", "\n")))
    return "" if value[:1] == "#" and value.upper() in ERRORS else value


def lines(value: object, region: str = "GR") -> str:
    """As `text`, but line breaks inside the cell are kept: for notes."""
    if not isinstance(value, str):
        return text(value, region)
    cleaned = _clean(value.replace("\r\n", "\n").replace("\r", "\n"))
    return "" if cleaned in ERRORS else cleaned


def _clean(value: str) -> str:
    visible = _STRAY_JOINER.sub("", _INVISIBLE.sub("", value))
    return unicodedata.normalize("NFC", _SPACES.sub(" ", visible)).strip()


def _truth(value: bool, region: str) -> str:
    if region in _DECIMAL_COMMA:
        return "ΝΑΙ" if value else "ΟΧΙ"
    return "YES" if value else "NO"


@lru_cache(maxsize=16_384)
def _number(value: float, region: str) -> str:
    """Excel keeps fifteen digits of a number; more are the noise of binary fractions."""
    if value != value or value in (float("inf"), float("-inf")):
        return ""
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    shown = format(value, ".15g")
    return shown.replace(".", ",") if region in _DECIMAL_COMMA else shown


@lru_cache(maxsize=4_096)
def _moment(value: Hashable) -> str:
    if isinstance(value, dt.datetime):
        if value.time() == dt.time():
            return value.strftime("%d/%m/%Y")
        return value.strftime("%d/%m/%Y %H:%M")
    if isinstance(value, dt.date):
        return f"{value.day:02d}/{value.month:02d}/{value.year:04d}"
    if isinstance(value, dt.time):
        return f"{value.hour:02d}:{value.minute:02d}"
    if isinstance(value, dt.timedelta):
        minutes = int(value.total_seconds()) // 60
        return f"{'-' if minutes < 0 else ''}{abs(minutes) // 60}:{abs(minutes) % 60:02d}"
    return "" if value is None else line(str(value))
