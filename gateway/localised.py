"""Money as people of a locale write it, beside the exact decimal that programs read."""

from __future__ import annotations

from gateway import auth

from .fields import money_text


def shown(micro: int | None) -> str | None:
    """An amount in the language of the calling account; None stays None."""
    return None if micro is None else euro(micro, str(auth.identity().settings.get("locale", "el")))


def euro(micro: int, locale: str) -> str:
    """``1.234,045 €`` in Greek, ``€1,234.045`` in English: all decimals that are not zero, at least two."""
    whole, _, decimals = money_text(abs(micro)).partition(".")
    grouped, sign = f"{int(whole):,}", "-" if micro < 0 else ""
    if locale == "el":
        return f"{sign}{grouped.replace(',', '.')},{decimals} €"
    return f"{sign}€{grouped}.{decimals}"
