"""PayPal Orders v2: an order, the payer's approval on PayPal's page, and our capture, which alone moves money.

``fetch`` captures what was approved, when it is told to: on the payer's return, on PayPal's webhook or on our own sweep,
whichever comes first; PayPal captures an order once, whatever the key. What is not captured was not paid. Amounts are decimal
strings. Webhooks are verified by PayPal itself over the raw bytes: written anew, a good event would fail.

Sources: OpenAPI in paypal/paypal-rest-api-specifications (orders v2, payments v2), developer.paypal.com (webhooks).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from servicekit import logs, settings
from servicekit.settings import BadSetting

from .amounts import cents, decimal_text
from .http import Answer, Call, Line, Token, with_token
from .port import (
    ForgedWebhook,
    Hint,
    HintKind,
    Opened,
    OrderToPay,
    ProviderDown,
    ProviderPayment,
    ProviderRefused,
    Refunded,
    State,
    UnreadableWebhook,
)

log = logs.get(__name__)

LOCALES = {"el": "el-GR", "en": "en-GB"}
PAY_LINKS = ("payer-action", "approve")
"""Names of the link to the page: PayPal uses the second for orders without payment_source."""
STATES: dict[str, State] = {
    "COMPLETED": "paid", "PENDING": "pending", "DECLINED": "failed", "FAILED": "failed",
    "PARTIALLY_REFUNDED": "refunded", "REFUNDED": "refunded",
}  # fmt: skip
"""By the status of a capture."""
NOT_YET = frozenset({"ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED"})
"""Issues of a capture that mean that the payer has not agreed."""
SIGNED = ("transmission-id", "transmission-time", "transmission-sig", "cert-url", "auth-algo")
_ID = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)


@dataclass(frozen=True)
class PayPalSettings:
    """From KERYX_PAYPAL_…; empty credentials mean that this installation does not take PayPal.

    ``payments_url`` (KERYX_PAYMENTS_URL) is where payers and webhooks find the gateway's /payments from outside.
    """

    paypal_client_id: str = ""
    paypal_client_secret: str = ""
    paypal_webhook_id: str = ""
    paypal_brand: str = "Keryx"
    paypal_url: str = "https://api-m.paypal.com"
    payments_url: str = ""


class PayPal:
    """The adapter (port.Provider)."""

    name = "paypal"

    def __init__(self, told: PayPalSettings, transport: httpx.BaseTransport | None = None) -> None:
        """Nothing is asked yet; ``transport`` is for tests."""
        self._told = told
        self._line = Line(self.name, transport)
        self._token = Token(
            f"{told.paypal_url}/v1/oauth2/token", told.paypal_client_id, told.paypal_client_secret
        )

    def open(self, order: OrderToPay) -> Opened:
        """Make an order; under the same key (kept for hours by PayPal) it is the same one."""
        with self._line.call() as call:
            answer = self._ask(call, "POST", "/v2/checkout/orders", key=order.key, json=self._asked(order))
        order_id, links = _member(answer.data, "id"), _member(answer.data, "links")
        url = next(
            (link.get("href") for name in PAY_LINKS for link in _dicts(links) if link.get("rel") == name),
            None,
        )
        if not answer.ok or not isinstance(order_id, str) or not isinstance(url, str):
            raise self._refused(answer, "PayPal does not take this order.")
        return Opened(url, order_id)

    def _asked(self, order: OrderToPay) -> dict[str, Any]:
        back = f"{self._told.payments_url}/paypal"
        return {
            "intent": "CAPTURE",
            "purchase_units": [
                {
                    "reference_id": "default",
                    "custom_id": order.reference,
                    # PayPal captures once per invoice id: two attempts at one order cannot both be paid.
                    "invoice_id": order.reference,
                    "description": order.description[:127],
                    "amount": {"currency_code": order.currency, "value": decimal_text(order.amount_cents)},
                }
            ],
            "payment_source": {
                "paypal": {
                    "experience_context": {
                        "brand_name": self._told.paypal_brand,
                        "locale": LOCALES.get(order.locale, "el-GR"),
                        "shipping_preference": "NO_SHIPPING",
                        "user_action": "PAY_NOW",
                        "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
                        "return_url": f"{back}/return",
                        "cancel_url": f"{back}/cancel",
                    }
                }
            },
        }

    def fetch(
        self, provider_order: str | None = None, transaction_id: str | None = None, *, take: bool = False
    ) -> list[ProviderPayment]:
        """The captures of the order, with ``take`` made now if the payer agreed; and that one capture."""
        found: dict[str, ProviderPayment] = {}
        with self._line.call() as call:
            capture = self._shown(call, f"/v2/payments/captures/{transaction_id}", transaction_id)
            order_id = provider_order or (_order_of(capture) if capture else None)
            order = self._shown(call, f"/v2/checkout/orders/{order_id}", order_id)
            if take and order is not None and order.get("status") == "APPROVED":
                order = self._capture(call, str(order_id), order)
            for payment in self._captures(order) if order else []:
                found[payment.transaction_id] = payment
            if capture is not None and str(capture.get("id")) not in found:
                payment = self._payment(capture, order_id or "", None)
                found[payment.transaction_id] = payment
        return list(found.values())

    def _capture(self, call: Call, order_id: str, order: dict[str, Any]) -> dict[str, Any]:
        """Take the money of an approved order; the order as it is then. Raises ProviderRefused when PayPal will not."""
        path = f"/v2/checkout/orders/{order_id}"
        answer = self._ask(call, "POST", f"{path}/capture", key=f"capture-{order_id}", json={})
        if answer.ok and isinstance(answer.data, dict):
            return answer.data
        issues = _issues(answer)
        if "ORDER_ALREADY_CAPTURED" in issues:
            return self._shown(call, path, order_id) or order
        if issues & NOT_YET:
            return order
        if answer.status == 422:
            raise ProviderRefused(
                f"PayPal did not take the payment: {', '.join(sorted(issues)) or 'no reason given'}."
            )
        raise self._down(answer)

    def _captures(self, order: dict[str, Any]) -> list[ProviderPayment]:
        found = []
        for unit in _dicts(order.get("purchase_units")):
            payments = unit.get("payments")
            given_back = _given_back(_dicts(_member(payments, "refunds")))
            for capture in _dicts(_member(payments, "captures")):
                reference = {"custom_id": unit.get("custom_id")}
                back = given_back.get(str(capture.get("id")))
                found.append(self._payment({**reference, **capture}, str(order.get("id", "")), back))
        return found

    def _payment(self, capture: dict[str, Any], order_id: str, back: int | None) -> ProviderPayment:
        money = capture.get("amount")
        amount, status = cents(_member(money, "value")), str(capture.get("status"))
        if amount is None or not capture.get("id"):
            raise self._line.down("a capture that is none")
        state = STATES.get(status)
        if state is None:
            log.error("paypal_status_unknown", status=status)
        reference = capture.get("custom_id")
        return ProviderPayment(
            transaction_id=str(capture["id"]),
            provider_order=order_id,
            state=state or "pending",
            amount_cents=amount,
            currency=str(_member(money, "currency_code")),
            order_reference=str(reference) if reference else None,
            refunded_cents=amount if status == "REFUNDED" else back,
        )

    def refund(self, transaction_id: str, amount_cents: int, currency: str, key: str) -> Refunded:
        """Give back a part or all, once per key (kept for 45 days by PayPal).

        An answer in an unknown shape is ProviderDown, since money may have moved; so is 409: our first try is under way.
        """
        if not _ID.fullmatch(transaction_id):
            raise ProviderRefused("PayPal gives back its own captures only.")
        path = f"/v2/payments/captures/{transaction_id}/refund"
        body = {"amount": {"value": decimal_text(amount_cents), "currency_code": currency}}
        with self._line.call() as call:
            answer = self._ask(call, "POST", path, key=key, json=body)
        refund_id, status = _member(answer.data, "id"), _member(answer.data, "status")
        if (answer.refuses and answer.status != 409) or (answer.ok and status in ("CANCELLED", "FAILED")):
            raise self._refused(answer, "PayPal does not give this back.")
        if not answer.ok or not isinstance(refund_id, str) or not refund_id:
            raise self._line.unclear(answer)
        return Refunded(refund_id)

    def read_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> Hint:
        """What it is about, once PayPal has said that it is PayPal's."""
        lower = {name.lower(): value for name, value in headers.items()}
        signed = {name.replace("-", "_"): lower.get(f"paypal-{name}", "") for name in SIGNED}
        if not all(signed.values()):
            raise ForgedWebhook("The webhook carries no signature.")
        hint = _hint(raw_body)
        self._verify(signed, raw_body)
        return hint

    def _verify(self, signed: dict[str, str], raw_body: bytes) -> None:
        told = orjson.dumps({**signed, "webhook_id": self._told.paypal_webhook_id})
        body = told[:-1] + b',"webhook_event":' + raw_body + b"}"
        headers = {"Content-Type": "application/json"}
        with self._line.call() as call:
            answer = self._ask(
                call, "POST", "/v1/notifications/verify-webhook-signature", content=body, headers=headers
            )
        verdict = _member(answer.data, "verification_status")
        if verdict != "SUCCESS":
            if answer.ok or answer.status in (400, 422):
                raise ForgedWebhook("The webhook's signature is wrong.")
            raise self._down(answer)

    def _shown(self, call: Call, path: str, identifier: str | None) -> dict[str, Any] | None:
        """What PayPal shows there; None for nothing to ask for and for what it does not know."""
        if not identifier or not _ID.fullmatch(identifier):
            return None
        answer = self._ask(call, "GET", path)
        if answer.status == 404:
            return None
        if not answer.ok or not isinstance(answer.data, dict):
            raise self._down(answer)
        return answer.data

    def _ask(self, call: Call, method: str, path: str, key: str | None = None, **more: Any) -> Answer:
        """A request that may be repeated: it reads, or has a key."""
        headers = {"Prefer": "return=representation", **more.pop("headers", {})}
        if key is not None:
            headers["PayPal-Request-Id"] = key
        url = f"{self._told.paypal_url}{path}"
        return with_token(self._token, call, call.patiently, method, url, headers=headers, **more)

    def _refused(self, answer: Answer, words: str) -> ProviderRefused | ProviderDown:
        if answer.status in (401, 403) or (answer.ok and answer.data is None):
            return self._down(answer)
        issues = ", ".join(sorted(_issues(answer)))
        return ProviderRefused(f"{words} {issues}" if issues else words)

    def _down(self, answer: Answer) -> ProviderDown:
        return self._line.down(f"status {answer.status}, {_member(answer.data, 'name')}")


