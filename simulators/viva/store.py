"""Orders and transactions of one merchant, and how Viva writes them. Amounts are cents here, euros where Viva says so."""

import itertools
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

PENDING, EXPIRED, CANCELLED, PAID = 0, 1, 2, 3
"""StateId of an order."""
CARD_CHARGE, CARD_REFUND, CARD_VOID = 5, 4, 7
"""TransactionTypeId."""
MAX_ORDERS = 100_000


@dataclass(frozen=True)
class Merchant:
    """Two pairs of credentials, as with the real one, and where its payment source sends payers back to."""

    client_id: str
    client_secret: str
    merchant_id: str
    api_key: str
    success_url: str
    failure_url: str


@dataclass
class Transaction:
    """A charge, successful (F) or not (E), or what was given back of one (`parent`)."""

    id: str
    order_code: int
    amount: int
    currency: str
    status: str
    type: int
    inserted: str
    parent: str | None = None
    refunded: int = 0


@dataclass
class Order:
    """What a payer is asked for, with everything that was tried on it."""

    code: int
    asked: dict[str, Any]
    expires: float
    state: int = PENDING
    transactions: list[Transaction] = field(default_factory=list)

    @property
    def amount(self) -> int:
        """Cents."""
        return int(self.asked["amount"])

    @property
    def currency(self) -> str:
        """ISO 4217 number, as Viva writes it."""
        return str(self.asked.get("currencyCode") or "978")

    def settle(self) -> int:
        """Its state, expired when it is time."""
        if self.state == PENDING and time.time() > self.expires:
            self.state = EXPIRED
        return self.state


class Store:
    """Everything in memory; gone with the process."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.transactions: dict[str, Transaction] = {}
        self._codes = itertools.count(secrets.randbelow(8 * 10**15) + 10**15)

    def open(self, asked: dict[str, Any], timeout: int) -> Order:
        """A new order, with a code of 16 digits."""
        order = Order(next(self._codes), asked, time.time() + timeout)
        self.orders[order.code] = order
        if len(self.orders) > MAX_ORDERS:
            del self.orders[next(iter(self.orders))]
        return order

    def charge(self, order: Order, amount: int, currency: str, succeeds: bool) -> Transaction:
        """A try at paying; a successful one makes the order paid."""
        status = "F" if succeeds else "E"
        made = self._add(order, amount, currency, status, CARD_CHARGE, None)
        if succeeds:
            order.state = PAID
        return made

    def transaction(self, spelled: str) -> Transaction | None:
        """The transaction of a GUID, in capitals or without hyphens as well; None for what is unknown or none."""
        try:
            return self.transactions.get(str(uuid.UUID(spelled)))
        except ValueError:
            return None

    def give_back(self, charge: Transaction, amount: int) -> Transaction:
        """A refund: a transaction of its own; the charge is `R` from then on, whole or in part."""
        order = self.orders[charge.order_code]
        made = self._add(order, amount, charge.currency, "F", CARD_REFUND, charge.id)
        charge.refunded += amount
        charge.status = "R"
        return made

    def _add(
        self, order: Order, amount: int, currency: str, status: str, kind: int, parent: str | None
    ) -> Transaction:
        inserted = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        made = Transaction(str(uuid.uuid4()), order.code, amount, currency, status, kind, inserted, parent)
        order.transactions.append(made)
        self.transactions[made.id] = made
        return made

    def counters(self) -> dict[str, int]:
        """For /metrics."""
        return {"orders_total": len(self.orders), "transactions_total": len(self.transactions)}


def euros(cents: int) -> float:
    """Major units, as transactions and webhooks have them: 3000 cents are 30.0."""
    return cents / 100
