"""The back office of payments: what came in, and what a person decides about what did not match."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from .. import audit, ledger
from ..orders import domain, ordering, paying
from ..orders.errors import UnknownOrder
from ..orders.models import Order
from ..orders.settings import OrderSettings
from ..queries import as_time
from . import matching, receive, rf
from .errors import DepositDecided, DepositDiffers, NotReversible, UnknownDeposit
from .models import Payment, Refund

# What a person may overrule: money that is exactly an order's, although it did not say so or the client had given up.
_OVERRULED = (None, "order_cancelled")


def page(
    session: Any, state: str | None, provider: str | None, before: int | None, limit: int
) -> dict[str, Any]:
    """Payments of every kind, newest first."""
    wanted = select(Payment).order_by(Payment.id.desc()).limit(limit + 1)
    if state is not None:
        wanted = wanted.where(Payment.state == state)
    if provider is not None:
        wanted = wanted.where(Payment.provider == provider)
    if before is not None:
        wanted = wanted.where(Payment.id < before)
    rows = session.scalars(wanted).all()
    data = [shown(row) for row in rows[:limit]]
    return {"data": data, "next_cursor": str(data[-1]["id"]) if len(rows) > limit else None}


def confirm(
    session: Any,
    rules: OrderSettings,
    payment_id: int,
    order_id: int | None,
    account_id: int | None,
    note: str | None,
) -> dict[str, Any]:
    """Credit a payment under review: for an order of exactly its amount, or for an account by an order over what came.

    Raises UnknownDeposit, DepositDecided, UnknownOrder, DepositDiffers.
    """
    row = _under_review(session, payment_id)
    if account_id is not None:
        _refuse_uncreditable(row)
        order = ordering.over_received(session, rules, account_id, row.amount_cents)
    else:
        order = _named(session, order_id)
        _refuse_different(row, order)
    row.note = note
    audit.note(
        session, "deposit_confirmed", order.account_id, payment_id=row.id, order_id=order.id, note=note
    )
    paying.pay(session, order, row)
    return shown(row)


def dismiss(session: Any, payment_id: int, note: str) -> dict[str, Any]:
    """Take a payment off the review list without crediting it: it was sent back, or is not about credit at all.

    Raises UnknownDeposit, DepositDecided.
    """
    row = _under_review(session, payment_id)
    row.state, row.reason, row.note, row.decided_at = "dismissed", None, note, func.now()
    session.flush()
    audit.note(session, "deposit_dismissed", payment_id=row.id, note=note)
    return shown(row)


def reverse(session: Any, payment_id: int, note: str) -> dict[str, Any]:
    """Take back what a bank deposit credited: it was another's. Its order is refunded, and it is under review again.

    Raises UnknownDeposit, DepositDecided, NotReversible, Spent when the account has the credit no more.
    """
    row = _locked(session, payment_id)
    if row.state != "credited" or row.order_id is None:
        raise DepositDecided("This deposit was not credited.")
    if row.provider != "bank":
        raise NotReversible("Refund its order instead: the provider gives the money back.")
    order = _named(session, row.order_id)
    in_hand = session.scalar(
        select(func.count()).where(Refund.order_id == order.id, Refund.state.in_(("requested", "in_doubt")))
    )
    if order.refunded_cents or in_hand:
        raise NotReversible("Part of its order was refunded, or is about to be.")
    ledger.reverse_payment(session, order.account_id, order.credit, *paying.cause_of(row), "reversed")
    row.state, row.reason, row.note, row.order_id = "review", "reversed", note, None
    row.round += 1
    session.flush()
    audit.note(session, "deposit_reversed", order.account_id, payment_id=row.id, order_id=order.id, note=note)
    share = domain.refund_share(paying.amounts_of(order), order.credit, 0, order.gross_cents)
    paying.give_back(session, order, share)
    return shown(row)


def shown(row: Payment) -> dict[str, Any]:
    """A payment as the operator sees it."""
    return {
        "id": row.id,
        "provider": row.provider,
        "transaction_id": row.transaction_id,
        "state": row.state,
        "reason": row.reason,
        "amount_cents": row.amount_cents,
        "currency": row.currency,
        "order_id": row.order_id,
        "reference": row.order_reference,
        "payer": row.payer,
        "text": row.remittance,
        "booked_on": row.booked_on.isoformat() if row.booked_on else None,
        "statement_id": row.statement_id,
        "note": row.note,
        "received_at": as_time(row.received_at),
    }


def _locked(session: Any, payment_id: int) -> Payment:
    row = receive.locked(session, payment_id)
    if row is None:
        raise UnknownDeposit("There is no such deposit.")
    return row


def _under_review(session: Any, payment_id: int) -> Payment:
    row = _locked(session, payment_id)
    if row.state != "review":
        raise DepositDecided(f"This deposit is {row.state}.")
    return row


def _named(session: Any, order_id: int | None) -> Order:
    order = paying.locked(session, order_id) if order_id is not None else None
    if order is None:
        raise UnknownOrder("There is no such order.")
    return order


def _refuse_uncreditable(row: Payment) -> None:
    if row.amount_cents <= 0:
        raise DepositDiffers("Nothing came in by it: it can only be dismissed.")
    if row.currency != "EUR":
        raise DepositDiffers(f"It is in {row.currency}: it can only be dismissed.")


def _refuse_different(row: Payment, order: Order) -> None:
    _refuse_uncreditable(row)
    claim = matching.Claim(row.amount_cents, row.currency)
    due = matching.Due(order.gross_cents, order.currency, rf.reference(order.id), order.state)
    reason = matching.reason_to_review(claim, due)
    if reason not in _OVERRULED:
        raise DepositDiffers(f"It does not pay this order: {reason}. Confirm it for the account instead.")