def _hint(raw_body: bytes) -> Hint:
    """What an event names. Raises UnreadableWebhook."""
    try:
        event = orjson.loads(raw_body)
        kind, resource, event_id = str(event["event_type"]), event["resource"], str(event["id"])[:100]
        if kind == "CHECKOUT.ORDER.APPROVED":
            return Hint("payment", str(resource["id"]), None, event_id)
        if kind == "CHECKOUT.PAYMENT-APPROVAL.REVERSED":
            return Hint("failure", _text(resource.get("order_id") or resource.get("id")), None, event_id)
        if not kind.startswith("PAYMENT.CAPTURE."):
            return Hint("other", event_id=event_id)
        what = kind.rpartition(".")[2]
        if what in ("REFUNDED", "REVERSED"):
            # The resource is the refund, and its capture is where the link `up` leads; of REVERSED it may be the capture.
            capture = _up(resource) or (str(resource["id"]) if what == "REVERSED" else None)
            return Hint("refund", _order_of(resource), capture, event_id)
        kinds: dict[str, HintKind] = {
            "COMPLETED": "payment", "PENDING": "payment", "DENIED": "failure", "DECLINED": "failure",
        }  # fmt: skip
        return Hint(kinds.get(what, "other"), _order_of(resource), str(resource["id"]), event_id)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise UnreadableWebhook("This is no webhook of PayPal's.") from None


