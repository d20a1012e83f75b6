"""The read side of orders: one, a page of them, what is sold, the receipt as PDF."""

from __future__ import annotations

import base64
from typing import Any

from sqlalchemy import select

from ..payments import rf
from ..payments.models import Checkout, Refund
from ..queries import as_time
from . import domain, invoicing, pdf, receipts
from .errors import NoReceipt, UnknownOrder
from .models import Order, Package, Receipt
from .settings import Shop

INVOICING: invoicing.Invoicing = invoicing.NoCertifiedProvider()


def one(session: Any, shop: Shop, order_id: int, account_id: int | None = None) -> dict[str, Any]:
    """An order with how to pay it and its receipts. Raises UnknownOrder (another account's too)."""
    order = session.get(Order, order_id)
    if order is None or account_id not in (None, order.account_id):
        raise UnknownOrder("There is no such order.")
    found = session.scalars(select(Receipt).where(Receipt.order_id == order_id).order_by(Receipt.id)).all()
    invoice = INVOICING.invoice_of(order.id) if order.state in domain.PAID_STATES else None
    return {
        **_row(order),
        "buyer": order.buyer,
        "pay_url": _pay_url(session, order),
        "bank": _bank(shop, order),
        "receipts": [_receipt(row) for row in found],
        "refunds": _refunds(session, order_id),
        "invoice": vars(invoice) if invoice else None,
    }


def page(
    session: Any,
    account_id: int | None,
    state: str | None,
    since: Any,
    until: Any,
    before: int | None,
    limit: int,
) -> dict[str, Any]:
    """Orders, newest first, of one account or (operator) of all."""
    wanted = select(Order).order_by(Order.id.desc()).limit(limit + 1)
    if account_id is not None:
        wanted = wanted.where(Order.account_id == account_id)
    if state is not None:
        wanted = wanted.where(Order.state == state)
    if since is not None:
        wanted = wanted.where(Order.created_at >= since)
    if until is not None:
        wanted = wanted.where(Order.created_at < until)
    if before is not None:
        wanted = wanted.where(Order.id < before)
    rows = session.scalars(wanted).all()
    data = [_row(order) for order in rows[:limit]]
    return {"data": data, "next_cursor": str(data[-1]["id"]) if len(rows) > limit else None}


def options(session: Any, shop: Shop, providers: list[str]) -> dict[str, Any]:
    """What can be bought, and how it can be paid."""
    packages = session.scalars(select(Package).where(Package.active).order_by(Package.net_cents)).all()
    return {
        "methods": [*(domain.METHODS_BY_HAND if shop.bank.bank_iban else ()), *providers],
        "min_cents": shop.orders.order_min_cents,
        "max_cents": shop.orders.order_max_cents,
        "currency": "EUR",
        "packages": [
            {
                "id": package.id,
                "name_el": package.name_el,
                "name_en": package.name_en,
                "net_cents": package.net_cents,
                "credit": package.credit,
            }
            for package in packages
        ],
    }


def receipt_pdf(
    session: Any,
    shop: Shop,
    account_id: int,
    order_id: int,
    locale: str | None,
    receipt_id: int | None = None,
) -> dict[str, Any]:
    """``{filename, data_b64}`` of the order's receipt, or of that one of its credit notes; in the order's language.

    Raises UnknownOrder, NoReceipt.
    """
    order = session.get(Order, order_id)
    if order is None or order.account_id != account_id:
        raise UnknownOrder("There is no such order.")
    which = Receipt.kind == "receipt" if receipt_id is None else Receipt.id == receipt_id
    receipt = session.scalar(select(Receipt).where(Receipt.order_id == order_id, which))
    if receipt is None:
        raise NoReceipt("There is no such receipt of this order.")
    data = pdf.receipt(_facts(order, receipt), shop.seller, locale or order.locale)
    return {"filename": f"{receipts.label(receipt)}.pdf", "data_b64": base64.b64encode(data).decode()}


def _facts(order: Order, receipt: Receipt) -> pdf.Facts:
    return pdf.Facts(
        kind=receipt.kind,
        number=receipts.label(receipt),
        issued_at=receipt.issued_at,
        order_id=order.id,
        method=str(order.method),
        buyer=order.buyer,
        net_cents=receipt.net_cents,
        vat_cents=receipt.vat_cents,
        gross_cents=receipt.gross_cents,
        vat_rate=order.vat_rate,
        vat_treatment=order.vat_treatment,
        credit=order.credit if receipt.kind == "receipt" else None,
    )


def _row(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "account_id": order.account_id,
        "state": order.state,
        "method": order.method,
        "package_id": order.package_id,
        "net_cents": order.net_cents,
        "vat_cents": order.vat_cents,
        "gross_cents": order.gross_cents,
        "vat_rate": order.vat_rate,
        "vat_treatment": order.vat_treatment,
        "credit": order.credit,
        "currency": order.currency,
        "refunded_cents": order.refunded_cents,
        "created_at": as_time(order.created_at),
        "expires_at": as_time(order.expires_at),
        "paid_at": as_time(order.paid_at) if order.paid_at else None,
    }


def _pay_url(session: Any, order: Order) -> str | None:
    if order.state != "awaiting_payment":
        return None
    found: str | None = session.scalar(
        select(Checkout.pay_url)
        .where(
            Checkout.order_id == order.id, Checkout.provider == order.method, Checkout.pay_url.is_not(None)
        )
        .order_by(Checkout.id.desc())
        .limit(1)
    )
    return found


def _bank(shop: Shop, order: Order) -> dict[str, Any] | None:
    if order.state != "awaiting_payment" or order.method != "bank":
        return None
    return {
        "iban": shop.bank.bank_iban,
        "holder": shop.bank.bank_holder,
        "bank": shop.bank.bank_name,
        "bic": shop.bank.bank_bic,
        "reference": rf.reference(order.id),
        "reference_printed": rf.printed(rf.reference(order.id)),
    }


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "id": receipt.id,
        "kind": receipt.kind,
        "number": receipts.label(receipt),
        "gross_cents": receipt.gross_cents,
        "issued_at": as_time(receipt.issued_at),
    }


def _refunds(session: Any, order_id: int) -> list[dict[str, Any]]:
    found = session.scalars(select(Refund).where(Refund.order_id == order_id).order_by(Refund.id)).all()
    names = ("id", "amount_cents", "state", "reason", "error")
    return [
        {**{name: getattr(row, name) for name in names}, "created_at": as_time(row.created_at)}
        for row in found
    ]
