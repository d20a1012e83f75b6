"""Answers of providers in every shape: nothing is made of them that was not said, least of all that no money moved."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from services.billing.payments import viva as viva_module
from services.billing.payments.paypal import PayPal, PayPalSettings
from services.billing.payments.port import Provider, ProviderDown, ProviderRefused
from services.billing.payments.viva import Viva, VivaSettings

CHARGE, REFUND = "997ab1e3-d1d5-4c5b-a1b1-5d5e7d3a9b77", "11111111-d1d5-4c5b-a1b1-5d5e7d3a9b77"
ORDER = 2271655739472609
NEVER_HEARD_OF = 13


def answering(answers: dict[str, Any]) -> httpx.MockTransport:
    """Answers by the end of the path; a token to whoever asks, 404 to what is not among ``answers``."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        known = answers.get(request.url.path.rpartition("/")[2])
        if isinstance(known, httpx.Response):
            return known
        return httpx.Response(404) if known is None else httpx.Response(200, json=known)

    return httpx.MockTransport(answer)


def viva(answers: dict[str, Any]) -> Viva:
    return Viva(VivaSettings(), answering(answers))


def paypal(answers: dict[str, Any]) -> PayPal:
    return PayPal(PayPalSettings(), answering(answers))


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


def refund(provider: Provider) -> str:
    return provider.refund(CHARGE, 500, "EUR", "key").refund_id


WENT_BACK = {"ErrorCode": 0, "TransactionId": REFUND}
NO_MORE = {"ErrorCode": 403, "ErrorText": "too much", "TransactionId": None}


@pytest.mark.parametrize("body", [WENT_BACK, {"errorCode": 0, "transactionId": REFUND, "errorText": None}])
def test_viva_s_refund_is_understood_in_either_casing(body: dict[str, Any]) -> None:
    assert refund(viva({CHARGE: body})) == REFUND


@pytest.mark.parametrize(
    "answer",
    [
        *({**WENT_BACK, "ErrorCode": code} for code in ("0", None, False, True, 0.5, [])),
        {"ErrorCode": 0}, {"errorCode": 0, "success": True}, {"TransactionId": REFUND}, {"StatusId": "F"}, {}, [], "gone",
        httpx.Response(200, text="<html>"), httpx.Response(204), httpx.Response(302), httpx.Response(520),
    ],
)  # fmt: skip
def test_an_answer_of_viva_s_that_says_neither_yes_nor_no_leaves_a_refund_in_doubt(answer: Any) -> None:
    with pytest.raises(ProviderDown):
        refund(viva({CHARGE: answer}))


@pytest.mark.parametrize(
    "answer", [NO_MORE, {"errorCode": 403, "errorText": "too much"}, httpx.Response(400, json=NO_MORE)]
)
def test_viva_s_no_is_a_no_with_its_reason(answer: Any) -> None:
    with pytest.raises(ProviderRefused, match="too much"):
        refund(viva({CHARGE: answer}))


@pytest.mark.parametrize(
    "answer",
    [
        {}, [], {"status": "COMPLETED"}, {"id": None}, {"id": 7}, httpx.Response(201, text="<html>"), httpx.Response(204),
        httpx.Response(302), httpx.Response(520),
        httpx.Response(409, json={"details": [{"issue": "PREVIOUS_REQUEST_IN_PROGRESS"}]}),
    ],
)  # fmt: skip
def test_an_answer_of_paypal_s_that_says_neither_yes_nor_no_leaves_a_refund_in_doubt(
    answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.billing.payments.http.PAUSES", ())
    with pytest.raises(ProviderDown):
        refund(paypal({"refund": answer}))


@pytest.mark.parametrize(
    "answer",
    [
        {"id": "R", "status": "FAILED"},
        {"id": "R", "status": "CANCELLED"},
        httpx.Response(422, json={"details": [{"issue": "CAPTURE_FULLY_REFUNDED"}]}),
        httpx.Response(404),
    ],
)
def test_paypal_s_no_is_a_no(answer: Any) -> None:
    with pytest.raises(ProviderRefused):
        refund(paypal({"refund": answer}))


def test_paypal_s_refund_that_takes_its_time_is_a_refund() -> None:
    assert refund(paypal({"refund": {"id": "R", "status": "PENDING"}})) == "R"


class Counting:
    """Answers the next of ``answers`` to each request for the key, and counts them."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        return self.answers.pop(0)


def test_viva_is_left_alone_for_a_while_when_it_does_not_tell_its_key_however_many_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.billing.payments.http.PAUSES", ())
    there = Counting(httpx.Response(503), httpx.Response(200, json={"Key": "K"}))
    provider = Viva(VivaSettings(), httpx.MockTransport(there))
    for _ in range(5):
        with pytest.raises(ProviderDown):
            provider.webhook_key()
    assert there.asked == 1
    now = time.monotonic() + viva_module.KEY_PAUSE_SECONDS
    monkeypatch.setattr(viva_module.time, "monotonic", lambda: now)
    assert [provider.webhook_key() for _ in range(3)] == ["K"] * 3
    assert there.asked == 2


def test_while_viva_is_asked_for_its_key_nobody_else_waits_for_it() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        with pytest.raises(ProviderDown):
            provider.webhook_key()
        return httpx.Response(200, json={"Key": "K"})

    provider = Viva(VivaSettings(), httpx.MockTransport(answer))
    assert provider.webhook_key() == "K"
