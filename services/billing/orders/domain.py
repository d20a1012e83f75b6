"""The rules of orders, without a database: the states an order may go through, and shares of what is given back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contracts.errors import Conflict

from .tax import Amounts

Command = Literal["ask_payment", "pay", "refund_part", "refund_rest", "cancel", "expire"]

MICRO_A_CENT = 10_000
METHODS_BY_HAND = ("bank",)

_OPEN = ("draft", "awaiting_payment")
_WAYS: dict[Command, tuple[tuple[str, ...], str]] = {
    "ask_payment": (_OPEN, "awaiting_payment"),
    # Money that was really paid counts, however late it comes.
    "pay": ((*_OPEN, "expired", "cancelled"), "paid"),
    "refund_part": (("paid", "partly_refunded"), "partly_refunded"),
    "refund_rest": (("paid", "partly_refunded"), "refunded"),
    "cancel": (_OPEN, "cancelled"),
    "expire": (_OPEN, "expired"),
}
STATES = ("draft", "awaiting_payment", "paid", "partly_refunded", "refunded", "expired", "cancelled")
PAID_STATES = ("paid", "partly_refunded", "refunded")


class WrongState(Conflict):
    """The order's state does not allow this now."""

    code = "wrong_state"


def move(state: str, command: Command) -> str:
    """The state that ``command`` leads to from ``state``. Raises WrongState."""
    allowed, target = _WAYS[command]
    if state not in allowed:
        raise WrongState(f"The order is {state}.")
    return target


@dataclass(frozen=True)
class Share:
    """What a refund gives back: cents of the price, micro-euro of the credit."""

    amounts: Amounts
    credit: int


def refund_share(order: Amounts, credit: int, before: int, amount: int) -> Share:
    """The share of net, VAT and credit in ``amount`` gross cents, ``before`` having been given back already.

    Shares are differences of running totals, so that all refunds of an order together are exactly the order.
    """

    def part(of: int, gross: int) -> int:
        return of * gross // order.gross

    net = part(order.net, before + amount) - part(order.net, before)
    taken = part(credit, before + amount) - part(credit, before)
    return Share(Amounts(net, amount - net, amount), taken)
