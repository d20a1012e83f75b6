"""The adapters against the simulators, over sockets: what the port promises, on both providers alike."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from services.billing.payments import http
from services.billing.payments.paypal import PayPal, PayPalSettings
from services.billing.payments.port import (
    ForgedWebhook,
    OrderToPay,
    Provider,
    ProviderDown,
    ProviderPayment,
    ProviderRefused,
)
from services.billing.payments.viva import Viva, VivaSettings
from simulators.payer import Till
from simulators.paypal.testing import PayPal as PayPalTill
from simulators.paypal.testing import running as paypal_running
from simulators.viva.testing import running as viva_running
from tests.integration.billing.processes import ROOT

pytestmark = pytest.mark.integration

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


@dataclass
class Shop:
    """A provider's adapter and the hand on its simulator."""

    provider: Provider
    till: Till

    def open(self, amount: int = 1240, **more: Any) -> Any:
        """A new order of ours, opened there."""
        asked = OrderToPay(f"RF18{uuid4().hex[:12].upper()}", amount, "EUR", "Μηνύματα", "el", uuid4().hex)
        return self.provider.open(replace(asked, **more))

    def pay(self, amount: int = 1240, **more: Any) -> ProviderPayment:
        """An order that was opened and paid at the page."""
        opened = self.open(amount, **more)
        self.till.click(opened.pay_url, "pay")
        (payment,) = self.provider.fetch(opened.provider_order, take=True)
        return payment

    def webhook(self, index: int = -1) -> tuple[dict[str, str], bytes]:
        """Headers and body of a webhook as it would go out."""
        shown = self.till.webhooks()[index]
        return shown["headers"], shown["body"].encode()


@pytest.fixture(scope="module")
def viva_till() -> Iterator[Till]:
    with viva_running(sim_success_url="http://shop.test/ok", sim_failure_url="http://shop.test/no") as till:
        yield till


@pytest.fixture(scope="module")
def paypal_till() -> Iterator[PayPalTill]:
    with paypal_running() as till:
        yield till


@pytest.fixture
def viva(viva_till: Till) -> Shop:
    viva_till.reset()
    url = viva_till.url
    return Shop(Viva(replace(VIVA, viva_accounts_url=url, viva_api_url=url, viva_url=url)), viva_till)


@pytest.fixture
def paypal(paypal_till: PayPalTill) -> Shop:
    paypal_till.reset()
    return Shop(PayPal(replace(PAYPAL, paypal_url=paypal_till.url)), paypal_till)


@pytest.fixture(params=["viva", "paypal"])
def shop(request: pytest.FixtureRequest) -> Shop:
    found: Shop = request.getfixturevalue(request.param)
    return found


def test_an_order_is_paid_at_the_page_and_told_in_cents(shop: Shop) -> None:
    payment = shop.pay(reference="RF18ABC", amount_cents=123456)
    assert (payment.state, payment.amount_cents, payment.currency) == ("paid", 123456, "EUR")
    assert payment.order_reference == "RF18ABC"


def test_what_nobody_paid_yet_has_no_payment(shop: Shop) -> None:
    opened = shop.open()
    assert shop.provider.fetch(opened.provider_order, take=True) == []
    shop.till.click(opened.pay_url, "cancel")
    assert shop.provider.fetch(opened.provider_order, take=True) == []


def test_a_payment_is_found_by_its_order_its_transaction_or_both_and_is_the_same(shop: Shop) -> None:
    payment = shop.pay()
    order, transaction = payment.provider_order, payment.transaction_id
    assert shop.provider.fetch(order, transaction) == [payment]
    assert shop.provider.fetch(transaction_id=transaction) == [payment]
    assert shop.provider.fetch(order) == [payment]


def test_what_the_provider_does_not_know_is_nothing(shop: Shop) -> None:
    assert shop.provider.fetch("1234567890123456", "99999999-0000-0000") == []
    assert shop.provider.fetch("../../oauth2", "a/../b?x=1") == []


def test_another_amount_or_currency_is_told_as_it_was_paid(shop: Shop) -> None:
    opened = shop.open()
    currency = "826" if shop.provider.name == "viva" else "GBP"
    shop.till.pay_as_told(opened.provider_order, amount=100, currency=currency)
    (payment,) = shop.provider.fetch(opened.provider_order, take=True)
    assert (payment.state, payment.amount_cents, payment.currency) == ("paid", 100, "GBP")


