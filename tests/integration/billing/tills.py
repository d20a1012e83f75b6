"""Orders paid at simulated providers, without the service around: what the tests of payments share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from servicekit.database import Database, cursor_of
from services.billing.orders import ordering
from services.billing.orders.settings import OrderSettings, Shop
from services.billing.payments import checkout, told
from services.billing.payments.paypal import PayPal, PayPalSettings
from services.billing.payments.registry import Registry
from services.billing.payments.viva import Viva, VivaSettings
from simulators.payer import Till
from simulators.paypal.testing import running as paypal_running
from simulators.viva.testing import running as viva_running

VIVA = VivaSettings(
    viva_client_id="keryx-laptop.apps.vivapayments.com",
    viva_client_secret="laptop-only",
    viva_merchant_id="5f2c1a52-1d7e-4a7c-9d0a-2f6a5d0c7e11",
    viva_api_key="laptop-only",
)
PAYPAL = PayPalSettings(
    paypal_client_id="keryx-laptop",
    paypal_client_secret="laptop-only",
    paypal_webhook_id="8PT597110X687430LKGECATA",
    payments_url="http://shop.test/payments",
)
SHOP = Shop(OrderSettings())
PARAMETERS = {"viva": "s", "paypal": "token"}


def viva_at(url: str) -> Viva:
    """The adapter of a simulator."""
    return Viva(replace(VIVA, viva_accounts_url=url, viva_api_url=url, viva_url=url))


def paypal_at(url: str) -> PayPal:
    """The adapter of a simulator."""
    return PayPal(replace(PAYPAL, paypal_url=url))


@dataclass
class Opened:
    """An order that waits for its payment at a provider's page."""

    order_id: int
    provider_order: str
    pay_url: str
    gross_cents: int
    credit: int


@dataclass
class Tills:
    """Both providers, and billing's side of them on a database."""

    db: Database
    tills: dict[str, Till]
    registry: Registry

    def order(self, method: str, account_id: int, net_cents: int = 1000) -> Opened:
        """An order of the account with its page open."""
        with self.db.transaction() as session:
            order_id = ordering.create(session, SHOP.orders, account_id, net_cents, None, method, None)
        checkout.ask(self.db, self.registry, SHOP, account_id, order_id, method)
        with self.db.transaction() as session:
            cursor = cursor_of(session)
            cursor.execute(
                "SELECT o.id, c.provider_order, c.pay_url, o.gross_cents, o.credit"
                " FROM orders o JOIN checkouts c ON c.order_id = o.id WHERE o.id = %s",
                (order_id,),
            )
            return Opened(*cursor.fetchone())

    def deliver(self, method: str, webhook: dict[str, Any]) -> str:
        """A webhook as it would go out now; what came of it."""
        return told.webhook(self.db, self.registry, method, webhook["headers"], webhook["body"].encode())

    def come_back(self, method: str, location: str) -> dict[str, Any]:
        """A payer's browser that follows ``location``."""
        parts = urlsplit(location)
        paid = parts.path.endswith("/return")
        order = parse_qs(parts.query)[PARAMETERS[method]][0]
        return told.returned(self.db, self.registry, method, order, paid)

    def make_due(self) -> None:
        """Let the sweep look at every checkout that it still looks at."""
        with self.db.transaction() as session:
            cursor_of(session).execute(
                "UPDATE checkouts SET next_check_at = now() WHERE next_check_at IS NOT NULL"
            )


@contextmanager
def open_tills(db: Database) -> Iterator[Tills]:
    """Simulators of both providers, which send webhooks nowhere by themselves."""
    back = "http://shop.test/payments/viva"
    urls = {"sim_success_url": f"{back}/return", "sim_failure_url": f"{back}/cancel"}
    with viva_running(**urls) as viva, paypal_running() as paypal:
        for till in (viva, paypal):
            till.webhooks(hold=True)
        registry = Registry({"viva": viva_at(viva.url), "paypal": paypal_at(paypal.url)})
        yield Tills(db, {"viva": viva, "paypal": paypal}, registry)
