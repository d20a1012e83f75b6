"""A line of a bank statement, whatever the file it came in. Pure: amounts in whole cents, the key that makes it one line."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from . import rf
from .errors import BadStatement

MAX_TEXT = 1_000
NO_REFERENCE = ("", "NONREF", "NOTPROVIDED")
"""What banks write where they give none: the words of SWIFT's field 61 and of ISO 20022."""

_DECIMAL = re.compile(r"[+-]?[0-9]{1,13}(\.[0-9]{1,10})?")


@dataclass(frozen=True)
class Line:
    """One movement of a bank account. ``cents`` is negative for money that went out; ``reversal``: the bank undid one.

    ``part`` is its place in a collective entry, from 1. ``key`` is the same whenever the same line comes again, in this
    statement or another; ``number`` tells lines apart that say the same, from 1.
    """

    account: str
    booked_on: date
    cents: int
    currency: str
    reversal: bool
    payer: str
    text: str
    bank_reference: str
    part: int = 0
    number: int = 1
    key: str = ""

    @property
    def orders(self) -> list[int]:
        """Orders whose references stand in the text."""
        return rf.order_ids(self.text)


def cents(text: str) -> int:
    """A decimal number as whole cents. Raises BadStatement for anything else, fractions of a cent too."""
    if not _DECIMAL.fullmatch(text):
        raise BadStatement(f"not an amount: {text[:30]!r}")
    value = Decimal(text) * 100
    if value != int(value):
        raise BadStatement(f"not an amount in whole cents: {text[:30]!r}")
    return int(value)


def with_keys(lines: Iterable[Line]) -> list[Line]:
    """The lines of one statement with their keys, which are made of all that a line says and never of where it stands.

    The bank's reference alone is not enough: of a batch all its lines have it. Lines that say the same are one that the file
    repeats, if they have a reference and are not several parts of its entry; without one they are told apart by their number
    within the statement, which holds whole days.
    """
    seen: dict[str, dict[int, int]] = {}
    keyed = []
    for place, line in enumerate(lines):
        said = _said(line)
        numbers = seen.setdefault(said, {})
        number = numbers.setdefault(line.part if _is_named(line) else place, len(numbers) + 1)
        keyed.append(replace(line, number=number, key=f"{line.account}/{_digest(f'{said}|{number}')}"))
    return keyed


def earlier_key(line: Line) -> str | None:
    """The key that a line with a reference had before its words counted; several lines may have the same."""
    if not line.bank_reference:
        return None
    part = f"#{line.part}" if line.part else ""
    said = "|".join((*_common(line), "ref", f"{line.bank_reference}{part}"))
    return f"{line.account}/{_digest(f'{said}|0')}"


def without_known(lines: Sequence[Line], known: Mapping[str, tuple[str, str]]) -> list[Line]:
    """The lines but those that are stored by their earlier keys; ``known`` has payer and text of what is, by that key."""
    of_key = {earlier_key(line): line for line in lines}
    stored = Counter(
        (of_key[key].account, _said(replace(of_key[key], payer=payer, text=text)))
        for key, (payer, text) in known.items()
    )
    return [line for line in lines if line.number > stored[line.account, _said(line)]]


def _is_named(line: Line) -> bool:
    return line.bank_reference.upper() not in NO_REFERENCE


def _said(line: Line) -> str:
    """What makes a line what it is."""
    if line.bank_reference:
        own = ("all", json.dumps([line.bank_reference, line.payer, line.text]))
    else:
        own = ("text", f"{line.payer}|{line.text}")
    return "|".join((*_common(line), *own))


def _common(line: Line) -> tuple[str, ...]:
    """Some banks give a reversal the reference of its payment."""
    return line.booked_on.isoformat(), str(line.cents), line.currency, str(line.reversal)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def tidy(text: str) -> str:
    """One line of printable characters, of a bearable length."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_TEXT]
