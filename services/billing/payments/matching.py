"""Whether a payment is for an order, exactly: then it is credited; else a person decides. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..orders.domain import PAID_STATES


@dataclass(frozen=True)
class Claim:
    """What came in, and what it says it is for. ``reference`` None: it names no order by itself."""

    amount_cents: int
    currency: str
    reference: str | None = None


@dataclass(frozen=True)
class Due:
    """What an order expects."""

    amount_cents: int
    currency: str
    reference: str
    state: str


def reason_to_review(claim: Claim, due: Due | None) -> str | None:
    """None when the payment pays exactly this order, which still waits for it; else the stable code of why not."""
    if due is None:
        return "unknown_order"
    if claim.amount_cents <= 0:
        return "not_a_payment"
    if claim.reference is not None and claim.reference != due.reference:
        return "reference_differs"
    if claim.currency != due.currency:
        return "currency_differs"
    if claim.amount_cents != due.amount_cents:
        return "amount_differs"
    if due.state in PAID_STATES:
        return "order_paid_already"
    return "order_cancelled" if due.state == "cancelled" else None
