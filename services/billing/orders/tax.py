"""Value added tax: who pays which, and how it is rounded. Whole cents in, whole cents out, no float.

Directive 2006/112/EC, art. 44 and 196: a taxable person elsewhere in the EU owes the tax itself (reverse charge); art. 58 and
59c: a private person elsewhere in the EU pays the seller's rate (below the yearly threshold of the one-stop shop). What is
sold outside the EU is outside the scope of Greek VAT. A VAT number's *form* is checked, here; whether it is registered only
VIES can say, and nobody asks it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from . import countries

Treatment = Literal["domestic", "reverse_charge", "outside_eu"]

HOME = "GR"
BASIS_POINTS = 10_000

# What follows the country's two letters, as the VIES page of the European Commission lists it.
_FORMS = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "BG": r"\d{9,10}",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z]\d{7}[A-Z0-9]|\d{8}[A-Z]",
    "FI": r"\d{8}",
    "FR": r"[0-9A-HJ-NP-Z]{2}\d{9}",
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d{7}[A-W][A-I]?|\d[A-Z+*]\d{5}[A-W]",
    "IT": r"\d{11}",
    "LT": r"\d{9}|\d{12}",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"\d{9}B\d{2}",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{10}01",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
}
EU = frozenset(HOME if prefix == "EL" else prefix for prefix in _FORMS)


class BadVatNumber(ValueError):
    """Not a VAT number of that country; ``str()`` says why, for people."""


@dataclass(frozen=True)
class Tax:
    """How an order is taxed: ``rate`` in basis points (2400 is 24 %)."""

    treatment: Treatment
    rate: int


@dataclass(frozen=True)
class Amounts:
    """Cents; gross is net plus VAT."""

    net: int
    vat: int
    gross: int


def vat_number(text: str, country: str) -> str:
    """``text`` with its prefix and without spaces, dots and dashes. Raises BadVatNumber.

    In the EU its form must be the country's, in Greece its check digit too; elsewhere any 2 to 20 letters and digits will do.
    A number may come without its prefix.
    """
    plain = re.sub(r"[\s.\-]", "", text).upper()
    if country not in EU:
        if not re.fullmatch(r"[A-Z0-9]{2,20}", plain, re.ASCII):
            raise BadVatNumber("a tax number has 2 to 20 Latin letters and digits")
        return plain
    prefix = "EL" if country == HOME else country
    rest = plain.removeprefix(prefix)
    if country == HOME:
        rest = rest.removeprefix(HOME)
    if not re.fullmatch(_FORMS[prefix], rest, re.ASCII):
        raise BadVatNumber(f"not the form of a VAT number of {country}")
    if country == HOME and not _is_afm(rest):
        raise BadVatNumber("the check digit of this ΑΦΜ is wrong")
    return prefix + rest


def _is_afm(digits: str) -> bool:
    """The Greek tax number's check: the first eight digits by powers of two, modulo 11, modulo 10."""
    total = sum(int(digit) << (8 - place) for place, digit in enumerate(digits[:8]))
    return digits != "0" * 9 and total % 11 % 10 == int(digits[8])


def tax_of(country: str, number: str | None, home_rate: int) -> Tax:
    """What a buyer in ``country`` pays, with a VAT number (of the right form) or without; ``home_rate`` in basis points.

    A code that is no country's, which profiles had before codes were checked, frees nobody of the tax.
    """
    if country not in countries.CODES:
        return Tax("domestic", home_rate)
    if country not in EU:
        return Tax("outside_eu", 0)
    if country != HOME and number is not None:
        return Tax("reverse_charge", 0)
    return Tax("domestic", home_rate)


def on_net(net: int, rate: int) -> Amounts:
    """VAT on a net price, rounded half up to the cent."""
    vat = (net * rate * 2 + BASIS_POINTS) // (2 * BASIS_POINTS)
    return Amounts(net, vat, net + vat)


def in_gross(gross: int, rate: int) -> Amounts:
    """The net and the VAT that are in a gross amount, the net rounded half up to the cent."""
    whole = BASIS_POINTS + rate
    net = (gross * BASIS_POINTS * 2 + whole) // (2 * whole)
    return Amounts(net, gross - net, gross)
