"""``/payments/…``: where payment providers send their webhooks and their payers.

Anybody can call these. A webhook is handed on as the bytes that came, for its signature is over them; billing believes nothing
of it but what it then asks the provider. The pages tell how an order stands and nothing about whose it is.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request

from contracts.errors import BadRequest, KeryxError, NotFound, TooLarge, Unavailable
from gateway import errors
from gateway.clients import services

pages = Blueprint("payments", __name__)

LARGEST_WEBHOOK = 64 * 1024
AT_ONCE = 4
"""Of this gateway's threads; each waits for a provider, and everybody else's requests need the rest."""
LOOKS = 12
"""How often a page that waits loads itself again."""
LOOK_SECONDS = 5
LANGUAGES = ("el", "en")
PROVIDERS = {"viva": "s", "paypal": "token"}
"""Name → the query parameter in which the provider names its order to a payer who comes back."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
WORDS: dict[str, dict[str, str]] = {
    "el": {
        "title": "Πληρωμή",
        "paid": "Η πληρωμή ολοκληρώθηκε και οι μονάδες σας είναι διαθέσιμες. Ευχαριστούμε!",
        "waiting": "Περιμένουμε την επιβεβαίωση της πληρωμής. Μπορείτε να κλείσετε τη σελίδα: μόλις έρθει, το υπόλοιπό σας"
        " θα ενημερωθεί.",
        "not_paid": "Η πληρωμή δεν ολοκληρώθηκε και δεν χρεωθήκατε.",
        "unknown": "Δεν βρέθηκε παραγγελία για αυτόν τον σύνδεσμο.",
        "later": "Δεν μπορούμε να δούμε την πληρωμή αυτή τη στιγμή. Αν πληρώσατε, δεν χάθηκε τίποτα: δοκιμάστε σε λίγο.",
        "order": "Παραγγελία",
        "again": "Δοκιμάστε ξανά",
    },
    "en": {
        "title": "Payment",
        "paid": "The payment is complete and your credit is available. Thank you!",
        "waiting": "We are waiting for the payment to be confirmed. You may close this page: your balance changes as soon as"
        " it is.",
        "not_paid": "The payment was not completed and you were not charged.",
        "unknown": "There is no order for this link.",
        "later": "We cannot see the payment right now. If you paid, nothing is lost: please try again in a while.",
        "order": "Order",
        "again": "Try again",
    },
}

_places = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def _a_place() -> Iterator[None]:
    """One of the threads that may wait for a provider. Raises Unavailable when there is none."""
    if not _places.acquire(blocking=False):
        raise Unavailable("busy", "Too many at once; try again later.")
    try:
        yield
    finally:
        _places.release()


@pages.post("/payments/<string(maxlength=20):provider>/webhook")
def webhook(provider: str) -> Any:
    """A provider tells something: 200 when it needs not be told again, 503 when it does."""
    _refuse_unknown(provider)
    headers = {name: value for name, value in request.headers if name.lower().startswith(f"{provider}-")}
    body = _body()
    with _a_place():
        services().billing.payment_webhook(provider, headers, base64.b64encode(body).decode())
    return {"received": True}


@pages.get("/payments/viva/webhook")
def viva_key() -> Any:
    """Viva reads its own key here before it sends webhooks to this address."""
    with _a_place():
        return {"Key": services().billing.payment_webhook_key("viva")["key"]}


@pages.get("/payments/<string(maxlength=20):provider>/return")
def returned(provider: str) -> Response:
    """A payer comes back from the provider's page, having paid."""
    return _page(provider, paid=True)


@pages.get("/payments/<string(maxlength=20):provider>/cancel")
def cancelled(provider: str) -> Response:
    """A payer comes back without having paid."""
    return _page(provider, paid=False)


def _body() -> bytes:
    """The bytes that came. Raises TooLarge; of a body that does not tell its length werkzeug would cut off the rest."""
    request.max_content_length = LARGEST_WEBHOOK + 1
    if (request.content_length or 0) <= LARGEST_WEBHOOK:
        body = request.get_data(cache=False)
        if len(body) <= LARGEST_WEBHOOK:
            return body
    raise TooLarge("webhook_too_large", "No webhook is that large.")


def _page(provider: str, paid: bool) -> Response:
    """How the order stands, in its own language."""
    _refuse_unknown(provider)
    provider_order = request.args.get(PROVIDERS[provider], "")[:64]
    try:
        with _a_place():
            found = services().billing.payment_returned(provider, provider_order, paid)
    except KeryxError as error:
        return _rendered("later" if type(error).status >= 500 else "unknown", type(error).status, {})
    except Exception as error:  # noqa: BLE001  the edge: people get a page, the log gets the traceback
        errors.of_unexpected(error)
        return _rendered("later", 500, {})
    return _rendered(found["state"], 404 if found["state"] == "unknown" else 200, found)


def _rendered(state: str, status: int, found: dict[str, Any]) -> Response:
    lang = _language(found.get("locale"))
    html = render_template(
        "payment.html",
        lang=lang,
        words=WORDS[lang],
        state=state,
        order_id=found.get("order_id"),
        pay_url=found.get("pay_url"),
        look_again=_look_again() if state in ("waiting", "later") else None,
        look_seconds=LOOK_SECONDS,
    )
    return Response(html, status, HEADERS, content_type="text/html; charset=utf-8")


def _language(locale: str | None) -> str:
    wished = request.args.get("lang", "")[:2]
    for one in (locale, wished):
        if one in LANGUAGES:
            return str(one)
    return request.accept_languages.best_match(LANGUAGES) or "el"


def _look_again() -> str | None:
    """This page's address once more, counted; None when it was loaded often enough."""
    looks = request.args.get("looks", "0")
    count = int(looks) + 1 if looks.isascii() and looks.isdigit() and len(looks) < 4 else LOOKS
    known = {name: request.args[name] for name in PROVIDERS.values() if name in request.args}
    return f"{request.path}?{urlencode({**known, 'looks': count})}" if count < LOOKS else None


def _refuse_unknown(provider: str) -> None:
    if provider not in PROVIDERS:
        raise NotFound("not_found", "There is no such provider.")
    if any(len(value) > 200 for value in request.args.values()):
        raise BadRequest("bad_request", "A parameter is too long.")
