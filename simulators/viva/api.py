"""The merchant's side: token, orders, transactions, refunds, the key of webhooks.

Shapes are those of developer.viva.com and of clients that were tested against it. The body of an error of
/checkout/v2/orders is not documented; the one here is modelled on the legacy API's.
"""

import secrets
import time
from typing import Any

from simulators import httpwire
from simulators.httpwire import HttpError, Request
from simulators.viva import webhook
from simulators.viva.store import CANCELLED, PENDING, Merchant, Order, Store, Transaction, euros
from simulators.web import Routes, basic, bearer
from simulators.webhooks import Webhooks, now_iso

TOKEN_SECONDS = 3600
LEAST_CENTS = 30
LONGEST_TIMEOUT, USUAL_TIMEOUT = 432_000, 1800


class Api:
    """What a merchant's server calls."""

    def __init__(self, merchant: Merchant, store: Store, webhooks: Webhooks) -> None:
        self.merchant, self.store, self.webhooks = merchant, store, webhooks
        self._tokens: dict[str, float] = {}

    def routes(self) -> Routes:
        """Paths of the three hosts that Viva spreads them over; they do not overlap."""
        return {
            ("POST", "/connect/token"): self._token,
            ("POST", "/checkout/v2/orders"): self._create,
            ("GET", "/checkout/v2/transactions/*"): self._transaction,
            ("GET", "/api/transactions/"): self._search,
            ("GET", "/api/transactions"): self._search,
            ("DELETE", "/api/transactions/*"): self._refund,
            ("GET", "/api/orders/*"): self._order,
            ("DELETE", "/api/orders/*"): self._cancel,
            ("GET", "/api/messages/config/token"): self._key,
            ("POST", "/sim/expire-tokens"): self._expire,
        }

    def _token(self, request: Request) -> bytes:
        given = basic(request)
        if given != (self.merchant.client_id, self.merchant.client_secret):
            return httpwire.json_answer(400, {"error": "invalid_client"})
        if request.form().get("grant_type") != "client_credentials":
            return httpwire.json_answer(400, {"error": "unsupported_grant_type"})
        token = secrets.token_urlsafe(32)
        self._tokens[token] = time.monotonic() + TOKEN_SECONDS
        scope = "urn:viva:payments:core:api:redirectcheckout"
        body = {"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer", "scope": scope}
        return httpwire.json_answer(200, body)

    def _expire(self, _: Request) -> bytes:
        self._tokens.clear()
        return httpwire.json_answer(200, {})

    def _need_bearer(self, request: Request) -> None:
        if self._tokens.get(bearer(request), 0) < time.monotonic():
            raise HttpError(401, "unauthorized", "The access token is missing, unknown or too old.")

    def _need_basic(self, request: Request) -> None:
        if basic(request) != (self.merchant.merchant_id, self.merchant.api_key):
            raise HttpError(401, "unauthorized", "Merchant id and API key are expected.")

    def _create(self, request: Request) -> bytes:
        self._need_bearer(request)
        asked = request.json()
        amount, timeout = asked.get("amount"), asked.get("paymentTimeOut", USUAL_TIMEOUT)
        if type(amount) is not int or amount < LEAST_CENTS:
            return _refusal(400, f"amount must be a whole number of cents, at least {LEAST_CENTS}")
        if type(timeout) is not int or not 0 <= timeout <= LONGEST_TIMEOUT:
            return _refusal(400, "paymentTimeOut must be seconds")
        if not isinstance(asked.get("currencyCode", "978"), str):
            return _refusal(400, "currencyCode must be a string")
        return httpwire.json_answer(200, {"orderCode": self.store.open(asked, timeout).code})

    def _transaction(self, request: Request) -> bytes:
        self._need_bearer(request)
        found = self.store.transaction(request.path.rpartition("/")[2])
        if found is None:
            return _refusal(404, "no such transaction")
        order = self.store.orders[found.order_code]
        return httpwire.json_answer(200, _shown(found, order))

    def _search(self, request: Request) -> bytes:
        """Retrieve transactions (old): those of an order, refunds among them; none for an order nobody knows."""
        self._need_basic(request)
        order = self.store.orders.get(request.whole("ordercode"))
        found = [_listed(t, order) for t in order.transactions] if order else []
        return httpwire.json_answer(200, {"Transactions": found, **_legacy()})

    def _order(self, request: Request) -> bytes:
        self._need_basic(request)
        order = self._order_of(request)
        return httpwire.json_answer(
            200,
            {
                "OrderCode": order.code, "StateId": order.settle(), "RequestAmount": euros(order.amount),
                "MerchantTrns": order.asked.get("merchantTrns"), "CustomerTrns": order.asked.get("customerTrns"),
                "SourceCode": order.asked.get("sourceCode", "Default"), "Tags": order.asked.get("tags", []),
            },
        )  # fmt: skip

    def _cancel(self, request: Request) -> bytes:
        self._need_basic(request)
        order = self._order_of(request)
        if order.settle() != PENDING:
            return httpwire.json_answer(200, _legacy(404, "The order is not pending") | {"OrderCode": None})
        order.state = CANCELLED
        return httpwire.json_answer(200, {"OrderCode": order.code, **_legacy()})

    def _order_of(self, request: Request) -> Order:
        code = request.path.rpartition("/")[2]
        order = (
            self.store.orders.get(int(code)) if code.isascii() and code.isdigit() and len(code) < 19 else None
        )
        if order is None:
            raise HttpError(404, "not_found", "No such order.")
        return order

    def _refund(self, request: Request) -> bytes:
        """Give back `amount` cents of a charge. Legacy manners: a refusal is 200 with an ErrorCode."""
        self._need_basic(request)
        charge = self.store.transaction(request.path.rpartition("/")[2])
        amount = request.whole("amount")
        if charge is None or charge.parent is not None or charge.status not in "FR":
            return httpwire.json_answer(200, _legacy(404, "The transaction was not found"))
        if not 0 < amount <= charge.amount - charge.refunded:
            return httpwire.json_answer(200, _legacy(403, "The amount exceeds what is left of the payment"))
        made = self.store.give_back(charge, amount)
        order = self.store.orders[charge.order_code]
        self.webhooks.add("1797", webhook.maker(1797, made, order, self.merchant))
        body = {"Emv": None, "StatusId": "F", "TransactionId": made.id, "Amount": euros(amount), **_legacy()}
        return httpwire.json_answer(200, body)

    def _key(self, request: Request) -> bytes:
        self._need_basic(request)
        return httpwire.json_answer(200, {"Key": webhook.key_of(self.merchant)})


