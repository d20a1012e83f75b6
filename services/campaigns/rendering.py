"""From a recipient to the message they get: text, alphabet, parts, price. Pure.

The pre-flight and the expander render by this one class, so an estimate and the bill differ by the audience only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from contracts.tariff import Tariff
from smstext import FIELDS, Template, TextError, compile_template, count, fold_to_gsm, segment
from smstext.segments import Encoding

MAX_PARTS = 10
"""Longest message; 10 parts of GSM are 1,530 characters."""

# The values of a member of an audience snapshot, in this order (contacts.audience_page).
MEMBER_FIELDS = (
    "title", "firstname", "lastname", "email", "custom1", "custom2", "custom3", "custom4", "vocative",
)  # fmt: skip


_PLACEHOLDER = re.compile(r"\{%[^}]*\}")
_FOLDED_VALUES = 65_536


@dataclass(frozen=True)
class Wording:
    """What the text of a campaign is made from; ``labels`` are the account's names of its custom fields."""

    text: str
    encoding: Encoding = "auto"
    unsubscribe: bool = False
    labels: Mapping[str, str] | None = None

    def compile(self) -> Template:
        """The template of the text. Raises smstext.TemplateError with a code and a position."""
        return compile_template(self.text, self._known_labels())

    def placeholders(self) -> list[tuple[str, Template]]:
        """The text in pieces, once it is known to compile: ``[(literal before it, one placeholder alone), …]``.

        What stands after the last placeholder comes with an empty template.
        """
        pieces, start, labels = [], 0, self._known_labels()
        for found in _PLACEHOLDER.finditer(self.text):
            pieces.append((self.text[start : found.start()], compile_template(found.group(), labels)))
            start = found.end()
        return [*pieces, (self.text[start:], compile_template(""))]

    def _known_labels(self) -> dict[str, str]:
        return {
            label: name for label, name in (self.labels or {}).items() if name in FIELDS and label.strip()
        }


class Rendered(NamedTuple):
    """A message as it will leave; ``price`` is micro-euro a part.

    With an ``error`` (``erased``, ``text_empty``, ``too_many_parts``, ``no_price``, or a code of smstext.TextError) it never
    leaves, and ``price`` is None.
    """

    msisdn: str
    text: str
    encoding: str
    parts: int
    price: int | None
    error: str | None


class Renderer:
    """Renders the members of one campaign. Compiled once; immutable, so it may be shared."""

    def __init__(self, wording: Wording, public_host: str, tariff: Tariff) -> None:
        """Raises smstext.TemplateError when the text cannot be compiled."""
        self.template = wording.compile()
        self._text_of = _folding(wording) if wording.encoding == "gsm" else self.template.render
        self._price = tariff.price
        self._encoding = wording.encoding
        self._link = unsubscribe_link(wording.text, public_host)
        self._names_link = "unsubscribe" in self.template.placeholders
        self._appends_link = wording.unsubscribe and not self._names_link

    def render(self, member: Sequence[Any]) -> Rendered:
        """The message for ``member`` = ``[ordinal, msisdn, token, values of MEMBER_FIELDS]``. Never raises for data.

        Forced GSM folds Greek to capitals and leaves out what has no form, such as an emoji in a name; links stay.
        """
        msisdn = member[1]
        if not msisdn:  # erased since the audience was frozen
            return Rendered(msisdn, "", self._encoding, 0, None, "erased")
        fields = dict(zip(MEMBER_FIELDS, member[3], strict=True))
        fields["mobile"] = msisdn
        if self._names_link:
            fields["unsubscribe"] = self._link + member[2]
        text = self._text_of(fields)
        is_empty = not text or text.isspace()
        if self._appends_link:
            text = f"{text}\nSTOP: {self._link}{member[2]}"
        try:
            used, _, parts = count(text, self._encoding)
        except TextError as error:
            return Rendered(msisdn, text, self._encoding, 0, None, error.code)
        if is_empty:
            return Rendered(msisdn, text, used, parts, None, "text_empty")
        if parts > MAX_PARTS:
            return Rendered(msisdn, text, used, parts, None, "too_many_parts")
        price = self._price(msisdn)
        return Rendered(msisdn, text, used, parts, price, None if price is not None else "no_price")


def _folding(wording: Wording) -> Callable[[Mapping[str, str | None]], str]:
    """Renders into GSM: literals are folded once, values as they come and remembered.

    Folding whole texts costs 30 µs each, which is more than all the rest; names and places repeat.
    """
    pieces = [(_fold(literal), placeholder) for literal, placeholder in wording.placeholders()]

    def render(fields: Mapping[str, str | None]) -> str:
        return "".join([literal + _fold(one.render(fields)) for literal, one in pieces])

    return render


@lru_cache(_FOLDED_VALUES)
def _fold(text: str) -> str:
    return fold_to_gsm(text, unknown="")


def unsubscribe_link(text: str, public_host: str) -> str:
    """What stands before a recipient's token: ``https://host/u/``, or ``host/u/`` in a text with Greek letters.

    Greek texts have 70 characters an SMS, so eight of them are dear; phones make a link of both.
    """
    scheme, _, host = public_host.rstrip("/").rpartition("://")
    if any("\u0370" <= letter <= "\u03ff" or "\u1f00" <= letter <= "\u1fff" for letter in text):
        return f"{host}/u/"
    return f"{scheme or 'https'}://{host}/u/"


_NOBODY = (1, "306900000000", "x" * 11, [""] * len(MEMBER_FIELDS))  # number and token as long as real ones


def least(wording: Wording, public_host: str) -> dict[str, Any]:
    """How the text counts for somebody of whom nothing is known, the unsubscribe line included.

    ``encoding``, ``units``, ``parts``, ``remaining`` as smstext.segment counts them. For a text that ``check_wording`` passed.
    """
    rendered = Renderer(wording, public_host, Tariff("", "", ())).render(_NOBODY)
    found = segment(rendered.text, wording.encoding)
    return {name: getattr(found, name) for name in ("encoding", "units", "parts", "remaining")}


def check_wording(wording: Wording) -> None:
    """Refuse a text that could be sent to nobody.

    Raises smstext.TemplateError (code, position), smstext.TextError (``not_gsm`` where GSM is forced and folding
    does not help, ``control_characters``), or ValueError whose text is a code: ``text_empty``, ``too_many_parts``.
    """
    template = wording.compile()
    if not wording.text.strip():
        raise ValueError("text_empty")
    least = template.render({})
    if wording.encoding == "gsm":
        least = fold_to_gsm(least)
    if count(least, wording.encoding).parts > MAX_PARTS:
        raise ValueError("too_many_parts")
