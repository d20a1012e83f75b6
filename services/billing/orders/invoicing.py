"""The port to invoicing. What billing issues itself is a receipt of payment, and it says so.

Since 2 February 2026 (large businesses) and 1 October 2026 (all others) invoices between Greek businesses must be issued
through a provider that the tax authority certified, or through its own application; sending them to myDATA by oneself is
not enough. An installation that has a contract with one writes an adapter with this one method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Invoice:
    """What became of an order's invoice. ``mark`` is the tax authority's number (ΜΑΡΚ) of one that was issued."""

    issued: bool
    reason: str | None = None
    detail: str | None = None
    mark: str | None = None


class Invoicing(Protocol):
    """Whatever issues legal invoices."""

    def invoice_of(self, order_id: int) -> Invoice:
        """The invoice of a paid order, issued when it was not yet; the same order again is the same invoice."""


class NoCertifiedProvider:
    """Issues nothing and says why: the only one that comes with Keryx."""

    def invoice_of(self, order_id: int) -> Invoice:
        """Never issued."""
        return Invoice(
            issued=False,
            reason="no_certified_provider",
            detail="Legal e-invoicing (myDATA) needs a certified provider; the receipt is not a tax document.",
        )
