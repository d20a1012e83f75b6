"""Texts with placeholders: `Αγαπητέ {%firstname:klitiki|φίλε}, …`, compiled once and rendered for each
recipient.

    {%name}  {%name:modifier}  {%name:modifier|fallback}  {%link:https://…}  {%%} for a literal {%

Names are those of FIELDS, or labels the account has given its custom fields (matched without regard to case
and accents). The fallback is used, as it is, when the value is missing or blank; without one nothing is. A
value goes into the text as data: whatever it holds is never read as a template, and its control characters
and line breaks become spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import NamedTuple

from .errors import TemplateError
from .gsm import CONTROLS
from .titles import title_vocative
from .vocative import Kind, vocative

FIELDS = (
    "firstname",
    "lastname",
    "title",
    "mobile",
    "email",
    "custom1",
    "custom2",
    "custom3",
    "custom4",
    "unsubscribe",
)
"""Canonical names: the placeholders, and the keys of the fields given to `render` (beside "vocative")."""

Fields = Mapping[str, str | None]
_Piece = str | Callable[[Fields], str]

_INFLECTED = frozenset(("firstname", "lastname", "title", "custom1", "custom2", "custom3", "custom4"))
_URL = re.compile(r"https?://[^\s{}|]+\.[^\s{}|]+", re.IGNORECASE).fullmatch
_SPACES = re.compile(r"[\s\x00-\x1f]+")


def _folded(name: str) -> str:
    """Case and accents do not matter in names: people write the label of a field from memory."""
    letters = unicodedata.normalize("NFD", name.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).replace("ς", "σ")


def clean_value(value: str | None) -> str:
    """A field's value as it may stand in a text: no line breaks, no control characters, no blanks around."""
    if not value:
        return ""
    if value.isprintable():
        return value.strip()
    return CONTROLS.sub("", _SPACES.sub(" ", value)).strip()


def _capital(letter: str) -> str:
    marks = unicodedata.normalize("NFD", letter)
    kept = "".join(mark for mark in marks if not unicodedata.combining(mark) or mark == "\u0308")
    return unicodedata.normalize("NFC", kept.upper())


_GREEK_CAPITALS = {code: _capital(chr(code)) for code in (*range(0x0370, 0x0400), *range(0x1F00, 0x2000))}


def upper(value: str) -> str:
    """Capitals as Greek writes them: without accents, dialytika kept."""
    return unicodedata.normalize("NFC", value).translate(_GREEK_CAPITALS).upper()


def title_case(value: str) -> str:
    """First letter of each word a capital, the rest small: "ΑΝΝΑ-ΜΑΡΙΑ" → "Αννα-Μαρια". No accents are
    invented.
    """
    return re.sub(
        r"[^\W\d_]+(?:['’][^\W\d_]+)*", lambda word: word[0][0].upper() + word[0][1:].lower(), value
    )


_MODIFIERS = {"klitiki": "klitiki", "κλητικη": "klitiki", "upper": "upper", "title": "title"}
_LETTER_CASE: dict[str, Callable[[str], str]] = {"upper": upper, "title": title_case}


class Link(NamedTuple):
    """A `{%link:…}`: the address, and the field ("link1", "link2", …) that may carry what stands for it."""

    field: str
    url: str


class Template:
    """A compiled text; build with `compile_template`. Immutable, safe to share between threads."""

    __slots__ = ("_pieces", "links", "placeholders", "source")

    def __init__(
        self, source: str, pieces: list[_Piece], placeholders: tuple[str, ...], links: tuple[Link, ...]
    ) -> None:
        self.source = source
        self.placeholders = placeholders
        self.links = links
        self._pieces = pieces

    def render(self, fields: Fields) -> str:
        """The text for one recipient. `fields`: values by the names in FIELDS; "vocative" overrides what
        klitiki makes of the first name; "link1", … what stands for a link, else its own address does.
        Unknown keys are ignored.
        """
        return "".join([piece if piece.__class__ is str else piece(fields) for piece in self._pieces])  # type: ignore[operator]


def compile_template(text: str, labels: Mapping[str, str] | None = None) -> Template:
    """Compile a text. `labels`: further names → one of FIELDS, as the account has named its custom fields.

    `placeholders` of the result are the FIELDS used, each once, in order. Raises TemplateError with code
    "unclosed", "empty_name", "unknown_placeholder", "unknown_modifier", "modifier_not_allowed", "nested" or
    "bad_link".
    """
    names = {name: name for name in FIELDS}
    for label, field in (labels or {}).items():
        if field not in FIELDS:
            raise ValueError(f"label {label!r} stands for no field: {field!r}")
        names.setdefault(_folded(label), field)
    return _Compiler(text, names).compile()


