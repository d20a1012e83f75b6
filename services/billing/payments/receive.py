"""The one place that credits what comes in. Everything that a provider or a bank tells ends here, once, and is never dropped.

Whatever is delivered twice, late, out of order or by two replicas at once gives the same balances: a payment is a row, once
per provider and transaction; it is locked, compared with its order, and either pays it or is put down for review.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from servicekit import logs
from servicekit.database import cursor_of

from .. import audit, metrics
from ..orders import paying
from ..orders.models import Order
from . import matching, rf
from .models import Checkout, Payment, Refund
from .port import ProviderPayment

log = logs.get(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of a payment. ``known``: it was dealt with before, and nothing changed; ``open``: it is not final."""

    state: Literal["credited", "review", "known", "open", "failed"]
    order_id: int | None = None
    reason: str | None = None


def receive(session: Any, provider: str, payment: ProviderPayment) -> Outcome:
    """Deal with ``payment`` as ``Provider.fetch`` told it (never as a webhook did), in the caller's transaction.

    ``paid`` credits its order when order, reference, amount and currency agree exactly, else it is put down for review.
    ``refunded`` and ``disputed`` change no balance by themselves: what we did not ask for is put down for review.
    """
    order_id = _order_of(session, provider, payment.provider_order)
    if payment.state == "pending":
        return Outcome("open", order_id)
    if payment.state == "failed":
        return Outcome("failed", order_id)
    if payment.state in ("refunded", "disputed"):
        return _taken_back(session, provider, payment, order_id)
    values = {
        "transaction_id": payment.transaction_id,
        "provider_order": payment.provider_order,
        "order_reference": payment.order_reference,
        "amount_cents": payment.amount_cents,
        "currency": payment.currency,
    }
    payment_id = _store(session, provider, "received", **values)
    row = locked(session, payment_id)
    if row is None or row.state != "received":
        return Outcome("known", order_id)
    return settle(session, row, order_id, payment.order_reference)


def is_awaited(session: Any, provider: str, provider_order: str | None) -> bool:
    """Whether the whole price, paid now by that provider's order, would be credited; false for one that is not ours."""
    order_id = _order_of(session, provider, provider_order) if provider_order else None
    due = _due(session.get(Order, order_id)) if order_id is not None else None
    if due is None:
        return False
    exactly = matching.Claim(due.amount_cents, due.currency, due.reference)
    return matching.reason_to_review(exactly, due) is None


def settle(session: Any, row: Payment, order_id: int | None, reference: str | None) -> Outcome:
    """Decide a locked payment that is ``received``: credit the order, or say why somebody must look."""
    order = paying.locked(session, order_id) if order_id is not None else None
    claim = matching.Claim(row.amount_cents, row.currency, reference)
    reason = matching.reason_to_review(claim, _due(order))
    if reason is None and order is not None:
        paying.pay(session, order, row)
        return Outcome("credited", order.id)
    return put_to_review(session, row, order, reason or "unknown_order")


def put_to_review(session: Any, row: Payment, order: Order | None, reason: str) -> Outcome:
    """Keep a payment that does not match for a person to decide; ``order`` is the one it may be for."""
    row.state, row.reason = "review", reason
    row.order_id = order.id if order is not None else None
    session.flush()
    audit.note(
        session,
        "payment_to_review",
        order.account_id if order is not None else None,
        payment_id=row.id,
        provider=row.provider,
        amount_cents=row.amount_cents,
        currency=row.currency,
        reason=reason,
        order_id=row.order_id,
    )
    metrics.payments_to_review.labels(row.provider, reason).inc()
    log.warning("payment_to_review", payment_id=row.id, provider=row.provider, reason=reason)
    return Outcome("review", row.order_id, reason)


def locked(session: Any, payment_id: int) -> Payment | None:
    """The payment, locked until the transaction ends."""
    found: Payment | None = session.scalar(
        select(Payment)
        .where(Payment.id == payment_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


def _due(order: Order | None) -> matching.Due | None:
    if order is None:
        return None
    return matching.Due(order.gross_cents, order.currency, rf.reference(order.id), order.state)


def _order_of(session: Any, provider: str, provider_order: str) -> int | None:
    """Our order behind a provider's; only the checkout is believed, since two installations may share a merchant."""
    found: int | None = session.scalar(
        select(Checkout.order_id).where(
            Checkout.provider == provider, Checkout.provider_order == provider_order
        )
    )
    return found


def _store(session: Any, provider: str, state: str, **values: Any) -> int:
    """The id of the row of (provider, transaction), made now or before by whoever was first."""
    made: int | None = session.scalar(
        insert(Payment)
        .values(provider=provider, state=state, **values)
        .on_conflict_do_nothing(constraint="payments_once")
        .returning(Payment.id)
    )
    if made is not None:
        return made
    known: int = session.scalar(
        select(Payment.id).where(
            Payment.provider == provider, Payment.transaction_id == values["transaction_id"]
        )
    )
    return known


def _taken_back(session: Any, provider: str, payment: ProviderPayment, order_id: int | None) -> Outcome:
    """A refund or a dispute: ours is known; any other is a row of its own, negative, for review.

    Its row is not the payment's, so that it makes no difference which of the two is heard of first. A dispute is of the whole
    amount; of refunds, which the provider tells as one sum, a row is what was added to it.
    """
    before, cents = 0, payment.amount_cents
    if payment.state == "refunded":
        before, cents = _given_back_elsewhere(session, provider, payment, order_id)
    if cents <= 0:
        return Outcome("known", order_id)
    payment_id = _store(
        session,
        provider,
        "received",
        transaction_id=f"{payment.transaction_id}:{payment.state}:{before + cents}",
        provider_order=payment.provider_order,
        order_reference=payment.order_reference,
        amount_cents=-cents,
        currency=payment.currency,
    )
    row = locked(session, payment_id)
    if row is None or row.state != "received":
        return Outcome("known", order_id)
    order = paying.locked(session, order_id) if order_id is not None else None
    return put_to_review(session, row, order, f"{payment.state}_at_provider")


def _given_back_elsewhere(
    session: Any, provider: str, payment: ProviderPayment, order_id: int | None
) -> tuple[int, int]:
    """Cents that somebody else than we gave back of a payment: those entered before, and those to be entered now.

    One transaction at a time reads and enters them. Where the provider does not tell how much, it is all, unless a part
    is known.
    """
    cursor_of(session).execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
        (f"given_back\n{provider}\n{payment.transaction_id}",),
    )
    ours = _sum(
        session,
        select(func.sum(Refund.amount_cents))
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            Payment.provider == provider,
            Payment.transaction_id == payment.transaction_id,
            Refund.state != "failed",
        ),
    )
    before = _sum(
        session,
        select(-func.sum(Payment.amount_cents)).where(
            Payment.provider == provider,
            Payment.order_id == order_id,
            Payment.transaction_id.startswith(f"{payment.transaction_id}:refunded:", autoescape=True),
        ),
    )
    if payment.refunded_cents is not None:
        return before, payment.refunded_cents - ours - before
    return before, 0 if ours or before else payment.amount_cents


def _sum(session: Any, query: Any) -> int:
    return int(session.scalar(query) or 0)
