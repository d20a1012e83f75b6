"""Viva Smart Checkout: cards and wallet on Viva's page.

Two pairs of credentials: OAuth for orders and for reading a transaction; merchant id and API key (Basic) for the older API,
which alone finds the transactions of an order and gives money back. Orders and refunds are written in cents, transactions
and webhooks in euros. Transactions are GUIDs, which Viva finds in any spelling: here they have one (``_guid``), so that a
webhook, which anybody can send, cannot make two payments of one. The return addresses belong to the payment source, so they
are set at Viva and not here.

Sources: developer.viva.com (Smart Checkout, webhooks, Retrieve transactions (OLD)), and clients tested against its demo.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import orjson

from servicekit import logs, settings
from servicekit.settings import BadSetting

from .amounts import cents, letters
from .http import Answer, Call, Line, Token, with_token
from .port import (
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

PAY_SECONDS = 3600
"""How long the page can be paid at."""
KEY_SECONDS = 3600.0
KEY_PAUSE_SECONDS = 10.0
"""Between two questions for the webhook's key, which anybody can make us ask."""
LEAST_CENTS = 30
EURO = "978"
LOCALES = {"el": "el-GR", "en": "en-GB"}
GIVEN_BACK_TYPES = frozenset({4, 7})
"""TransactionTypeId of a refund and of a void."""
STATES: dict[str, State] = {
    "F": "paid", "MW": "paid", "A": "pending", "C": "pending", "E": "failed", "R": "refunded", "X": "refunded",
    "M": "disputed", "MA": "disputed", "MI": "disputed", "ML": "disputed", "MS": "disputed", "U": "disputed",
}  # fmt: skip
"""By statusId (response-codes). C is a pre-authorisation, which we never ask for; MW a dispute that was won."""
EVENTS: dict[int, HintKind] = {1796: "payment", 1797: "refund", 1798: "failure"}
_ORDER = re.compile(r"[0-9]{8,20}", re.ASCII)


@dataclass(frozen=True)
class VivaSettings:
    """From KERYX_VIVA_…; empty credentials mean that this installation does not take Viva.

    ``viva_page_url`` is where a payer's browser finds the page when that is not where we find Viva (a container does not).
    """

    viva_client_id: str = ""
    viva_client_secret: str = ""
    viva_merchant_id: str = ""
    viva_api_key: str = ""
    viva_source_code: str = ""
    viva_accounts_url: str = "https://accounts.vivapayments.com"
    viva_api_url: str = "https://api.vivapayments.com"
    viva_url: str = "https://www.vivapayments.com"
    viva_page_url: str = ""


