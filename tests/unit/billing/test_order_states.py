"""The states of an order, and which payments pay it by themselves."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import get_args

import pytest

from services.billing.orders.domain import PAID_STATES, STATES, Command, WrongState, move
from services.billing.payments.matching import Claim, Due, reason_to_review

DUE = Due(12_400, "EUR", "RF340000000042", "awaiting_payment")
CLAIM = Claim(12_400, "EUR", "RF340000000042")


def ways() -> dict[tuple[str, str], str]:
    found = {}
    for state, command in itertools.product(STATES, get_args(Command)):
        try:
            found[state, command] = move(state, command)
        except WrongState:
            continue
    return found


def test_an_order_goes_these_ways_and_no_other() -> None:
    assert ways() == {
        ("draft", "ask_payment"): "awaiting_payment",
        ("draft", "pay"): "paid",
        ("draft", "cancel"): "cancelled",
        ("draft", "expire"): "expired",
        ("awaiting_payment", "ask_payment"): "awaiting_payment",
        ("awaiting_payment", "pay"): "paid",
        ("awaiting_payment", "cancel"): "cancelled",
        ("awaiting_payment", "expire"): "expired",
        ("expired", "pay"): "paid",
        ("cancelled", "pay"): "paid",
        ("paid", "refund_part"): "partly_refunded",
        ("paid", "refund_rest"): "refunded",
        ("partly_refunded", "refund_part"): "partly_refunded",
        ("partly_refunded", "refund_rest"): "refunded",
    }


@pytest.mark.parametrize("state", ["draft", "awaiting_payment", "expired"])
def test_what_agrees_exactly_pays_even_late(state: str) -> None:
    assert reason_to_review(CLAIM, replace(DUE, state=state)) is None
    assert reason_to_review(replace(CLAIM, reference=None), replace(DUE, state=state)) is None


@pytest.mark.parametrize(
    ("claim", "due", "reason"),
    [
        (CLAIM, None, "unknown_order"),
        (replace(CLAIM, amount_cents=12_399), DUE, "amount_differs"),
        (replace(CLAIM, amount_cents=12_401), DUE, "amount_differs"),
        (replace(CLAIM, amount_cents=-12_400), DUE, "not_a_payment"),
        (replace(CLAIM, amount_cents=0), DUE, "not_a_payment"),
        (replace(CLAIM, currency="USD"), DUE, "currency_differs"),
        (replace(CLAIM, reference="RF070000000043"), DUE, "reference_differs"),
        (CLAIM, replace(DUE, state="cancelled"), "order_cancelled"),
    ],
)
def test_anything_else_is_for_a_person(claim: Claim, due: Due | None, reason: str) -> None:
    assert reason_to_review(claim, due) == reason


@pytest.mark.parametrize("state", PAID_STATES)
def test_an_order_is_paid_once(state: str) -> None:
    assert reason_to_review(CLAIM, replace(DUE, state=state)) == "order_paid_already"