def test_money_goes_back_in_parts_and_never_more_than_came(shop: Shop) -> None:
    payment = shop.pay()
    assert shop.provider.refund(payment.transaction_id, 1000, "EUR", uuid4().hex).refund_id
    (now,) = shop.provider.fetch(payment.provider_order)
    assert (now.state, now.amount_cents, now.refunded_cents) == ("refunded", 1240, 1000)
    with pytest.raises(ProviderRefused):
        shop.provider.refund(payment.transaction_id, 241, "EUR", uuid4().hex)
    shop.provider.refund(payment.transaction_id, 240, "EUR", uuid4().hex)
    (now,) = shop.provider.fetch(transaction_id=payment.transaction_id)
    assert (now.state, now.refunded_cents) == ("refunded", 1240)


def test_a_webhook_names_what_to_fetch(shop: Shop) -> None:
    payment = shop.pay()
    hint = shop.provider.read_webhook(*shop.webhook())
    assert (hint.kind, hint.provider_order) == ("payment", payment.provider_order)
    assert hint.transaction_id == payment.transaction_id
    shop.provider.refund(payment.transaction_id, 500, "EUR", uuid4().hex)
    hint = shop.provider.read_webhook(*shop.webhook())
    assert (hint.kind, hint.transaction_id) == ("refund", payment.transaction_id)


def test_a_provider_that_is_away_for_a_moment_is_asked_again(shop: Shop) -> None:
    shop.till.faults(refuse=2)
    assert shop.open().provider_order


def test_a_provider_that_hangs_up_after_it_took_the_order_leaves_one_that_can_be_paid(shop: Shop) -> None:
    shop.open()
    shop.till.faults(drop=1, drop_keeps=True)
    opened = shop.open()
    shop.till.click(opened.pay_url, "pay")
    assert [payment.state for payment in shop.provider.fetch(opened.provider_order, take=True)] == ["paid"]


def test_a_provider_that_stays_away_is_said_to_be_down(shop: Shop) -> None:
    shop.till.faults(refuse=100)
    with pytest.raises(ProviderDown):
        shop.open()


def test_a_provider_that_is_slow_is_given_up_in_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_SECONDS", 0.1)
    shop.till.faults(slow_ms=60_000)
    with pytest.raises(ProviderDown):
        shop.open()


def test_a_token_that_was_forgotten_there_is_asked_for_anew(shop: Shop) -> None:
    shop.open()
    shop.till.expire_tokens()
    assert shop.pay().state == "paid"


def test_viva_takes_no_other_currency_and_no_cents_below_its_least(viva: Shop) -> None:
    for wrong in ({"currency": "USD"}, {"amount_cents": 29}):
        with pytest.raises(ProviderRefused):
            viva.open(**wrong)


def test_viva_tells_of_a_card_that_was_declined_before_one_that_paid(viva: Shop) -> None:
    opened = viva.open()
    viva.till.click(opened.pay_url, "decline")
    assert [p.state for p in viva.provider.fetch(opened.provider_order, take=True)] == ["failed"]
    hint = viva.provider.read_webhook(*viva.webhook())
    assert (hint.kind, hint.provider_order) == ("failure", opened.provider_order)
    viva.till.click(opened.pay_url, "pay")
    assert [p.state for p in viva.provider.fetch(opened.provider_order, take=True)] == ["failed", "paid"]


def test_viva_s_refund_is_not_sent_again_when_its_answer_is_lost(viva: Shop) -> None:
    payment = viva.pay()
    viva.till.faults(drop=1, drop_keeps=True, only="/api/transactions/")
    with pytest.raises(ProviderDown):
        viva.provider.refund(payment.transaction_id, 500, "EUR", "k")
    (now,) = viva.provider.fetch(payment.provider_order)
    assert now.refunded_cents == 500


def test_viva_reads_its_key_under_our_webhook_s_address(viva: Shop) -> None:
    provider = viva.provider
    assert isinstance(provider, Viva)
    key = provider.webhook_key()
    viva.till.faults(refuse=100)
    assert len(key) == 40
    assert provider.webhook_key() == key


