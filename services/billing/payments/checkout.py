"""How an order is asked to be paid: the bank's reference, or the page that a provider opens for it.

No transaction is open while a provider is asked. Killed in between, the order waits without a page, and asking again opens
one under the same key; a page that was opened is never forgotten, because only a stored one is shown to anybody.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from servicekit import logs
from servicekit.database import Database, cursor_of

from ..orders import ordering
from ..orders.models import Order
from ..orders.settings import Shop
from . import rf
from .models import Checkout
from .port import Opened, OrderToPay
from .registry import MethodNotOffered, Registry

log = logs.get(__name__)

SAME_PAGE_FOR = timedelta(minutes=20)
"""A page is shown again for so long; providers close theirs after half an hour or more."""

FIRST_CHECK = timedelta(minutes=2)

_KEEP = """
UPDATE checkouts SET provider_order = %s, pay_url = %s, next_check_at = now() + %s
WHERE id = %s AND provider_order IS NULL
"""


def refuse_unoffered(registry: Registry, shop: Shop, method: str) -> None:
    """Raises MethodNotOffered for a method that this installation does not take money by."""
    if method != "bank":
        registry.get(method)
    elif not shop.bank.bank_iban:
        raise MethodNotOffered("This installation does not take this method of payment.")


def ask(db: Database, registry: Registry, shop: Shop, account_id: int, order_id: int, method: str) -> None:
    """Make the order wait for its payment by ``method``; afterwards it tells how to pay.

    Raises UnknownOrder, WrongState, MethodNotOffered, ProviderDown, ProviderRefused.
    """
    with db.transaction() as session:
        order = ordering.owned(session, account_id, order_id)
        refuse_unoffered(registry, shop, method)
        if method == "bank":
            ordering.ask_payment(session, order, method, timedelta(days=shop.orders.order_bank_days))
            return
        ordering.ask_payment(session, order, method, timedelta(hours=shop.orders.order_card_hours))
        checkout = _checkout(session, order, method)
        to_pay = _to_pay(order, checkout.key)
    if checkout.provider_order is None:
        opened = registry.get(method).open(to_pay)
        with db.transaction() as session:
            _keep(session, checkout, opened)
        log.info("checkout_opened", account_id=account_id, order_id=order_id, provider=method)


def _checkout(session: Any, order: Order, provider: str) -> Checkout:
    """The checkout that is young enough to be shown, or one to be opened."""
    mine = (Checkout.order_id == order.id, Checkout.provider == provider)
    young = session.scalar(
        select(Checkout)
        .where(*mine, Checkout.created_at > func.now() - SAME_PAGE_FOR)
        .order_by(Checkout.id.desc())
        .limit(1)
    )
    if young is not None:
        found: Checkout = young
        return found
    count = session.scalar(select(func.count()).select_from(Checkout).where(*mine))
    made = Checkout(order_id=order.id, provider=provider, key=f"{provider}-order-{order.id}-{count + 1}")
    session.add(made)
    session.flush()
    return made


def _keep(session: Any, checkout: Checkout, opened: Opened) -> None:
    cursor = cursor_of(session)
    cursor.execute(_KEEP, (opened.provider_order, opened.pay_url, FIRST_CHECK, checkout.id))
    if cursor.rowcount:
        return
    # Two asked at once and the provider made an order for each: both are ours, whichever is paid.
    cursor.execute(
        "INSERT INTO checkouts (order_id, provider, key, provider_order, pay_url, next_check_at)"
        " VALUES (%s, %s, %s, %s, %s, now() + %s) ON CONFLICT (provider, provider_order) DO NOTHING",
        (
            checkout.order_id,
            checkout.provider,
            f"{checkout.key}:{opened.provider_order}",
            opened.provider_order,
            opened.pay_url,
            FIRST_CHECK,
        ),
    )


def _to_pay(order: Order, key: str) -> OrderToPay:
    greek = order.locale == "el"
    return OrderToPay(
        reference=rf.reference(order.id),
        amount_cents=order.gross_cents,
        currency=order.currency,
        description=f"Keryx: {'παραγγελία' if greek else 'order'} {order.id}",
        locale=order.locale,
        key=key,
        email=order.buyer.get("email"),
    )