def _order_of(resource: dict[str, Any]) -> str | None:
    related = _member(_member(resource, "supplementary_data"), "related_ids")
    return _text(_member(related, "order_id"))


def _up(resource: dict[str, Any]) -> str | None:
    """The id of the capture that a refund belongs to."""
    links = (link.get("href") for link in _dicts(resource.get("links")) if link.get("rel") == "up")
    found = (str(href).partition("/v2/payments/captures/")[2] for href in links)
    return next((identifier for identifier in found if _ID.fullmatch(identifier)), None)


def _given_back(refunds: list[dict[str, Any]]) -> dict[str, int]:
    """Cents given back by capture."""
    sums: dict[str, int] = {}
    for refund in refunds:
        amount, capture = cents(_member(refund.get("amount"), "value")), _up(refund)
        if amount is not None and capture and refund.get("status") in ("COMPLETED", "PENDING"):
            sums[capture] = sums.get(capture, 0) + amount
    return sums


def _issues(answer: Answer) -> set[str]:
    return {
        str(detail.get("issue")) for detail in _dicts(_member(answer.data, "details")) if detail.get("issue")
    }


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _member(data: Any, name: str) -> Any:
    return data.get(name) if isinstance(data, dict) else None


def _text(value: Any) -> str | None:
    return str(value) if value else None


def from_environment() -> PayPal | None:
    """The adapter, None when no credentials are set. Raises BadSetting for a part of them."""
    told = settings.read(PayPalSettings)
    needed = {
        name: getattr(told, name)
        for name in ("paypal_client_id", "paypal_client_secret", "paypal_webhook_id")
    }
    if not any(needed.values()):
        return None
    for name, value in {**needed, "payments_url": told.payments_url}.items():
        if not value:
            raise BadSetting(f"KERYX_{name.upper()} must be set with the credentials of PayPal")
    return PayPal(told)