def test_paypal_is_not_captured_unless_we_say_so(paypal: Shop) -> None:
    opened = paypal.open()
    paypal.till.click(opened.pay_url, "pay")
    assert paypal.provider.fetch(opened.provider_order) == []
    assert [one["kind"] for one in paypal.till.webhooks()] == ["CHECKOUT.ORDER.APPROVED"]


def test_paypal_is_captured_once_however_often_it_is_fetched(paypal: Shop) -> None:
    opened = paypal.open()
    paypal.till.click(opened.pay_url, "pay")
    first = paypal.provider.fetch(opened.provider_order, take=True)
    assert [paypal.provider.fetch(opened.provider_order, take=True) for _ in range(3)] == [first] * 3
    kinds = [one["kind"] for one in paypal.till.webhooks()]
    assert kinds.count("PAYMENT.CAPTURE.COMPLETED") == 1


def test_paypal_s_capture_whose_answer_is_lost_is_found_and_not_made_again(paypal: Shop) -> None:
    opened = paypal.open()
    paypal.till.click(opened.pay_url, "pay")
    paypal.provider.fetch("1234567890123456")  # so that the token is there
    paypal.till.faults(drop=1, drop_keeps=True, only=f"/v2/checkout/orders/{opened.provider_order}/capture")
    assert [p.state for p in paypal.provider.fetch(opened.provider_order, take=True)] == ["paid"]


def test_paypal_keeps_us_waiting_and_then_decides(paypal: Shop) -> None:
    assert isinstance(paypal.till, PayPalTill)
    paypal.till.next_capture("PENDING")
    pending = paypal.pay()
    assert pending.state == "pending"
    paypal.till.decide(pending.transaction_id, "COMPLETED")
    assert [p.state for p in paypal.provider.fetch(pending.provider_order)] == ["paid"]


def test_paypal_sends_a_payer_back_whose_instrument_is_declined(paypal: Shop) -> None:
    opened = paypal.open()
    back = paypal.till.click(opened.pay_url, "decline")
    assert urlsplit(back).path == "/payments/paypal/return"
    assert parse_qs(urlsplit(back).query)["token"] == [opened.provider_order]
    with pytest.raises(ProviderRefused, match="INSTRUMENT_DECLINED"):
        paypal.provider.fetch(opened.provider_order, take=True)
    paypal.till.click(opened.pay_url, "pay")
    assert [p.state for p in paypal.provider.fetch(opened.provider_order, take=True)] == ["paid"]


def test_paypal_opens_an_order_once_under_its_key(paypal: Shop) -> None:
    key = uuid4().hex
    assert paypal.open(key=key, reference="RF1") == paypal.open(key=key, reference="RF1")


def test_paypal_gives_back_once_under_a_key(paypal: Shop) -> None:
    payment = paypal.pay()
    refunds = {
        paypal.provider.refund(payment.transaction_id, 500, "EUR", "one key").refund_id for _ in range(3)
    }
    (now,) = paypal.provider.fetch(payment.provider_order)
    assert (len(refunds), now.refunded_cents) == (1, 500)


def test_paypal_s_webhook_with_a_changed_byte_is_forged(paypal: Shop) -> None:
    paypal.pay()
    headers, body = paypal.webhook()
    with pytest.raises(ForgedWebhook):
        paypal.provider.read_webhook(headers, body.replace(b"12.40", b"99.40"))


HUB = """
from servicekit import cooperative
cooperative.patch()
import sys, time, eventlet
from services.billing.payments.port import ProviderDown
from services.billing.payments.viva import Viva, VivaSettings
url = sys.argv[1]
viva = Viva(VivaSettings("i", "s", "m", "k", "", url, url, url))
turns = 0
def work():
    global turns
    while True:
        turns += 1
        eventlet.sleep(0.01)
def ask():
    try:
        viva.fetch("1234567890123456")
    except ProviderDown:
        return "down"
eventlet.spawn(work)
asking = eventlet.spawn(ask)
print(asking.wait(), turns > 20)
"""


def test_in_a_nameko_process_a_slow_provider_stops_nobody_else(viva: Shop) -> None:
    viva.till.faults(slow_ms=1000)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HUB, viva.till.url],
        cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}"}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split()[-2:] == ["down", "True"], done.stdout + done.stderr
