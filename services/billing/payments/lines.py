"""A line of a bank statement, whatever the file it came in. Pure: amounts in whole cents, the key that makes it one line."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from . import rf
from .errors import BadStatement

MAX_TEXT = 1_000

_DECIMAL = re.compile(r"[+-]?[0-9]{1,13}(\.[0-9]{1,10})?")


@dataclass(frozen=True)
class Line:
    """One movement of a bank account. ``cents`` is negative for money that went out; ``reversal``: the bank undid one.

    ``key`` is the same whenever the same line comes again, in this statement or another.
    """

    account: str
    booked_on: date
    cents: int
    currency: str
    reversal: bool
    payer: str
    text: str
    bank_reference: str
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
    """The lines of one statement with their keys: of the bank's reference where it gives one, else of all the line says.

    Without a reference, lines that say the same are told apart by their number within the statement, which holds whole
    days; with one, they are one line that the file repeats.
    """
    seen: Counter[str] = Counter()
    keyed = []
    for line in lines:
        said = _said(line)
        seen[said] += 0 if line.bank_reference else 1
        keyed.append(replace(line, key=f"{line.account}/{_digest(f'{said}|{seen[said]}')}"))
    return keyed


def _said(line: Line) -> str:
    """What makes a line what it is. The bank's reference alone is not enough: some give a reversal that of its payment."""
    common = (line.booked_on.isoformat(), str(line.cents), line.currency, str(line.reversal))
    own = ("ref", line.bank_reference) if line.bank_reference else ("text", line.payer, line.text)
    return "|".join((*common, *own))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def tidy(text: str) -> str:
    """One line of printable characters, of a bearable length."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_TEXT]