class _Compiler:
    def __init__(self, text: str, names: dict[str, str]) -> None:
        self._text = text
        self._names = names
        self._pieces: list[_Piece] = []
        self._loose: list[str] = []
        self._used: dict[str, None] = {}
        self._links: list[Link] = []

    def compile(self) -> Template:
        start = 0
        while (opening := self._text.find("{%", start)) >= 0:
            self._literal(self._text[start:opening])
            closing = self._text.find("}", opening)
            if closing < 0:
                raise TemplateError("unclosed", opening, "a placeholder is not closed with }")
            self._placeholder(opening + 2, closing)
            start = closing + 1
        self._literal(self._text[start:])
        self._settle()
        return Template(self._text, self._pieces, tuple(self._used), tuple(self._links))

    def _literal(self, text: str) -> None:
        self._loose.append(text)

    def _piece(self, piece: _Piece) -> None:
        self._settle()
        self._pieces.append(piece)

    def _settle(self) -> None:
        """Put the literals gathered so far down as one piece."""
        if text := "".join(self._loose):
            self._pieces.append(text)
        self._loose = []

    def _placeholder(self, start: int, end: int) -> None:
        body = self._text[start:end]
        if body == "%":
            self._literal("{%")
            return
        if (nested := body.find("{%")) >= 0:
            raise TemplateError("nested", start + nested, "a placeholder cannot stand inside another")
        if body.strip().lower().startswith("link:"):
            self._link(body, start)
            return
        expression, bar, fallback = body.partition("|")
        name, *modifiers = expression.split(":")
        field = self._field(name, start)
        self._used[field] = None
        self._piece(_piece(field, self._steps(field, name, modifiers, start), fallback if bar else ""))

    def _field(self, name: str, position: int) -> str:
        if not name.strip():
            raise TemplateError("empty_name", position, "a placeholder has no name")
        field = self._names.get(_folded(name))
        if field is None:
            raise TemplateError("unknown_placeholder", position, f"unknown placeholder {name.strip()[:40]!r}")
        return field

    def _steps(self, field: str, name: str, modifiers: list[str], start: int) -> list[str]:
        steps: list[str] = []
        position = start + len(name) + 1
        for modifier in modifiers:
            step = _MODIFIERS.get(_folded(modifier))
            if step is None:
                raise TemplateError(
                    "unknown_modifier", position, f"unknown modifier {modifier.strip()[:40]!r}"
                )
            if step == "klitiki" and (field not in _INFLECTED or steps):
                raise TemplateError(
                    "modifier_not_allowed", position, f"klitiki cannot be applied to {field} here"
                )
            steps.append(step)
            position += len(modifier) + 1
        return steps

    def _link(self, body: str, start: int) -> None:
        position = start + body.index(":") + 1
        url = body.partition(":")[2].strip()
        if not _URL(url):
            raise TemplateError(
                "bad_link", position, "a link is an address that starts with http:// or https://"
            )
        link = Link(f"link{len(self._links) + 1}", url)
        self._links.append(link)
        self._piece(lambda fields: fields.get(link.field) or link.url)


def _piece(field: str, steps: list[str], fallback: str) -> _Piece:
    """The function that gives one placeholder's text; specialised once here so that rendering does not decide
    again.
    """
    read = _inflected(field) if "klitiki" in steps else None
    cases = [_LETTER_CASE[step] for step in steps if step in _LETTER_CASE]
    if read is None and not cases:
        return lambda fields: clean_value(fields.get(field)) or fallback

    def piece(fields: Fields) -> str:
        value = clean_value(fields.get(field)) if read is None else read(fields)
        for change in cases:
            value = change(value)
        return value or fallback

    return piece


def _inflected(field: str) -> Callable[[Fields], str]:
    """The vocative of a field: an override for the first name; a title by the gender of who has it."""
    if field == "firstname":
        return lambda fields: (
            clean_value(fields.get("vocative")) or vocative(clean_value(fields.get("firstname")))
        )
    if field == "title":
        return lambda fields: title_vocative(
            clean_value(fields.get("title")),
            clean_value(fields.get("firstname")),
            clean_value(fields.get("lastname")),
        )
    kind: Kind = "surname" if field == "lastname" else "first"
    return lambda fields: vocative(clean_value(fields.get(field)), kind)
