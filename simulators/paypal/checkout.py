"""The payer's side: the page where one approves, with an instrument that pays or one that does not, or turns back."""

from html import escape
from urllib.parse import urlencode

from simulators import httpwire
from simulators.httpwire import HttpError, Request
from simulators.paypal.store import Order, Store
from simulators.paypal.webhook import OF_CAPTURE, Events
from simulators.web import Routes

HTML = "text/html; charset=utf-8"
PAYER = "FSMVU44LF3YUS"
PAGE = """<!doctype html><html lang="el"><meta charset="utf-8"><title>PayPal simulator</title>
<body style="font-family:sans-serif;max-width:30em;margin:3em auto"><h1>PayPal simulator</h1>
<p>{text}</p><p style="font-size:2em">{amount}</p><form method="post" action="/checkoutnow">
<input type="hidden" name="ref" value="{id}">
<button name="action" value="pay">Πληρωμή / Pay</button>
<button name="action" value="decline">Κάρτα που απορρίπτεται / Card that is declined</button>
<button name="action" value="cancel">Άκυρο / Cancel</button></form>
<p>No account, no money: this page plays PayPal's on a laptop.</p></body></html>"""


class Checkout:
    """What a payer's browser sees."""

    def __init__(self, store: Store, events: Events) -> None:
        self.store, self.events = store, events

    def routes(self) -> Routes:
        """The page, its buttons, and what a test wants to happen."""
        return {
            ("GET", "/checkoutnow"): self._page,
            ("POST", "/checkoutnow"): self._click,
            ("POST", "/sim/pay"): self._pay_as_told,
            ("POST", "/sim/captures"): self._captures,
        }

    def _page(self, request: Request) -> bytes:
        order = self._order(request.query.get("token", ""))
        if order.captures:
            return httpwire.answer(410, b"<!doctype html><p>This order can no longer be paid.", HTML)
        text = escape(str(order.unit.get("description") or ""))
        amount = f"{order.amount / 100:.2f} {escape(order.currency)}"
        return httpwire.answer(200, PAGE.format(text=text, amount=amount, id=order.id).encode(), HTML)

    def _click(self, request: Request) -> bytes:
        fields = request.form()
        return httpwire.redirect(self._act(self._order(fields.get("ref", "")), fields.get("action", "")))

    def _pay_as_told(self, request: Request) -> bytes:
        """Approve for another amount (cents) or currency than asked."""
        wanted = request.json()
        order = self._order(str(wanted.get("order", "")))
        amount = wanted.get("amount", order.amount)
        if type(amount) is not int or amount <= 0:
            raise HttpError(422, "bad_amount", "amount is cents.")
        order.amount, order.currency = amount, str(wanted.get("currency", order.currency))
        return httpwire.json_answer(200, {"location": self._act(order, wanted.get("action", "pay"))})

    def _captures(self, request: Request) -> bytes:
        """`next`: the status of the next capture; or `id` and `status`: what becomes of a pending one."""
        wanted = request.json()
        status = wanted.get("next", wanted.get("status"))
        if status not in OF_CAPTURE:
            raise HttpError(422, "bad_status", f"A capture is {', '.join(OF_CAPTURE)}.")
        if "next" in wanted:
            self.store.next_capture = status
            return httpwire.json_answer(200, {})
        capture = self.store.captures.get(str(wanted.get("id")))
        if capture is None or capture.status != "PENDING":
            raise HttpError(404, "not_found", "No such pending capture.")
        capture.status = status
        self.events.captured(capture, self.store.orders[capture.order])
        return httpwire.json_answer(200, {})

    def _act(self, order: Order, action: str) -> str:
        """Do what the payer wants; the address that the browser goes to."""
        if action == "cancel":
            return _with(order.cancel_url, {"token": order.id})
        if action not in ("pay", "decline") or order.captures:
            raise HttpError(409, "not_payable", "The order can not be paid that way (any more).")
        order.status, order.declines = "APPROVED", action == "decline"
        self.events.approved(order)
        return _with(order.return_url, {"token": order.id, "PayerID": PAYER})

    def _order(self, order_id: str) -> Order:
        order = self.store.orders.get(order_id)
        if order is None:
            raise HttpError(404, "not_found", "No such order.")
        return order


def _with(url: str, query: dict[str, str]) -> str:
    return f"{url or '/checkoutnow/done'}{'&' if '?' in url else '?'}{urlencode(query)}"
