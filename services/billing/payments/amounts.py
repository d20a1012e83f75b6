"""Amounts and currencies as providers write them, read exactly."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

NUMBERS = {
    "978": "EUR", "826": "GBP", "840": "USD", "975": "BGN", "946": "RON", "985": "PLN", "203": "CZK", "348": "HUF",
    "752": "SEK", "208": "DKK", "756": "CHF", "578": "NOK",
}  # fmt: skip
"""ISO 4217 numbers that Viva may name; another one stays a number and so equals no currency of ours."""
MOST_EURO = Decimal(10**10)


def cents(value: Any) -> int | None:
    """Cents of an amount in major units (a number or a decimal string); None when it is none or has parts of cents.

    A float of JSON is read by its shortest decimal form, which is what was written: 30.1 is 3010 and not 3009.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
        if not amount.is_finite() or abs(amount) > MOST_EURO:
            return None
        whole = amount * 100
        return int(whole) if whole == whole.to_integral_value() else None
    except InvalidOperation:
        return None


def decimal_text(amount_cents: int) -> str:
    """Cents as a decimal string in major units with two decimals; for amounts ≥ 0."""
    return f"{amount_cents // 100}.{amount_cents % 100:02d}"


def letters(number: Any) -> str:
    """ISO 4217 letters of Viva's number (a string, or a number in old answers)."""
    return NUMBERS.get(str(number), str(number))
