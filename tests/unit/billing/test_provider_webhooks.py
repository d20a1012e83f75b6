"""What webhooks of Viva and PayPal are about, in all their shapes; and that no shape of garbage gets through."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.payments.paypal import PayPal, PayPalSettings
from services.billing.payments.port import ForgedWebhook, Hint, ProviderDown, UnreadableWebhook
from services.billing.payments.viva import Viva, VivaSettings

CHARGE, REFUND = "997ab1e3-d1d5-4c5b-a1b1-5d5e7d3a9b77", "11111111-d1d5-4c5b-a1b1-5d5e7d3a9b77"
SIGNED = {
    "Paypal-Transmission-Id": "t", "PAYPAL-TRANSMISSION-TIME": "2026-01-01T00:00:00Z", "paypal-transmission-sig": "s=",
    "Paypal-Cert-Url": "https://api.paypal.com/c", "Paypal-Auth-Algo": "SHA256withRSA",
}  # fmt: skip


def viva_event(kind: int, **data: Any) -> bytes:
    about = {"TransactionId": CHARGE, "OrderCode": 2271655739472609, "StatusId": "F", "Amount": 10} | data
    return orjson.dumps({"EventTypeId": kind, "MessageId": "m-1", "EventData": about})


VIVA = Viva(VivaSettings())


def of_viva(body: bytes) -> Hint:
    return VIVA.read_webhook({}, body)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (viva_event(1796), Hint("payment", "2271655739472609", CHARGE, "m-1")),
        (viva_event(1798, StatusId="E"), Hint("failure", "2271655739472609", CHARGE, "m-1")),
        (
            viva_event(1797, TransactionId=REFUND, ParentId=CHARGE),
            Hint("refund", "2271655739472609", CHARGE, "m-1"),
        ),
        (
            viva_event(1797, TransactionId=REFUND, ParentId=CHARGE.upper()),
            Hint("refund", "2271655739472609", CHARGE, "m-1"),
        ),
        (viva_event(1796, TransactionId=CHARGE.upper()), Hint("payment", "2271655739472609", CHARGE, "m-1")),
        (
            viva_event(1796, TransactionId=CHARGE.replace("-", "")),
            Hint("payment", "2271655739472609", CHARGE, "m-1"),
        ),
        (viva_event(1797, TransactionId=REFUND), Hint("refund", "2271655739472609", REFUND, "m-1")),
        (viva_event(1799), Hint("other", event_id="m-1")),
        (orjson.dumps({"EventTypeId": 2054, "EventData": {}}), Hint("other")),
    ],
)
def test_viva_s_events_name_what_to_fetch(body: bytes, hint: Hint) -> None:
    assert of_viva(body) == hint


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"null", b'{"EventTypeId": 1796}', viva_event(1796, OrderCode="../orders"),
        viva_event(1796, TransactionId="x?amount=1"), viva_event(1797, ParentId="a/../b"),
        viva_event(1796, TransactionId="99999999-0000-0000"), viva_event(1796, TransactionId=7),
    ],
)  # fmt: skip
def test_garbage_is_no_webhook_of_viva(body: bytes) -> None:
    with pytest.raises(UnreadableWebhook):
        of_viva(body)


NAMES = st.sampled_from(["EventTypeId", "EventData", "OrderCode", "resource", "id", "event_type"])
TREES = st.recursive(st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(NAMES, x))


@given(st.binary(max_size=200) | TREES.map(orjson.dumps))
def test_nothing_that_is_sent_names_a_payment_by_chance_or_breaks_the_reading(body: bytes) -> None:
    for read in (of_viva, of_paypal):
        with contextlib.suppress(UnreadableWebhook):
            assert read(body).kind == "other"


def paypal_event(kind: str, resource: dict[str, Any]) -> bytes:
    return orjson.dumps({"id": "WH-1", "event_type": kind, "resource": resource})


def of_paypal(body: bytes, verdict: httpx.Response | None = None) -> Hint:
    """The hint, with a PayPal that answers ``verdict`` to the verification (SUCCESS unless told)."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/oauth2/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 32400})
        assert request.content.endswith(b',"webhook_event":' + body + b"}"), "not the raw bytes"
        told = orjson.loads(request.content)
        assert (told["webhook_id"], told["transmission_sig"]) == ("W", "s=")
        return verdict or httpx.Response(200, json={"verification_status": "SUCCESS"})

    return adapter(answer).read_webhook(SIGNED, body)


def adapter(answer: Any) -> PayPal:
    return PayPal(PayPalSettings(paypal_webhook_id="W"), httpx.MockTransport(answer))


CAPTURE = {
    "id": "3C679366HH908993F",
    "supplementary_data": {"related_ids": {"order_id": "5O190127TN364715T"}},
}
UP = [{"rel": "self", "href": "x"}, {"rel": "up", "href": "https://h/v2/payments/captures/3C679366HH908993F"}]


@pytest.mark.parametrize(
    ("kind", "resource", "hint"),
    [
        ("CHECKOUT.ORDER.APPROVED", {"id": "5O190127TN364715T"}, ("payment", "5O190127TN364715T", None)),
        ("PAYMENT.CAPTURE.COMPLETED", CAPTURE, ("payment", "5O190127TN364715T", "3C679366HH908993F")),
        ("PAYMENT.CAPTURE.PENDING", CAPTURE, ("payment", "5O190127TN364715T", "3C679366HH908993F")),
        ("PAYMENT.CAPTURE.DENIED", CAPTURE, ("failure", "5O190127TN364715T", "3C679366HH908993F")),
        ("PAYMENT.CAPTURE.REVERSED", CAPTURE, ("refund", "5O190127TN364715T", "3C679366HH908993F")),
        ("PAYMENT.CAPTURE.REVERSED", {"id": "R", "links": UP}, ("refund", None, "3C679366HH908993F")),
        ("PAYMENT.CAPTURE.REFUNDED", {"id": "R", "links": UP}, ("refund", None, "3C679366HH908993F")),
        ("PAYMENT.CAPTURE.COMPLETED", {"id": "3C679366HH908993F"}, ("payment", None, "3C679366HH908993F")),
        ("CUSTOMER.DISPUTE.CREATED", {}, ("other", None, None)),
    ],
)  # fmt: skip
def test_paypal_s_events_name_what_to_fetch(
    kind: str, resource: dict[str, Any], hint: tuple[Any, ...]
) -> None:
    about, order, transaction = hint
    assert of_paypal(paypal_event(kind, resource)) == Hint(about, order, transaction, "WH-1")


def test_the_bytes_are_verified_as_they_came() -> None:
    spaced = b'{ "id" : "WH-1" , "event_type":"X.Y",\n "resource": {"\\u03b1": 1.0} }'
    assert of_paypal(spaced).kind == "other"


@pytest.mark.parametrize(
    "verdict",
    [httpx.Response(200, json={"verification_status": "FAILURE"}), httpx.Response(400, json={"name": "BAD"})],
)
def test_an_event_that_is_not_paypal_s_is_forged(verdict: httpx.Response) -> None:
    with pytest.raises(ForgedWebhook):
        of_paypal(paypal_event("X.Y", {}), verdict)


def test_an_event_without_a_signature_asks_nobody() -> None:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise AssertionError("PayPal was asked")

    with pytest.raises(ForgedWebhook):
        adapter(nobody).read_webhook({}, paypal_event("X.Y", {}))


def test_a_signature_that_cannot_be_checked_now_is_neither_good_nor_bad(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.billing.payments.http.PAUSES", ())
    with pytest.raises(ProviderDown):
        of_paypal(paypal_event("X.Y", {}), httpx.Response(503))
