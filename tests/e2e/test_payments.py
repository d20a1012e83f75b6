"""Purchases at the simulated Viva and PayPal, from the order to a campaign that the money pays."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from deploy.local.demo.money import micro
from simulators.payer import Till
from simulators.paypal.testing import PayPal
from tests.support.waiting import eventually

from .shop import PRICE, Keryx, Shop, numbers

pytestmark = pytest.mark.e2e

both = pytest.mark.parametrize("method", ["viva", "paypal"])


@dataclass
class Purchase:
    """An order with its page open at a provider."""

    keryx: Keryx
    shop: Shop
    till: Till
    method: str
    order: dict[str, Any]

    @property
    def provider_order(self) -> str:
        """The provider's id of it."""
        (values,) = parse_qs(urlsplit(self.order["pay_url"]).query).values()
        return values[0]

    def click(self, action: str) -> str:
        """Press a button on the page; where the browser is sent."""
        return self.till.click(self.order["pay_url"], action)

    def state(self) -> str:
        """Of the order now."""
        return str(self.shop.get(f"/orders/{self.order['id']}")["state"])

    def paid(self) -> None:
        """Wait until the order is paid, and its credit there, once."""
        eventually(lambda: self.state() == "paid", 20, 0.1, "the order paid")
        assert self.shop.money() == (micro("10.00"), 0)

    def reviewed(self) -> list[str]:
        """Why payments of this provider order wait for a person."""
        rows = self.keryx.operator.get("/operator/deposits", state="review")["data"]
        return [row["reason"] for row in rows if row["order_id"] == self.order["id"]]


@dataclass
class Tills:
    """The providers of the running stack, behaving well."""

    keryx: Keryx
    by_method: dict[str, Till]

    def buy(self, method: str) -> Purchase:
        """A new shop without money orders credit of 10.00 €."""
        shop = self.keryx.shop(money=0)
        order = shop.post("/orders", {"amount": "10.00", "method": method}, 201)
        assert (order["state"], order["gross"]) == ("awaiting_payment", "12.40")
        return Purchase(self.keryx, shop, self.by_method[method], method, order)


@pytest.fixture
def tills(keryx: Keryx, told: dict[str, str]) -> Tills:
    made = {"viva": Till(told["KERYX_VIVA_URL"]), "paypal": PayPal(told["KERYX_PAYPAL_URL"])}
    for till in made.values():
        till.reset()
        till.webhooks(retry_ms=200)
    return Tills(keryx, made)


def page(location: str) -> str:
    """Follow a payer's browser to our page; its state."""
    answer = httpx.get(location, timeout=20)
    found = re.search(r'data-state="(\w+)"', answer.text)
    assert found, answer.text
    return found[1]


@both
def test_a_purchase_at_the_hosted_page_ends_in_a_campaign_paid_by_it(tills: Tills, method: str) -> None:
    purchase = tills.buy(method)
    shop = purchase.shop
    back = purchase.click("pay")
    assert page(back) == "paid"
    purchase.paid()
    campaign = shop.draft({"numbers": numbers(40)})
    shop.start(campaign)
    finished = shop.finished(campaign)
    assert finished["counts"]["delivered"] == 40
    shop.settled(micro("10.00") - 40 * PRICE)
    assert tills.keryx.operator.get("/operator/books")["zero_sum"] is True


@both
def test_a_payer_who_never_comes_back_has_paid_all_the_same(tills: Tills, method: str) -> None:
    purchase = tills.buy(method)
    purchase.click("pay")
    purchase.paid()


@both
def test_webhooks_twice_late_and_out_of_order_credit_once(tills: Tills, method: str) -> None:
    purchase = tills.buy(method)
    purchase.till.webhooks(hold=True, copies=2)
    back = purchase.click("pay")
    assert page(back) == "paid"
    purchase.till.release("newest")
    purchase.till.again()
    assert {200} >= {status for one in purchase.till.webhooks() for status in one["statuses"]}
    purchase.paid()


@both
def test_another_amount_waits_for_a_person_and_credits_nobody(tills: Tills, method: str) -> None:
    purchase = tills.buy(method)
    back = purchase.till.pay_as_told(purchase.provider_order, amount=1)
    assert page(back) == "waiting"
    assert purchase.reviewed() == ["amount_differs"]
    assert (purchase.state(), purchase.shop.money()) == ("awaiting_payment", (0, 0))


