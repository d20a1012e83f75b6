"""The merchant's side: token, orders, capture, refund, verification of webhooks."""

import secrets
import time
from collections.abc import Callable

from simulators import httpwire
from simulators.httpwire import HttpError, Request
from simulators.paypal import shapes
from simulators.paypal.store import Capture, Merchant, Order, Store, cents
from simulators.paypal.verify import Signer
from simulators.paypal.webhook import Events
from simulators.web import Answer, Routes, basic, bearer

TOKEN_SECONDS = 32_400
KEY_LENGTH = 108
KEYS = 10_000


class Api:
    """What a merchant's server calls."""

    def __init__(self, merchant: Merchant, store: Store, events: Events, signer: Signer) -> None:
        self.merchant, self.store, self.events, self.signer = merchant, store, events, signer
        self._tokens: dict[str, float] = {}
        self._done: dict[tuple[str, str], bytes] = {}

    def routes(self) -> Routes:
        """Paths as on api-m.paypal.com."""
        return {
            ("POST", "/v1/oauth2/token"): self._token,
            ("POST", "/v1/notifications/verify-webhook-signature"): self._for_us(self._verify),
            ("POST", "/v2/checkout/orders"): self._for_us(self._create),
            ("GET", "/v2/checkout/orders/*"): self._for_us(self._order),
            ("POST", "/v2/checkout/orders/*"): self._for_us(self._capture),
            ("GET", "/v2/payments/captures/*"): self._for_us(self._shown_capture),
            ("POST", "/v2/payments/captures/*"): self._for_us(self._refund),
            ("POST", "/sim/expire-tokens"): self._expire,
        }

    def _token(self, request: Request) -> bytes:
        if basic(request) != (self.merchant.client_id, self.merchant.client_secret):
            body = {"error": "invalid_client", "error_description": "Client Authentication failed"}
            return httpwire.json_answer(401, body)
        if request.form().get("grant_type") != "client_credentials":
            return httpwire.json_answer(400, {"error": "unsupported_grant_type"})
        token = f"A21AA{secrets.token_urlsafe(40)}"
        self._tokens[token] = time.monotonic() + TOKEN_SECONDS
        body = {"scope": "https://uri.paypal.com/services/payments/payment", "access_token": token}
        more = {"token_type": "Bearer", "app_id": "APP-80W284485P519543T", "nonce": secrets.token_hex(8)}
        return httpwire.json_answer(200, {**body, **more, "expires_in": TOKEN_SECONDS})

    def _expire(self, _: Request) -> bytes:
        self._tokens.clear()
        return httpwire.json_answer(200, {})

    def _for_us(self, handler: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        """Only with a token that we gave; links in the answer lead where the request came to, or to our public address."""

        def guarded(request: Request) -> Answer:
            if self._tokens.get(bearer(request), 0) < time.monotonic():
                return shapes.failure(401, "AUTHENTICATION_FAILURE")
            came_to = f"http://{request.headers.get('host', '127.0.0.1')}"
            self.events.base = self.merchant.public_url or came_to
            return handler(request)

        return guarded

    def _once(self, request: Request, work: Callable[[], bytes]) -> bytes:
        """The same answer to the same PayPal-Request-Id on the same address, once it went well."""
        key = (request.path, request.headers.get("paypal-request-id", ""))
        if len(key[1]) > KEY_LENGTH:
            return shapes.failure(400, "INVALID_REQUEST", "INVALID_STRING_MAX_LENGTH")
        if key[1] and key in self._done:
            return self._done[key]
        answer = work()
        if key[1] and answer.startswith(b"HTTP/1.1 20"):
            self._done[key] = answer
            if len(self._done) > KEYS:
                del self._done[next(iter(self._done))]
        return answer

    def _create(self, request: Request) -> bytes:
        asked = request.json()
        units = asked.get("purchase_units")
        if asked.get("intent") != "CAPTURE" or not isinstance(units, list) or len(units) != 1:
            return shapes.failure(400, "INVALID_REQUEST", "INVALID_PARAMETER_VALUE")
        amount = cents(units[0].get("amount", {}).get("value"))
        currency = str(units[0].get("amount", {}).get("currency_code", ""))
        if amount is None or amount <= 0 or len(currency) != 3:
            return shapes.unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE")
        back = asked.get("payment_source", {}).get("paypal", {}).get("experience_context", {})

        def work() -> bytes:
            order = self.store.open(units[0], amount, currency, back)
            whole = request.headers.get("prefer") == "return=representation"
            shown = shapes.order if whole else shapes.minimal
            return httpwire.json_answer(200, shown(order, self.events.base))

        return self._once(request, work)

    def _order(self, request: Request) -> bytes:
        return httpwire.json_answer(200, shapes.order(self._order_of(request.path), self.events.base))

    def _capture(self, request: Request) -> bytes:
        path, _, verb = request.path.rpartition("/")
        if verb != "capture":
            raise HttpError(404, "not_found", "Orders take /capture.")
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return shapes.failure(415, "UNSUPPORTED_MEDIA_TYPE")
        order = self._order_of(path)
        return self._once(request, lambda: self._take(order))

    def _take(self, order: Order) -> bytes:
        if order.captures:
            return shapes.unprocessable("ORDER_ALREADY_CAPTURED")
        if order.status != "APPROVED":
            return shapes.unprocessable("ORDER_NOT_APPROVED")
        if order.declines:
            return shapes.unprocessable("INSTRUMENT_DECLINED")
        if self.store.has_captured_invoice(order):
            return shapes.unprocessable("DUPLICATE_INVOICE_ID")
        capture = self.store.capture(order)
        self.events.captured(capture, order)
        return httpwire.json_answer(201, shapes.order(order, self.events.base))

    def _shown_capture(self, request: Request) -> bytes:
        capture = self._capture_of(request.path)
        order = self.store.orders[capture.order]
        return httpwire.json_answer(200, shapes.capture(capture, order, self.events.base))

    def _refund(self, request: Request) -> bytes:
        path, _, verb = request.path.rpartition("/")
        if verb != "refund":
            raise HttpError(404, "not_found", "Captures take /refund.")
        capture = self._capture_of(path)
        asked = request.json().get("amount")
        left = capture.amount - capture.refunded
        amount = left if asked is None else cents(asked.get("value"))

        def work() -> bytes:
            if capture.status == "REFUNDED":
                return shapes.unprocessable("CAPTURE_FULLY_REFUNDED")
            if capture.status not in ("COMPLETED", "PARTIALLY_REFUNDED"):
                return shapes.unprocessable("CAPTURE_STATUS_NOT_VALID")
            if amount is None or not 0 < amount <= left:
                return shapes.unprocessable("REFUND_AMOUNT_EXCEEDED")
            if asked is not None and asked.get("currency_code") != capture.currency:
                return shapes.unprocessable("CURRENCY_MISMATCH")
            made = self.store.refund(capture, amount)
            self.events.refunded(made)
            return httpwire.json_answer(201, shapes.refund(made, self.events.base))

        return self._once(request, work)

    def _verify(self, request: Request) -> bytes:
        request.json()
        status = "SUCCESS" if self.signer.is_mine(request.body) else "FAILURE"
        return httpwire.json_answer(200, {"verification_status": status})

    def _order_of(self, path: str) -> Order:
        found = self.store.orders.get(path.rpartition("/")[2])
        if found is None:
            raise HttpError(404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.")
        return found

    def _capture_of(self, path: str) -> Capture:
        found = self.store.captures.get(path.rpartition("/")[2])
        if found is None:
            raise HttpError(404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.")
        return found
