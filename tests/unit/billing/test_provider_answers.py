"""Answers of providers that are not in the documented shape: nothing is made of them that was not said."""

from __future__ import annotations

from typing import Any

import httpx

from services.billing.payments.viva import Viva, VivaSettings

CHARGE, REFUND = "997ab1e3-d1d5-4c5b-a1b1-5d5e7d3a9b77", "11111111-d1d5-4c5b-a1b1-5d5e7d3a9b77"
ORDER = 2271655739472609
NEVER_HEARD_OF = 13


def viva(answers: dict[str, Any]) -> Viva:
    """With a Viva that answers by the end of the path; a token to whoever asks, 404 to what is not among ``answers``."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/connect/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        known = answers.get(request.url.path.rpartition("/")[2])
        if isinstance(known, httpx.Response):
            return known
        return httpx.Response(404) if known is None else httpx.Response(200, json=known)

    return Viva(VivaSettings(), httpx.MockTransport(answer))


def shown(amount: float, **more: Any) -> dict[str, Any]:
    return {"orderCode": ORDER, "amount": amount, "statusId": "F", "currencyCode": "978", **more}


def listed(transaction_id: str, amount: float, **more: Any) -> dict[str, Any]:
    row = {"TransactionId": transaction_id, "Amount": amount, "StatusId": "F", "CurrencyCode": "978"}
    return {**row, "TransactionType": {"TransactionTypeId": 5}, **more}


def test_a_refund_of_a_kind_nobody_told_us_of_is_no_payment_even_when_it_is_named_as_one() -> None:
    back = listed(REFUND, 3.0, ParentId=CHARGE, TransactionType={"TransactionTypeId": NEVER_HEARD_OF})
    search = {"ErrorCode": 0, "Transactions": [listed(CHARGE, 10.0), back]}
    answers = {"": search, CHARGE: shown(10.0), REFUND: shown(3.0, transactionTypeId=NEVER_HEARD_OF)}
    (payment,) = viva(answers).fetch(None, REFUND)
    assert (payment.transaction_id, payment.amount_cents, payment.refunded_cents) == (CHARGE, 1000, 300)


def test_viva_s_ids_have_one_spelling_here_whatever_it_writes() -> None:
    back = listed(REFUND.upper(), 3.0, ParentId=CHARGE.replace("-", ""))
    search = {"ErrorCode": 0, "Transactions": [listed(CHARGE.upper(), 10.0), back, listed("7", 1.0), "x"]}
    (payment,) = viva({"": search, CHARGE: shown(10.0)}).fetch(str(ORDER))
    assert (payment.transaction_id, payment.refunded_cents) == (CHARGE, 300)


def test_a_hint_that_is_no_id_names_nothing() -> None:
    assert viva({"7": shown(10.0), "99999999": shown(10.0)}).fetch(None, "99999999") == []
