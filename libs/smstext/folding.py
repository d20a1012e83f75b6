"""From any text to one that GSM 03.38 can carry: what Greek platforms call "capitals", 160 characters an SMS.

Greek letters lose their accents and become capitals; those whose capital looks like a Latin letter become
that letter (GSM has only ΓΔΘΛΞΠΣΦΨΩ of its own). Latin letters keep their case, and their accents where GSM
has them (é ñ ü); other typographic characters become their nearest plain form. Links and e-mail addresses
are not touched: a capital in them leads elsewhere.
"""

from __future__ import annotations

import re
import unicodedata

from .gsm import GSM_CHARACTERS, internal_codes, strip_controls

_LATIN_TWINS = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True))
_GREEK_RANGES = ((0x0370, 0x0400), (0x1F00, 0x2000))
_GREEK_SIGNS = {
    "\u0384": "'",
    "\u0385": "'",
    "\u0374": "'",
    "\u0375": ",",
    "\u037e": ";",
    "\u0387": ".",
    "\u037a": "",
}

# What to write ← the characters it stands for.
_PLAIN_FORMS = {
    '"': "«»“”„‟″¨",
    "'": "‹›‘’‚‛′´`ʼʹ",
    "-": "–—―‐‑‒−⁃¯",
    "*": "•●▪◦※★☆",
    ".": "·∙",
    ",": "¸",
    "/": "÷⁄∕",
    "\n": "\u2028\u2029\u0085",
    "": "\u00ad\u061c\u200b\u200c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"  # invisible ones
    "\u2066\u2067\u2068\u2069",
    "...": "…",
    "x": "×",
    "+/-": "±",
    "<=": "≤",
    ">=": "≥",
    "<>": "≠",
    "~": "≈",
    "->": "→",
    "<-": "←",
    "|": "¦",
    "(c)": "©",
    "(R)": "®",
    "TM": "™",
    "No": "№",
    "1/2": "½",
    "1/4": "¼",
    "3/4": "¾",
    "Δ": "∆",
    "Σ": "∑",
    "Π": "∏",
    "o": "°º",
    "a": "ª",
    "u": "µ",
    "c": "ç",
    "i": "ı",
    "l": "ł",
    "L": "Ł",
    "d": "đð",
    "D": "ĐÐ",
    "th": "þ",
    "Th": "Þ",
    "oe": "œ",
    "OE": "Œ",
}
_TYPOGRAPHIC = {character: plain for plain, characters in _PLAIN_FORMS.items() for character in characters}
# Foreign letters, ligatures, spaces, full-width forms: where Unicode's decompositions lead on.
_COMPATIBLE_RANGES = (
    (0x00A0, 0x0300),
    (0x1E00, 0x1F00),
    (0x2000, 0x20A0),
    (0x2100, 0x2200),
    (0x3000, 0x3001),
    (0xFB00, 0xFB07),
    (0xFF01, 0xFF5F),
)


def _fold_greek(character: str) -> str | None:
    """GSM form of one Greek character, or None if it is not a letter of the modern alphabet."""
    base = unicodedata.normalize("NFKD", character)
    letters = "".join(part for part in base if not unicodedata.combining(part)).upper()
    folded = "".join(_LATIN_TWINS.get(letter, letter) for letter in letters)
    if folded.strip() and all(letter in GSM_CHARACTERS for letter in folded):
        return folded
    # What is left after a spacing accent is the accent itself: ᾽ ῾ ´ and the like.
    return "'" if not letters.strip() and base else None


def _fold_latin(character: str) -> str | None:
    """GSM form of a letter with marks, a ligature, a superscript, a full-width form or a kind of space."""
    base = unicodedata.normalize("NFKD", character)
    plain = "".join(part for part in base if not unicodedata.combining(part))
    plain = plain.replace("⁄", "/")
    return plain if plain and plain != character and all(part in GSM_CHARACTERS for part in plain) else None


def _build_table() -> dict[int, str]:
    table: dict[int, str] = dict.fromkeys(range(0x0300, 0x0370), "")  # marks that composed with nothing
    for first, last in _GREEK_RANGES:
        for code in range(first, last):
            if unicodedata.category(chr(code)) != "Cn" and (folded := _fold_greek(chr(code))) is not None:
                table[code] = folded
    for first, last in _COMPATIBLE_RANGES:
        for code in range(first, last):
            if chr(code) not in GSM_CHARACTERS and (folded := _fold_latin(chr(code))) is not None:
                table[code] = folded
    table.update({ord(character): folded for character, folded in (_TYPOGRAPHIC | _GREEK_SIGNS).items()})
    return {code: folded for code, folded in table.items() if chr(code) not in GSM_CHARACTERS}


TABLE = _build_table()
"""Code point → GSM text, for every character that folding changes."""

# With what stays listed as well: a key that is missing costs str.translate an exception, ten times a hit.
_TRANSLATION: dict[int, str] = {ord(character): character for character in GSM_CHARACTERS} | TABLE

_NOT_IN_LINK = '\\s«»“”„‘’<>"\u037e…·'
# Each alternative starts only where a word starts, so that a long text without links is read once.
_PATH = rf"[^{_NOT_IN_LINK}]*[^{_NOT_IN_LINK}.,;:!?)\]}}'|]"
_DOMAINS = "gr|cy|eu|com|net|org|info|biz|shop|io|me|ly|ελ|ευ"
_LINKS = re.compile(
    rf"(?:https?://|www\.){_PATH}"
    rf"|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    rf"|(?<![\w@-])(?<![\w-]\.)(?:[\w-]+\.)+(?:{_DOMAINS})(?![\w-])(?:/{_PATH})?",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\S+")
_COMBINING = re.compile("[\u0300-\u036f]")


def _link_spans(text: str) -> list[tuple[int, int]]:
    """Where the links are. Only words with a sign that every link has are looked at closely: it is most of the cost."""
    spans: list[tuple[int, int]] = []
    if "." not in text and "/" not in text:
        return spans
    for word in _WORDS.finditer(text):
        written = word[0]
        if "." in written or "/" in written:
            start = word.start()
            spans += [(start + found.start(), start + found.end()) for found in _LINKS.finditer(written)]
    return spans


def links_in(text: str) -> list[str]:
    """The links and e-mail addresses of a text, which folding leaves as they are."""
    return [text[start:end] for start, end in _link_spans(text)]


def _fold_plain(text: str) -> str:
    if _COMBINING.search(text):
        text = unicodedata.normalize("NFC", text)
    return text.translate(_TRANSLATION)


def fold_to_gsm(text: str, *, unknown: str | None = None) -> str:
    """`text` in characters GSM 03.38 has, links and addresses untouched; folding twice changes nothing.

    Characters without a near form (emoji, other scripts) stay and make `segment(…, "gsm")` raise, unless
    `unknown` gives what to put in their place, "" to drop them. Control characters are removed, a tab
    becomes a space.
    """
    while internal_codes(text) is None:
        folded = _fold_once(text)
        if folded == text:
            break
        text = folded  # once more: what looked like a link may have lost its looks, as in "μ.gr°"
    if unknown is None or internal_codes(text) is not None:
        return text
    return "".join(character if character in GSM_CHARACTERS else unknown for character in text)


def _fold_once(text: str) -> str:
    text = strip_controls(text.replace("\u0085", "\n"))
    pieces, last = [], 0
    for start, end in _link_spans(text):
        pieces += [_fold_plain(text[last:start]), text[start:end]]
        last = end
    pieces.append(_fold_plain(text[last:]))
    return "".join(pieces)
