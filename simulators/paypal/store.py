"""Orders, captures and refunds of one merchant. Amounts are integer cents here, decimal strings where PayPal shows them."""

import re
import secrets
import string
from dataclasses import dataclass, field
from typing import Any

from simulators.webhooks import now_iso

_VALUE = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?", re.ASCII)
_ALPHABET = string.digits + string.ascii_uppercase
MAX_ORDERS = 100_000


@dataclass(frozen=True)
class Merchant:
    """The credentials of an app, the id of its registered webhook, and our address for browsers where it differs."""

    client_id: str
    client_secret: str
    webhook_id: str
    public_url: str = ""


@dataclass
class Refund:
    """Money given back of a capture."""

    id: str
    capture: str
    amount: int
    currency: str
    created: str


@dataclass
class Capture:
    """Money taken, or on its way: COMPLETED, PENDING, DECLINED, PARTIALLY_REFUNDED, REFUNDED."""

    id: str
    order: str
    amount: int
    currency: str
    status: str
    created: str
    refunded: int = 0


@dataclass
class Order:
    """What a payer is asked for. `declines`: the instrument that the payer chose will not pay."""

    id: str
    unit: dict[str, Any]
    return_url: str
    cancel_url: str
    amount: int
    currency: str
    created: str
    status: str = "PAYER_ACTION_REQUIRED"
    declines: bool = False
    captures: list[Capture] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)


class Store:
    """Everything in memory; gone with the process. `next_capture` is the status that the next capture gets."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.captures: dict[str, Capture] = {}
        self.next_capture = "COMPLETED"

    def open(self, unit: dict[str, Any], amount: int, currency: str, back: dict[str, Any]) -> Order:
        """A new order."""
        urls = (str(back.get("return_url", "")), str(back.get("cancel_url", "")))
        order = Order(new_id(), unit, *urls, amount, currency, now_iso(0))
        self.orders[order.id] = order
        if len(self.orders) > MAX_ORDERS:
            del self.orders[next(iter(self.orders))]
        return order

    def capture(self, order: Order) -> Capture:
        """Take the money of an approved order."""
        status, self.next_capture = self.next_capture, "COMPLETED"
        made = Capture(new_id(), order.id, order.amount, order.currency, status, now_iso(0))
        order.captures.append(made)
        order.status = "COMPLETED"
        self.captures[made.id] = made
        return made

    def has_captured_invoice(self, order: Order) -> bool:
        """Whether money was taken under the order's invoice id: PayPal takes none under it again."""
        invoice = order.unit.get("invoice_id")
        others = (self.orders[capture.order] for capture in self.captures.values())
        return invoice is not None and any(other.unit.get("invoice_id") == invoice for other in others)

    def refund(self, capture: Capture, amount: int) -> Refund:
        """Give back a part or all of a capture."""
        made = Refund(new_id(), capture.id, amount, capture.currency, now_iso(0))
        self.orders[capture.order].refunds.append(made)
        capture.refunded += amount
        capture.status = "REFUNDED" if capture.refunded == capture.amount else "PARTIALLY_REFUNDED"
        return made

    def counters(self) -> dict[str, int]:
        """For /metrics."""
        return {"orders_total": len(self.orders), "captures_total": len(self.captures)}


def new_id() -> str:
    """17 digits and capitals, as PayPal's."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(17))


def cents(value: object) -> int | None:
    """Cents of a decimal string with at most two decimals, None for anything else."""
    match = _VALUE.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def money(amount: int, currency: str) -> dict[str, str]:
    """As PayPal writes money."""
    return {"currency_code": currency, "value": f"{amount // 100}.{amount % 100:02d}"}
