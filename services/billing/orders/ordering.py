"""What can be done with orders before money moves: made, asked to be paid, cancelled, expired. Plain functions, each in
its caller's transaction; amounts in cents, credit in micro-euro.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from servicekit import idempotency, logs
from servicekit.database import cursor_of

from .. import audit, metrics
from ..errors import InvalidFields
from . import domain, paying, profiles, tax
from .errors import UnknownOrder, UnknownPackage
from .models import Order, Package
from .settings import OrderSettings

log = logs.get(__name__)

_EXPIRE = """
UPDATE orders SET state = 'expired', changed_at = now() WHERE id IN (
    SELECT id FROM orders WHERE state IN ('draft', 'awaiting_payment') AND expires_at <= now()
    ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING id, account_id, method
"""


def create(
    session: Any,
    rules: OrderSettings,
    account_id: int,
    net_cents: int | None,
    package_id: int | None,
    method: str | None,
    key: str | None,
) -> int:
    """A draft over a free net amount or a package, taxed by the account's billing profile; its id. Once per ``key``.

    ``method`` is only what the key stands for besides.

    Raises InvalidFields for an amount out of bounds, UnknownPackage, Conflict("idempotency_key_reused").
    """

    def produce() -> dict[str, int]:
        if package_id is not None:
            package = _package(session, package_id)
            net, credit = package.net_cents, package.credit
        else:
            net = _within(rules, int(net_cents or 0))
            credit = net * domain.MICRO_A_CENT
        order = _draft(session, rules, account_id, credit, net=net)
        order.package_id = package_id
        session.flush()
        return {"id": order.id}

    request = {"net_cents": net_cents, "package_id": package_id, "method": method}
    made = idempotency.remember(session, account_id, key, request, produce, operation="billing.create_order")
    return int(made["id"])


def over_received(session: Any, rules: OrderSettings, account_id: int, gross_cents: int) -> Order:
    """An order over money that is here already, its VAT reckoned out of the gross; locked by being new."""
    order = _draft(session, rules, account_id, 0, gross=gross_cents)
    order.state = domain.move(order.state, "ask_payment")
    session.flush()
    return order


def _draft(
    session: Any, rules: OrderSettings, account_id: int, credit: int, *, net: int = 0, gross: int = 0
) -> Order:
    buyer = profiles.get(session, account_id)
    taxed = tax.tax_of(buyer["country"], buyer["vat_number"], rules.vat_rate)
    amounts = tax.on_net(net, taxed.rate) if net else tax.in_gross(gross, taxed.rate)
    order = Order(
        account_id=account_id,
        state="draft",
        net_cents=amounts.net,
        vat_cents=amounts.vat,
        gross_cents=amounts.gross,
        vat_rate=taxed.rate,
        vat_treatment=taxed.treatment,
        credit=credit or amounts.net * domain.MICRO_A_CENT,
        currency="EUR",
        buyer={name: buyer[name] for name in profiles.FIELDS},
        locale=profiles.locale_of(session, account_id),
        refunded_cents=0,
        expires_at=func.now() + timedelta(days=rules.order_bank_days),
    )
    session.add(order)
    session.flush()
    audit.note(session, "order_created", account_id, order_id=order.id, gross_cents=order.gross_cents)
    return order


def owned(session: Any, account_id: int, order_id: int) -> Order:
    """The account's order, locked. Raises UnknownOrder for one that is not there or another's."""
    order = paying.locked(session, order_id)
    if order is None or order.account_id != account_id:
        raise UnknownOrder("There is no such order.")
    return order


def ask_payment(session: Any, order: Order, method: str, wait: timedelta) -> None:
    """The client will pay a locked order by ``method`` and has ``wait`` from now. Raises WrongState."""
    order.state = domain.move(order.state, "ask_payment")
    changed = order.method != method
    order.method = method
    order.expires_at = func.now() + wait
    order.changed_at = func.now()
    session.flush()
    if changed:
        audit.note(session, "payment_asked", order.account_id, order_id=order.id, method=method)


def cancel(session: Any, account_id: int, order_id: int) -> None:
    """Cancel an order that was not paid; money that comes for it all the same goes to review.

    Raises UnknownOrder, WrongState.
    """
    order = owned(session, account_id, order_id)
    order.state = domain.move(order.state, "cancel")
    order.changed_at = func.now()
    session.flush()
    audit.note(session, "order_cancelled", account_id, order_id=order.id)
    metrics.orders.labels(order.method or "none", "cancelled").inc()


def expire(session: Any, limit: int = 500) -> int:
    """Let go of orders whose time is over, at most ``limit``; returns how many."""
    cursor = cursor_of(session)
    cursor.execute(_EXPIRE, (limit,))
    rows = cursor.fetchall()
    for order_id, account_id, method in rows:
        audit.note(session, "order_expired", account_id, order_id=order_id)
        metrics.orders.labels(method or "none", "expired").inc()
    return len(rows)


def add_package(session: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """A package to be sold from now on; worth its net price when ``wanted`` does not say its ``credit``."""
    wanted = {**wanted, "credit": wanted["credit"] or wanted["net_cents"] * domain.MICRO_A_CENT}
    package = Package(**wanted, active=True)
    session.add(package)
    session.flush()
    audit.note(session, "package_added", package_id=package.id, **wanted)
    return {"id": package.id, **wanted}


def retire_package(session: Any, package_id: int) -> None:
    """Sell it no more; orders that were made keep it. Raises UnknownPackage."""
    package = _package(session, package_id)
    package.active = False
    session.flush()
    audit.note(session, "package_retired", package_id=package_id)


def _package(session: Any, package_id: int) -> Package:
    found = session.scalar(select(Package).where(Package.id == package_id, Package.active))
    if found is None:
        raise UnknownPackage("There is no such package.")
    package: Package = found
    return package


def _within(rules: OrderSettings, net_cents: int) -> int:
    if rules.order_min_cents <= net_cents <= rules.order_max_cents:
        return net_cents
    detail = f"must be from {rules.order_min_cents} to {rules.order_max_cents} cents"
    fault = {"pointer": "/amount", "code": "range", "detail": detail}
    raise InvalidFields("The amount is too small or too large.", [fault])
