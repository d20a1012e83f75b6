"""What the tests of orders and payments say in one word; a provider that answers as it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from servicekit import wire
from servicekit.database import Database, cursor_of
from services.billing.orders import ordering, queries
from services.billing.orders.settings import BankSettings, OrderSettings, SellerSettings, Shop
from services.billing.payments import checkout, importing, receive
from services.billing.payments.port import Hint, Opened, OrderToPay, ProviderPayment, Refunded
from services.billing.payments.receive import Outcome
from services.billing.payments.registry import Registry
from tests.support.statements import IBAN, Entry, camt053

SHOP = Shop(OrderSettings(), BankSettings(IBAN, "Keryx ΑΕ", "Τράπεζα", "BANKGRAA"), SellerSettings())


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Told:
    """A provider over nothing: it opens what it is asked to, and tells and refunds what the test says."""

    name: str = "viva"
    prefix: str = "P-"
    opened: list[OrderToPay] = field(default_factory=list)
    payments: list[ProviderPayment] = field(default_factory=list)
    refunded: list[tuple[str, int, str]] = field(default_factory=list)
    failure: BaseException | None = None
    meanwhile: Callable[[], None] = lambda: None

    def open(self, order: OrderToPay) -> Opened:
        """A page for each key."""
        self.meanwhile()
        if self.failure is not None:
            raise self.failure
        self.opened.append(order)
        return Opened(f"https://pay.example/{order.key}", f"{self.prefix}{order.key}")

    def fetch(
        self, provider_order: str | None = None, transaction_id: str | None = None, *, take: bool = False
    ) -> list[ProviderPayment]:
        """What the test said of it."""
        return [one for one in self.payments if provider_order in (None, one.provider_order)]

    def refund(self, transaction_id: str, amount_cents: int, currency: str, key: str) -> Refunded:
        """Note it, or fail."""
        self.meanwhile()
        if self.failure is not None:
            raise self.failure
        self.refunded.append((transaction_id, amount_cents, key))
        return Refunded(f"R-{key}")

    def read_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> Hint:
        """Nothing to be read here."""
        return Hint("other")


def registry(provider: Told) -> Registry:
    """With this provider alone."""
    return Registry({provider.name: provider})


def new_order(
    db: Database, account_id: int, net_cents: int = 100_00, method: str = "bank", provider: Told | None = None
) -> dict[str, Any]:
    """An order that waits for its payment."""
    known = registry(provider or Told())
    with db.transaction() as session:
        order_id = ordering.create(session, SHOP.orders, account_id, net_cents, None, method, None)
    checkout.ask(db, known, SHOP, account_id, order_id, method)
    return order(db, order_id)


def order(db: Database, order_id: int) -> dict[str, Any]:
    """As it is now."""
    with db.transaction() as session:
        return queries.one(session, SHOP, order_id)


def payment_of(found: dict[str, Any], **changes: Any) -> ProviderPayment:
    """What a provider tells when exactly this order is paid."""
    paid = ProviderPayment(
        transaction_id=uuid4().hex,
        provider_order=f"P-{found['method']}-order-{found['id']}-1",
        state="paid",
        amount_cents=found["gross_cents"],
        currency="EUR",
    )
    return replace(paid, **changes)


def paid_order(db: Database, account_id: int, provider: Told) -> dict[str, Any]:
    """An order of 124.00 that was paid at the provider by the transaction T-<its id>."""
    found = new_order(db, account_id, method="viva", provider=provider)
    deliver(db, payment_of(found, transaction_id=f"T-{found['id']}"))
    return found


def deliver(db: Database, payment: ProviderPayment, provider: str = "viva") -> Outcome:
    """Receive it in a transaction of its own."""
    with db.transaction() as session:
        return receive.receive(session, provider, payment)


def statement(db: Database, entries: Sequence[Entry], version: str = "02") -> dict[str, Any]:
    """Import a statement with these."""
    return importing.take_in(db, camt053(entries, version), "camt053", None, "statement.xml", "test")


def rows(db: Database, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Whatever the database answers."""
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(query, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def paid_events(db: Database, account_id: int) -> list[dict[str, Any]]:
    """The data of every order_paid of the account that waits in the outbox."""
    bodies = rows(db, "SELECT body FROM outbox_0 WHERE routing_key = 'billing.order_paid' ORDER BY id")
    envelopes = [wire.decode(bytes(body)) for (body,) in bodies]
    return [one.data for one in envelopes if one.account_id == account_id]


def audited(db: Database, account_id: int) -> list[str]:
    """Actions on the account in the audit, oldest first."""
    found = rows(db, "SELECT action FROM audit WHERE account_id = %s ORDER BY id", account_id)
    return [action for (action,) in found]
