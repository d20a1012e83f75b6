"""A tariff: what one part costs by destination, frozen when a campaign is priced.

Billing makes it, campaigns and dispatcher carry it, and all three read it by this one rule, so that an estimate,
a hold and a bill cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Tariff:
    """``prices`` are (prefix in digits, micro-euro a part); ``id`` names the version of the list."""

    id: str
    currency: str
    prices: tuple[tuple[str, int], ...]

    @cached_property
    def _by_prefix(self) -> dict[str, int]:
        return dict(self.prices)

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        return tuple(sorted({len(prefix) for prefix in self._by_prefix}, reverse=True))

    def price(self, msisdn: str) -> int | None:
        """Micro-euro for one part to ``msisdn`` by the longest prefix that fits; None when no price is set."""
        table = self._by_prefix
        for length in self._lengths:
            price = table.get(msisdn[:length])
            if price is not None:
                return price
        return None

    def to_data(self) -> dict[str, Any]:
        """JSON-able form."""
        return {"id": self.id, "currency": self.currency, "prices": [list(row) for row in self.prices]}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Tariff:
        """Read what ``to_data`` wrote."""
        return cls(data["id"], data["currency"], tuple((str(p), int(m)) for p, m in data["prices"]))
