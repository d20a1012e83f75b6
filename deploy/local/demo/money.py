"""Money of the API: decimal euro as text outside, micro-euro here."""

from __future__ import annotations

from decimal import Decimal

MICRO = 1_000_000


def micro(euro: str) -> int:
    """``"0.045"`` → 45000."""
    return int(Decimal(euro) * MICRO)


def euro(amount: int) -> str:
    """45000 → ``"0.045"``: the shortest exact form, two places at least."""
    whole = Decimal(amount) / MICRO
    text = f"{whole:f}"
    return f"{whole:.2f}" if Decimal(f"{whole:.2f}") == whole else text.rstrip("0")


def shown(amount: int) -> str:
    """For people: ``1,234.57 €``."""
    return f"{Decimal(amount) / MICRO:,.2f} €"