class Viva:
    """The adapter (port.Provider)."""

    name = "viva"

    def __init__(self, told: VivaSettings, transport: httpx.BaseTransport | None = None) -> None:
        """Nothing is asked yet; ``transport`` is for tests."""
        self._told = told
        self._line = Line(self.name, transport)
        url = f"{told.viva_accounts_url}/connect/token"
        self._token = Token(url, told.viva_client_id, told.viva_client_secret)
        self._basic = (told.viva_merchant_id, told.viva_api_key)
        self._key, self._key_until, self._key_next_at = "", 0.0, 0.0

    def open(self, order: OrderToPay) -> Opened:
        """Make an order and its page. Viva knows no idempotency keys: the same key again makes another order, as good."""
        if order.currency != "EUR" or order.amount_cents < LEAST_CENTS:
            raise ProviderRefused(f"Viva takes euro, from 0.{LEAST_CENTS} on.")
        asked: dict[str, Any] = {
            "amount": order.amount_cents,
            "currencyCode": EURO,
            "customerTrns": order.description[:2048],
            "merchantTrns": order.reference,
            "paymentTimeOut": PAY_SECONDS,
            "customer": {"requestLang": LOCALES.get(order.locale, "el-GR")},
            "disableCash": True,
        }
        if order.email:
            asked["customer"]["email"] = order.email
        if self._told.viva_source_code:
            asked["sourceCode"] = self._told.viva_source_code
        url = f"{self._told.viva_api_url}/checkout/v2/orders"
        with self._line.call() as call:
            answer = with_token(self._token, call, call.patiently, "POST", url, json=asked)
        code = str(answer.data.get("orderCode", "")) if isinstance(answer.data, dict) else ""
        if not answer.ok or not _ORDER.fullmatch(code):
            raise self._refused(answer, "Viva does not take this order.")
        page = self._told.viva_page_url or self._told.viva_url
        return Opened(f"{page}/web/checkout?ref={code}", code)

    def fetch(
        self, provider_order: str | None = None, transaction_id: str | None = None, *, take: bool = False
    ) -> list[ProviderPayment]:
        """Every charge of the order, and that one transaction (of a refund: the charge it belongs to).

        Viva takes the money itself, so that ``take`` changes nothing. Whose order a known transaction is says Viva,
        whatever the hint named beside it.
        """
        found: dict[str, ProviderPayment] = {}
        wanted = _guid(transaction_id)
        with self._line.call() as call:
            asked = self._transaction(call, wanted) if wanted else None
            order = str((asked or {}).get("orderCode") or provider_order or "")
            rows = self._rows(call, order, asked is not None)
            given_back = _given_back(rows)
            for charge, row in rows.items():
                payment = self._charge(call, charge, row, order, given_back)
                if payment is not None:
                    found[payment.transaction_id] = payment
            if asked and wanted and wanted not in rows and not _is_given_back(asked.get("transactionTypeId")):
                found[wanted] = self._payment(wanted, asked, given_back)
        return list(found.values())

    def refund(self, transaction_id: str, amount_cents: int, currency: str, key: str) -> Refunded:
        """Give back a part or all. Viva has no keys for this: it is sent once, and its silence is ProviderDown.

        So is an answer in an unknown shape, since money may have moved: only Viva's own no is one. Both casings are known.
        """
        charge = _guid(transaction_id)
        if currency != "EUR" or charge is None:
            raise ProviderRefused("Viva gives back euro of its own transactions only.")
        query = {"amount": str(amount_cents)}
        if self._told.viva_source_code:
            query["sourceCode"] = self._told.viva_source_code
        url = f"{self._told.viva_url}/api/transactions/{charge}"
        with self._line.call() as call:
            answer = call.once("DELETE", url, params=query, auth=self._basic)
        code, refund_id = _either(answer.data, "ErrorCode"), _either(answer.data, "TransactionId")
        if answer.refuses or (answer.ok and type(code) is int and code != 0):
            raise self._refused(answer, "Viva does not give this back.")
        if not answer.ok or type(code) is not int or not isinstance(refund_id, str) or not refund_id:
            raise self._line.unclear(answer)
        return Refunded(refund_id)

    def read_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> Hint:
        """What it is about. Viva documents no signature, so nothing of it is believed: the ids are something to fetch."""
        try:
            body = orjson.loads(raw_body)
            event, data = body["EventTypeId"], body["EventData"]
            kind = EVENTS.get(event, "other")
            event_id = body.get("MessageId")
            if kind == "other":
                return Hint("other", event_id=_text(event_id))
            order, transaction, parent = str(data["OrderCode"]), data["TransactionId"], data.get("ParentId")
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            raise UnreadableWebhook("This is no webhook of Viva's.") from None
        about = _guid(parent if kind == "refund" and parent else transaction)
        if not _ORDER.fullmatch(order) or about is None:
            raise UnreadableWebhook("This is no webhook of Viva's.")
        return Hint(kind, order, about, _text(event_id))

    def webhook_key(self) -> str:
        """What Viva wants to read under the webhook's address before it sends there.

        Raises ProviderDown, at once while somebody else asks and for KEY_PAUSE_SECONDS after Viva did not tell it.
        """
        if (now := time.monotonic()) >= self._key_until:
            if now < self._key_next_at:
                raise ProviderDown("Viva does not tell the webhook's key now.")
            self._key_next_at = now + KEY_PAUSE_SECONDS
            url = f"{self._told.viva_url}/api/messages/config/token"
            with self._line.call() as call:
                answer = call.patiently("GET", url, auth=self._basic)
            key = _member(answer.data, "Key")
            if not answer.ok or not isinstance(key, str) or not key:
                raise ProviderDown("Viva does not tell the webhook's key now.")
            self._key, self._key_until = key, time.monotonic() + KEY_SECONDS
        return self._key

    def _transaction(self, call: Call, transaction_id: str) -> dict[str, Any] | None:
        """Retrieve transaction, with our token; None when Viva does not know it."""
        url = f"{self._told.viva_api_url}/checkout/v2/transactions/{transaction_id}"
        answer = with_token(self._token, call, call.patiently, "GET", url)
        if answer.status in (400, 404):
            return None
        if not answer.ok or not isinstance(answer.data, dict):
            raise self._down(answer)
        return answer.data

    def _rows(self, call: Call, order: str, can_do_without: bool) -> dict[str, dict[str, Any]]:
        """The order's transactions by their ids; none where the older API fails and the transaction itself is known anyway."""
        try:
            return self._listed(call, order)
        except ProviderDown:
            if not can_do_without:
                raise
            return {}

    def _listed(self, call: Call, order: str) -> dict[str, dict[str, Any]]:
        """The transactions of an order, refunds among them; none for an order that Viva does not know."""
        if not _ORDER.fullmatch(order):
            return {}
        url = f"{self._told.viva_url}/api/transactions/"
        answer = call.patiently("GET", url, params={"ordercode": order}, auth=self._basic)
        rows = _member(answer.data, "Transactions")
        if answer.status == 404 or (answer.ok and _member(answer.data, "ErrorCode") == 404):
            return {}
        if not answer.ok or _member(answer.data, "ErrorCode") != 0 or not isinstance(rows, list):
            raise self._down(answer)
        named = [(_guid(_member(row, "TransactionId")), row) for row in rows]
        if any(name is None for name, _ in named):
            log.error("viva_transaction_unreadable", order=order)
        return {name: row for name, row in named if name is not None}

    def _charge(
        self, call: Call, transaction_id: str, row: dict[str, Any], order: str, given_back: dict[str, int]
    ) -> ProviderPayment | None:
        """A row of the search as a payment; None for money that went back. One that was paid is asked for by itself."""
        nested = row.get("TransactionType")
        kind = nested.get("TransactionTypeId") if isinstance(nested, dict) else row.get("TransactionTypeId")
        if _is_given_back(kind, row.get("ParentId")):
            return None
        status = str(row.get("StatusId"))
        if STATES.get(status, "pending") != "failed":
            told = self._transaction(call, transaction_id)
            if told is not None:
                return self._payment(transaction_id, told, given_back)
        told = {
            "orderCode": order, "statusId": status, "amount": row.get("Amount"),
            "currencyCode": row.get("CurrencyCode"), "merchantTrns": row.get("MerchantTrns"),
        }  # fmt: skip
        # Only the new API's word makes a payment paid.
        payment = self._payment(transaction_id, told, given_back)
        return payment if payment.state == "failed" else None

    def _payment(
        self, transaction_id: str, told: dict[str, Any], given_back: Mapping[str, int]
    ) -> ProviderPayment:
        amount, status = cents(told.get("amount")), str(told.get("statusId"))
        if amount is None:
            raise self._line.down("an amount that is none")
        state = STATES.get(status)
        if state is None:
            log.error("viva_status_unknown", status=status)
        back = given_back.get(transaction_id)
        if state == "refunded" and back is None and status == "X":
            back = amount
        reference = told.get("merchantTrns")
        return ProviderPayment(
            transaction_id=transaction_id,
            provider_order=str(told.get("orderCode", "")),
            state=state or "pending",
            amount_cents=amount,
            currency=letters(told.get("currencyCode")),
            order_reference=str(reference) if reference else None,
            refunded_cents=back,
        )

    def _refused(self, answer: Answer, words: str) -> ProviderRefused | ProviderDown:
        if answer.status in (401, 403) or (answer.ok and answer.data is None):
            return self._down(answer)
        said = _member(answer.data, "message") or _either(answer.data, "ErrorText")
        return ProviderRefused(f"{words} {said}" if isinstance(said, str) else words)

    def _down(self, answer: Answer) -> ProviderDown:
        return self._line.down(f"status {answer.status}, code {_member(answer.data, 'ErrorCode')}")


