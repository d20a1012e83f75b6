"""What the composer tells the writer: which characters make a text Unicode, and what replacing them would
save.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from .errors import name_of
from .folding import TABLE, fold_to_gsm, links_in
from .gsm import internal_codes, not_gsm, strip_controls
from .segments import STANDARD, Encoding, Limits, UsedEncoding, count, segment


class Forcing(NamedTuple):
    """A character that GSM lacks: how often it occurs, and what folding makes of it (None: nothing near;
    remove it).
    """

    character: str
    name: str
    times: int
    replacement: str | None


OptionKind = Literal["replace", "capitals", "remove"]


class Option(NamedTuple):
    """A way to make the text GSM: "replace" (typographic signs and foreign accents only; Greek small letters
    stay, so it is offered only where there are none), "capitals" (fold_to_gsm), "remove" (fold, and drop
    what has no near form).
    """

    kind: OptionKind
    text: str
    parts: int
    saves: int


class Advice(NamedTuple):
    """Count of the text as it is, why it is Unicode if it is, and what could be done: only options that save
    parts.
    """

    encoding: UsedEncoding
    units: int
    parts: int
    remaining: int
    forcing: tuple[Forcing, ...]
    in_links: bool
    options: tuple[Option, ...]

    def as_data(self) -> dict[str, Any]:
        """The same as plain lists and dicts, for JSON."""
        return self._asdict() | {
            "forcing": [forcing._asdict() for forcing in self.forcing],
            "options": [option._asdict() for option in self.options],
        }


def advise(text: str, encoding: Encoding = "auto", *, limits: Limits = STANDARD) -> Advice:
    """Count `text` and find cheaper ways to send it. Control characters are left out, as `strip_controls`
    does.

    `in_links`: a character that forces Unicode stands in a link, which folding does not touch. With
    encoding "gsm" the text is counted after folding when that makes it GSM, else as Unicode with the
    characters that prevent it.
    """
    text = strip_controls(text)
    if encoding == "gsm":
        text, encoding = fold_to_gsm(text), "auto"
    now = segment(text, encoding, limits=limits)
    forcing = _forcing(text)
    in_links = bool(forcing) and any(not_gsm(link) for link in links_in(text))
    options = _options(text, now.parts, limits) if now.encoding == "unicode" else ()
    return Advice(now.encoding, now.units, now.parts, now.remaining, forcing, in_links, options)


def _forcing(text: str) -> tuple[Forcing, ...]:
    times: dict[str, int] = {}
    for character in not_gsm(text):
        times[character] = times.get(character, 0) + 1
    return tuple(
        Forcing(character, name_of(character), number, TABLE.get(ord(character)))
        for character, number in times.items()
    )


def _options(text: str, parts: int, limits: Limits) -> tuple[Option, ...]:
    folded = fold_to_gsm(text)
    greek = any("Ͱ" <= character <= "Ͽ" or "ἀ" <= character <= "\u1fff" for character in not_gsm(text))
    options = []
    if internal_codes(folded) is not None:
        options.append(_option("capitals" if greek else "replace", folded, parts, limits))
    else:
        dropped = fold_to_gsm(text, unknown="")
        options.append(_option("remove", dropped, parts, limits))
    return tuple(option for option in options if option.saves > 0)


def _option(kind: OptionKind, text: str, parts: int, limits: Limits) -> Option:
    fewer = count(text, "gsm", limits=limits).parts
    return Option(kind, text, fewer, parts - fewer)