@both
def test_another_currency_waits_for_a_person_and_credits_nobody(tills: Tills, method: str) -> None:
    purchase = tills.buy(method)
    currency = "826" if method == "viva" else "GBP"
    assert page(purchase.till.pay_as_told(purchase.provider_order, currency=currency)) == "waiting"
    assert purchase.reviewed() == ["currency_differs"]
    assert purchase.shop.money() == (0, 0)


def test_forged_webhooks_credit_nobody(tills: Tills) -> None:
    viva, paypal = tills.buy("viva"), tills.buy("paypal")
    data = {"TransactionId": "997ab1e3-d1d5-4c5b-a1b1-5d5e7d3a9b77", "OrderCode": int(viva.provider_order)}
    lie = {"EventTypeId": 1796, "EventData": {**data, "StatusId": "F", "Amount": 12.4, "CurrencyCode": "978"}}
    assert told_to(tills.keryx, "viva", lie).status_code == 200
    event = {"id": "WH-1", "event_type": "CHECKOUT.ORDER.APPROVED", "resource": {"id": paypal.provider_order}}
    assert told_to(tills.keryx, "paypal", event).status_code == 403
    names = ("TRANSMISSION-ID", "TRANSMISSION-TIME", "TRANSMISSION-SIG", "CERT-URL", "AUTH-ALGO")
    signed = {f"PAYPAL-{name}": "x" for name in names}
    assert told_to(tills.keryx, "paypal", event, **signed).status_code == 403
    assert told_to(tills.keryx, "viva", ["garbage"]).status_code == 400
    for purchase in (viva, paypal):
        assert (purchase.state(), purchase.shop.money()) == ("awaiting_payment", (0, 0))


def told_to(keryx: Keryx, provider: str, body: Any, **headers: str) -> httpx.Response:
    """Anybody's POST to the webhook's address."""
    raw = json.dumps(body).encode()
    return httpx.post(f"{keryx.url}/payments/{provider}/webhook", content=raw, headers=headers, timeout=20)


def test_viva_finds_its_key_under_the_webhook_s_address(tills: Tills) -> None:
    answer = httpx.get(f"{tills.keryx.url}/payments/viva/webhook", timeout=20)
    assert (answer.status_code, len(answer.json()["Key"])) == (200, 40)


@both
def test_a_declined_payer_is_led_back_to_the_page_and_can_pay(tills: Tills, method: str) -> None:
    purchase = tills.buy(method)
    answer = httpx.get(purchase.click("decline"), timeout=20)
    assert 'data-state="not_paid"' in answer.text
    assert purchase.order["pay_url"].replace("&", "&amp;") in answer.text
    assert page(purchase.click("cancel")) == "not_paid"
    assert page(purchase.click("pay")) == "paid"
    purchase.paid()


@both
def test_a_provider_that_is_away_is_said_to_be_and_the_order_stays_payable(tills: Tills, method: str) -> None:
    shop, till = tills.keryx.shop(money=0), tills.by_method[method]
    till.faults(refuse=3)
    refusal = shop.post("/orders", {"amount": "10.00", "method": method}, 503)
    assert refusal["code"] == "payment_provider_down"
    till.faults(refuse=0)
    (order,) = shop.get("/orders")["data"]
    order = shop.post(f"/orders/{order['id']}/pay", {"method": method})
    purchase = Purchase(tills.keryx, shop, till, method, order)
    purchase.click("pay")
    purchase.paid()


@both
def test_billing_killed_between_the_provider_s_word_and_the_credit_credits_once(
    tills: Tills, method: str
) -> None:
    purchase = tills.buy(method)
    points: Path = tills.keryx.run / "crash-points"
    (points / "billing.fetched").write_text("kill", encoding="ascii")
    purchase.click("pay")
    eventually(lambda: (points / "billing.fetched.fired").exists(), 20, 0.1, "billing killed")
    (points / "billing.fetched.fired").unlink()
    purchase.paid()
    assert tills.keryx.operator.get("/operator/books")["zero_sum"] is True


@both
def test_a_refund_goes_back_to_the_payer_and_leaves_the_balance(tills: Tills, method: str) -> None:
    purchase = tills.buy(method)
    page(purchase.click("pay"))
    purchase.paid()
    refund = tills.keryx.operator.post(
        f"/operator/orders/{purchase.order['id']}/refund", {"amount": "6.20", "reason": "half"}, 201
    )
    assert refund["state"] == "done"
    assert purchase.shop.money() == (micro("5.00"), 0)
    purchase.till.again()
    assert purchase.reviewed() == []
    assert purchase.state() == "partly_refunded"