def _given_back(rows: Mapping[str, dict[str, Any]]) -> dict[str, int]:
    """Cents given back by charge, of the rows that name their parent."""
    sums: dict[str, int] = {}
    for row in rows.values():
        parent, amount = _guid(row.get("ParentId")), cents(row.get("Amount"))
        if parent and amount is not None and row.get("StatusId") == "F":
            sums[parent] = sums.get(parent, 0) + abs(amount)
    return sums


def _is_given_back(kind: Any, parent: Any = None) -> bool:
    return bool(parent) or kind in GIVEN_BACK_TYPES


def _guid(value: Any) -> str | None:
    """The one spelling of a transaction's id: small letters, with hyphens; None for what is none."""
    try:
        return str(UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _member(data: Any, name: str) -> Any:
    return data.get(name) if isinstance(data, dict) else None


def _either(data: Any, name: str) -> Any:
    """A member of an answer of the older API, whose documents write it in both casings."""
    found = _member(data, name)
    return _member(data, name[0].lower() + name[1:]) if found is None else found


def _text(value: Any) -> str | None:
    return value[:100] if isinstance(value, str) else None


def from_environment() -> Viva | None:
    """The adapter, None when no credentials are set. Raises BadSetting for a part of them."""
    told = settings.read(VivaSettings)
    needed = {
        name: getattr(told, name)
        for name in ("viva_client_id", "viva_client_secret", "viva_merchant_id", "viva_api_key")
    }
    if not any(needed.values()):
        return None
    for name, value in needed.items():
        if not value:
            raise BadSetting(f"KERYX_{name.upper()} must be set with the other credentials of Viva")
    return Viva(told)
