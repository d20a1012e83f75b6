"""An order becomes paid, and stops being so: its state, the ledger, the receipt, the event, the audit, in one transaction.

Locks are taken in the same order everywhere: payment, order, balance, receipt series.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from contracts.events import OrderPaid
from servicekit import crashpoints, logs, outbox
from servicekit.database import cursor_of

from .. import audit, ledger, metrics
from ..payments.models import Payment
from . import domain, receipts
from .models import Order
from .tax import Amounts

log = logs.get(__name__)


def locked(session: Any, order_id: int) -> Order | None:
    """The order, locked until the transaction ends; None when there is none."""
    found: Order | None = session.scalar(
        select(Order).where(Order.id == order_id).with_for_update().execution_options(populate_existing=True)
    )
    return found


def pay(session: Any, order: Order, payment: Payment) -> None:
    """Credit a locked order by a locked payment that pays it exactly. Raises WrongState."""
    order.state = domain.move(order.state, "pay")
    order.method = payment.provider
    order.paid_at = order.changed_at = func.now()
    payment.order_id, payment.state, payment.reason = order.id, "credited", None
    payment.decided_at = func.now()
    session.flush()
    ledger.credit_payment(session, order.account_id, order.credit, *cause_of(payment))
    audit.note(
        session,
        "order_paid",
        order.account_id,
        order_id=order.id,
        payment_id=payment.id,
        provider=payment.provider,
        gross_cents=order.gross_cents,
        credit=order.credit,
    )
    receipt = receipts.issue(session, order, "receipt", amounts_of(order))
    _tell(session, order, receipts.label(receipt))
    crashpoints.reach("billing.paying")
    metrics.orders.labels(payment.provider, "paid").inc()
    log.info("order_paid", account_id=order.account_id, order_id=order.id, provider=payment.provider)


def give_back(session: Any, order: Order, share: domain.Share) -> None:
    """Book a refund of a locked, paid order: its state and its credit note; the ledger is the caller's."""
    rest = order.gross_cents - order.refunded_cents - share.amounts.gross
    order.state = domain.move(order.state, "refund_part" if rest else "refund_rest")
    order.refunded_cents += share.amounts.gross
    order.changed_at = func.now()
    session.flush()
    receipts.issue(session, order, "credit_note", share.amounts)


def cause_of(payment: Payment) -> tuple[str, str]:
    """What the ledger knows a payment's credit by: (provider, its transaction), numbered after a reversal."""
    kind = f"{payment.provider}#{payment.round}" if payment.round else payment.provider
    return kind, payment.transaction_id


def amounts_of(order: Order) -> Amounts:
    """Net, VAT and gross of an order."""
    return Amounts(order.net_cents, order.vat_cents, order.gross_cents)


def _tell(session: Any, order: Order, receipt: str) -> None:
    event = OrderPaid(
        account_id=order.account_id,
        order_id=order.id,
        receipt=receipt,
        buyer=order.buyer["name"],
        locale=order.locale,
        emails=_addresses(session, order),
        method=str(order.method),
        net_cents=order.net_cents,
        vat_cents=order.vat_cents,
        gross_cents=order.gross_cents,
        credit=order.credit,
        currency=order.currency,
    )
    outbox.add(session, event, order.account_id)


def _addresses(session: Any, order: Order) -> list[str]:
    """Where the receipt goes: to the billing profile's address, else to those of the low-balance notice."""
    if order.buyer.get("email"):
        return [str(order.buyer["email"])]
    cursor = cursor_of(session)
    cursor.execute("SELECT low_balance_emails FROM accounts WHERE account_id = %s", (order.account_id,))
    row = cursor.fetchone()
    return list(row[0]) if row else []
