"""The payer's side: the hosted page where one pays, is declined or turns back; the source's return addresses."""

from html import escape
from urllib.parse import urlencode

from simulators import httpwire
from simulators.httpwire import HttpError, Request
from simulators.viva import webhook
from simulators.viva.store import PENDING, Merchant, Order, Store
from simulators.web import Routes
from simulators.webhooks import Webhooks

HTML = "text/html; charset=utf-8"
PAGE = """<!doctype html><html lang="el"><meta charset="utf-8"><title>Viva simulator</title>
<body style="font-family:sans-serif;max-width:30em;margin:3em auto"><h1>Viva simulator</h1>
<p>{text}</p><p style="font-size:2em">{amount}</p><form method="post" action="/web/checkout">
<input type="hidden" name="ref" value="{code}">
<button name="action" value="pay">Πληρωμή / Pay</button>
<button name="action" value="decline">Απόρριψη κάρτας / Decline</button>
<button name="action" value="cancel">Άκυρο / Cancel</button></form>
<p>No card, no money: this page plays Viva's on a laptop.</p></body></html>"""


class Checkout:
    """What a payer's browser sees."""

    def __init__(self, merchant: Merchant, store: Store, webhooks: Webhooks) -> None:
        self.merchant, self.store, self.webhooks = merchant, store, webhooks

    def routes(self) -> Routes:
        """The page, its buttons, and a payment as a test wants it."""
        return {
            ("GET", "/web/checkout"): self._page,
            ("POST", "/web/checkout"): self._click,
            ("POST", "/sim/pay"): self._pay_as_told,
        }

    def _page(self, request: Request) -> bytes:
        order = self._order(request.query.get("ref", ""))
        if order.settle() != PENDING:
            return httpwire.answer(410, b"<!doctype html><p>This order can no longer be paid.", HTML)
        text = escape(str(order.asked.get("customerTrns") or ""))
        amount = f"{order.amount / 100:.2f} ({order.currency})"
        return httpwire.answer(200, PAGE.format(text=text, amount=amount, code=order.code).encode(), HTML)

    def _click(self, request: Request) -> bytes:
        fields = request.form()
        order = self._order(fields.get("ref", ""))
        return httpwire.redirect(self._act(order, fields.get("action", ""), order.amount, order.currency))

    def _pay_as_told(self, request: Request) -> bytes:
        """Pay another amount (cents) or currency than asked, or an order that was paid already."""
        wanted = request.json()
        order = self._order(str(wanted.get("order", "")))
        amount, currency = wanted.get("amount", order.amount), str(wanted.get("currency", order.currency))
        if type(amount) is not int or amount <= 0:
            raise HttpError(422, "bad_amount", "amount is cents.")
        order.state = PENDING
        action = wanted.get("action", "pay")
        return httpwire.json_answer(200, {"location": self._act(order, action, amount, currency)})

    def _act(self, order: Order, action: str, amount: int, currency: str) -> str:
        """Do what the payer wants; the address that the browser goes to."""
        back = {"s": str(order.code), "lang": "el-GR", "eventId": "0", "eci": "1"}
        if action == "cancel":
            return _with(self.merchant.failure_url, back)
        if action not in ("pay", "decline") or order.settle() != PENDING:
            raise HttpError(409, "not_payable", "The order can not be paid that way (any more).")
        succeeds = action == "pay"
        made = self.store.charge(order, amount, currency, succeeds)
        event = 1796 if succeeds else 1798
        self.webhooks.add(str(event), webhook.maker(event, made, order, self.merchant))
        url = self.merchant.success_url if succeeds else self.merchant.failure_url
        return _with(url, {"t": made.id, **back})

    def _order(self, code: str) -> Order:
        order = (
            self.store.orders.get(int(code)) if code.isascii() and code.isdigit() and len(code) < 19 else None
        )
        if order is None:
            raise HttpError(404, "not_found", "No such order.")
        return order


def _with(url: str, query: dict[str, str]) -> str:
    return f"{url or '/web/done'}{'&' if '?' in url else '?'}{urlencode(query)}"