def _refusal(status: int, message: str) -> bytes:
    return httpwire.json_answer(status, {"status": status, "message": message, "eventId": 0})


def _legacy(code: int = 0, text: str | None = None) -> dict[str, Any]:
    return {"ErrorCode": code, "ErrorText": text, "TimeStamp": now_iso(7), "EventId": 0, "Success": code == 0}


def _shown(transaction: Transaction, order: Order) -> dict[str, Any]:
    """As the new API shows a transaction: amount in euros."""
    return {
        "email": order.asked.get("customer", {}).get("email"),
        "amount": euros(transaction.amount),
        "orderCode": order.code,
        "statusId": transaction.status,
        "fullName": order.asked.get("customer", {}).get("fullName"),
        "insDate": transaction.inserted + "+00:00",
        "cardNumber": "414746XXXXXX0133",
        "currencyCode": transaction.currency,
        "customerTrns": order.asked.get("customerTrns"),
        "merchantTrns": order.asked.get("merchantTrns"),
        "transactionTypeId": transaction.type,
        "recurringSupport": False,
        "totalInstallments": 0,
        "cardTypeId": 0,
        "bankId": "NET_VISA",
        "switching": False,
    }


def _listed(transaction: Transaction, order: Order | None) -> dict[str, Any]:
    """As the old search shows it: the order nested, amount in euros."""
    asked = order.asked if order else {}
    return {
        "TransactionId": transaction.id,
        "ParentId": transaction.parent,
        "Amount": euros(transaction.amount),
        "CurrencyCode": transaction.currency,
        "StatusId": transaction.status,
        "TransactionType": {"TransactionTypeId": transaction.type},
        "MerchantTrns": asked.get("merchantTrns"),
        "CustomerTrns": asked.get("customerTrns"),
        "InsDate": transaction.inserted,
        "Order": {"OrderCode": transaction.order_code, "ChannelId": None, "SourceCode": "Default"},
    }
