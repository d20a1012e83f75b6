"""Viva and PayPal speak the documented shapes, and misbehave when told to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from simulators.client import Refused
from simulators.payer import Till
from simulators.paypal.testing import PayPal
from simulators.paypal.testing import running as paypal_running
from simulators.viva.testing import running as viva_running
from tests.support.listener import Listener, listening

VIVA_OAUTH = ("keryx-laptop.apps.vivapayments.com", "laptop-only")
VIVA_BASIC = ("5f2c1a52-1d7e-4a7c-9d0a-2f6a5d0c7e11", "laptop-only")
PAYPAL_OAUTH = ("keryx-laptop", "laptop-only")
WEBHOOK_ID = "8PT597110X687430LKGECATA"


@pytest.fixture(scope="module")
def viva() -> Iterator[Till]:
    with viva_running(
        sim_success_url="http://shop.test/ok", sim_failure_url="http://shop.test/no?x=1"
    ) as till:
        yield till


@pytest.fixture(scope="module")
def paypal() -> Iterator[PayPal]:
    with paypal_running() as till:
        yield till


def token(url: str, pair: tuple[str, str]) -> httpx.Client:
    """A client with a bearer token from ``url``."""
    answer = httpx.post(url, data={"grant_type": "client_credentials"}, auth=pair).json()
    return httpx.Client(headers={"Authorization": f"Bearer {answer['access_token']}"})


def viva_order(viva: Till, **more: Any) -> tuple[httpx.Client, str]:
    http = token(f"{viva.url}/connect/token", VIVA_OAUTH)
    asked = {"amount": 1240, "merchantTrns": "order-7", **more}
    answer = http.post(f"{viva.url}/checkout/v2/orders", json=asked)
    return http, str(answer.json()["orderCode"])


def paypal_order(paypal: PayPal, **unit: Any) -> tuple[httpx.Client, dict[str, Any]]:
    http = token(f"{paypal.url}/v1/oauth2/token", PAYPAL_OAUTH)
    back = {"return_url": "http://shop.test/ok", "cancel_url": "http://shop.test/no"}
    asked = {
        "intent": "CAPTURE",
        "purchase_units": [
            {"custom_id": "order-7", "amount": {"currency_code": "EUR", "value": "12.40"}, **unit}
        ],
        "payment_source": {"paypal": {"experience_context": back}},
    }
    return http, http.post(f"{paypal.url}/v2/checkout/orders", json=asked).json()


def capture(http: httpx.Client, paypal: PayPal, order: str, key: str = "k") -> httpx.Response:
    url = f"{paypal.url}/v2/checkout/orders/{order}/capture"
    return http.post(url, json={}, headers={"PayPal-Request-Id": key})


def test_viva_takes_cents_and_tells_euros(viva: Till) -> None:
    viva.reset()
    http, code = viva_order(viva)
    assert len(code) == 16
    back = httpx.URL(viva.click(f"{viva.url}/web/checkout?ref={code}", "pay"))
    assert (back.path, back.params["s"]) == ("/ok", code)
    found = http.get(f"{viva.url}/checkout/v2/transactions/{back.params['t']}").json()
    assert (found["amount"], found["statusId"], found["currencyCode"]) == (12.4, "F", "978")
    assert (found["orderCode"], found["merchantTrns"]) == (int(code), "order-7")
    event = json.loads(viva.webhooks()[0]["body"])
    assert (event["EventTypeId"], event["EventData"]["Amount"]) == (1796, 12.4)


def test_viva_lets_a_declined_payer_try_again_and_one_who_turned_back_too(viva: Till) -> None:
    viva.reset()
    _, code = viva_order(viva)
    page = f"{viva.url}/web/checkout?ref={code}"
    assert viva.click(page, "decline").startswith("http://shop.test/no?x=1&t=")
    assert "t=" not in viva.click(page, "cancel")
    assert viva.click(page, "pay").startswith("http://shop.test/ok?t=")
    assert [one["kind"] for one in viva.webhooks()] == ["1798", "1796"]
    with pytest.raises(Refused, match="410"):
        viva.click(page, "pay")


def test_viva_gives_back_in_parts_and_never_more_than_was_paid(viva: Till) -> None:
    viva.reset()
    _, code = viva_order(viva)
    paid = httpx.URL(viva.click(f"{viva.url}/web/checkout?ref={code}", "pay")).params["t"]

    def refund(amount: int) -> dict[str, Any]:
        url = f"{viva.url}/api/transactions/{paid}"
        answer: dict[str, Any] = httpx.delete(url, params={"amount": amount}, auth=VIVA_BASIC).json()
        return answer

    assert refund(1000)["Success"] is True
    assert refund(241)["ErrorCode"] == 403
    assert refund(240)["ErrorCode"] == 0
    listed = httpx.get(f"{viva.url}/api/transactions/", params={"ordercode": code}, auth=VIVA_BASIC).json()
    assert [(t["StatusId"], t["Amount"], t["ParentId"]) for t in listed["Transactions"]] == [
        ("R", 12.4, None),
        ("F", 10.0, paid),
        ("F", 2.4, paid),
    ]


def test_viva_knows_nobody_without_credentials(viva: Till) -> None:
    assert httpx.post(f"{viva.url}/connect/token", auth=("x", "y")).status_code == 400
    assert httpx.post(f"{viva.url}/checkout/v2/orders", json={"amount": 1000}).status_code == 401
    assert httpx.get(f"{viva.url}/api/messages/config/token").status_code == 401


def test_paypal_moves_money_only_at_the_capture_and_once(paypal: PayPal) -> None:
    paypal.reset()
    http, order = paypal_order(paypal)
    assert order["status"] == "PAYER_ACTION_REQUIRED"
    assert capture(http, paypal, order["id"], "early").json()["details"][0]["issue"] == "ORDER_NOT_APPROVED"
    back = httpx.URL(paypal.click(order["links"][1]["href"], "pay"))
    assert back.params["token"] == order["id"]
    first, again = capture(http, paypal, order["id"]), capture(http, paypal, order["id"])
    assert (first.status_code, first.content) == (201, again.content)
    other = capture(http, paypal, order["id"], "another key")
    assert (other.status_code, other.json()["details"][0]["issue"]) == (422, "ORDER_ALREADY_CAPTURED")
    kinds = [one["kind"] for one in paypal.webhooks()]
    assert kinds == ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED"]


def test_paypal_declines_at_the_capture_and_takes_another_instrument(paypal: PayPal) -> None:
    paypal.reset()
    http, order = paypal_order(paypal)
    paypal.click(order["links"][1]["href"], "decline")
    assert capture(http, paypal, order["id"]).json()["details"][0]["issue"] == "INSTRUMENT_DECLINED"
    paypal.click(order["links"][1]["href"], "pay")
    assert capture(http, paypal, order["id"]).status_code == 201


def test_paypal_takes_money_under_an_invoice_once(paypal: PayPal) -> None:
    paypal.reset()
    for expected in (201, 422):
        http, order = paypal_order(paypal, invoice_id="one-invoice")
        paypal.click(order["links"][1]["href"], "pay")
        assert capture(http, paypal, order["id"]).status_code == expected


def test_paypal_knows_its_own_hand_byte_for_byte(paypal: PayPal) -> None:
    paypal.reset()
    http, order = paypal_order(paypal)
    paypal.click(order["links"][1]["href"], "pay")
    (event,) = paypal.webhooks()
    sent = {name.removeprefix("PAYPAL-").lower().replace("-", "_"): v for name, v in event["headers"].items()}
    told = json.dumps({**sent, "webhook_id": WEBHOOK_ID})[:-1]

    def verdict(body: str) -> str:
        url = f"{paypal.url}/v1/notifications/verify-webhook-signature"
        answer = http.post(url, content=f'{told}, "webhook_event": {body}}}'.encode())
        return str(answer.json()["verification_status"])

    assert verdict(event["body"]) == "SUCCESS"
    assert verdict(json.dumps(json.loads(event["body"]))) == "FAILURE"
    assert verdict(event["body"].replace("12.40", "99.40")) == "FAILURE"


def test_webhooks_come_until_taken_twice_late_and_out_of_order_on_request(viva: Till) -> None:
    viva.reset()
    codes = []
    with listening() as listener:
        viva.webhooks(hold=True, copies=2, url=listener.url, retry_ms=10)
        for _ in range(2):
            _, code = viva_order(viva)
            viva.click(f"{viva.url}/web/checkout?ref={code}", "pay")
            codes.append(int(code))
        assert {one["state"] for one in viva.webhooks()} == {"held"}
        viva.release("newest")
        assert order_codes(listener) == [codes[1], codes[1], codes[0], codes[0]]
        viva.again(viva.webhooks()[0]["n"])
        assert order_codes(listener)[4:] == [codes[0]]
        listener.answers = [500, 302]
        viva.webhooks(hold=False, copies=1)
        _, code = viva_order(viva)
        viva.click(f"{viva.url}/web/checkout?ref={code}", "pay")
        assert viva.wait(taken=3)[2]["statuses"] == [500, 302, 200]
        assert [json.loads(body)["RetryCount"] for body in listener.bodies[-3:]] == [0, 1, 2]
    viva.webhooks(url="", retry_ms=500)


def order_codes(listener: Listener) -> list[int]:
    return [json.loads(body)["EventData"]["OrderCode"] for body in listener.bodies]


def test_faults_hit_the_provider_and_never_the_hand_that_steers(paypal: PayPal) -> None:
    paypal.reset()
    paypal.faults(refuse=1, only="/v1")
    assert httpx.post(f"{paypal.url}/v1/oauth2/token").status_code == 503
    paypal.faults(drop=1, only="/v1")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{paypal.url}/v1/oauth2/token")
    assert httpx.post(f"{paypal.url}/v1/oauth2/token").status_code == 401
    with pytest.raises(Refused, match="bad_faults"):
        paypal.faults(refuse=-1)
