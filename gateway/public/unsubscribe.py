"""``/u/<token>``: the page behind the unsubscribe link of a message.

GET, HEAD and OPTIONS change nothing, so whatever follows links (scanners, previews, prefetching browsers) unsubscribes
nobody; POST does, without a login: the token is the proof. Nothing on the page comes from elsewhere and nothing leads
elsewhere, and the address with its token is told to nobody (no Referer, no index, no cache).
"""

from __future__ import annotations

import ipaddress
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request, url_for

from contracts.errors import KeryxError
from gateway import errors
from gateway.clients import services

from .words import LANGUAGES, WORDS

pages = Blueprint("unsubscribe", __name__)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Vary": "Accept-Language",
}
RETRY_AFTER = {429: "60", 503: "5"}
_MESSAGES = {404: "unknown", 400: "unknown", 409: "too_late", 429: "too_many"}


@pages.get("/u/<string(maxlength=64):token>")
def show(token: str) -> Response:
    """Who sends messages, to which number (masked), and a button."""
    found = services().contacts.unsubscribe_page(token)
    return _page(token, found, found["state"])


@pages.post("/u/<string(maxlength=64):token>")
def unsubscribe(token: str) -> Response:
    """Record that nothing more is to be sent. Again, it changes nothing."""
    found = services().contacts.unsubscribe(token, address())
    return _page(token, found, found["state"])


@pages.post("/u/<string(maxlength=64):token>/undo")
def undo(token: str) -> Response:
    """Take it back, within the hour. Who is on the account's blacklist besides is told that nothing is sent still."""
    found = services().contacts.undo_unsubscribe(token, address())
    return _page(token, found, "undone" if found["state"] == "open" else found["state"])


@pages.errorhandler(KeryxError)
def refused(error: KeryxError) -> Response:
    """A failure that people can read."""
    return _failure(type(error).status)


@pages.errorhandler(Exception)
def failed(error: Exception) -> Response:
    """A fault of ours: the log has it, the page does not."""
    errors.of_unexpected(error)
    return _failure(500)


def address() -> str:
    """Where the request came from: an IPv4 address, or the /64 of an IPv6 one, which is one customer's.

    Behind KERYX_TRUSTED_PROXIES proxies it is what the outermost of them saw; what a client claims before that is ignored.
    """
    hops = current_app.config["TRUSTED_PROXIES"]
    forwarded = [
        one for part in request.headers.get("X-Forwarded-For", "").split(",") if (one := part.strip())
    ]
    seen = forwarded[-hops] if 0 < hops <= len(forwarded) else request.remote_addr or ""
    try:
        found = ipaddress.ip_address(seen)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network(f"{found}/64", strict=False))
    return str(found)


def language() -> str:
    """What ``?lang=`` says, else what the browser prefers, else Greek."""
    asked = request.args.get("lang", "")
    return asked if asked in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or "el"


def _page(token: str, found: dict[str, Any], message: str) -> Response:
    words = WORDS[language()]
    names = {
        "account": found["account_name"] or words["sender"],
        "number": found["number"] or words["your_number"],
    }
    buttons = []
    if found["state"] == "open" and message == "open":
        buttons.append(("unsubscribe.unsubscribe", words["stop"]))
    if found["may_undo"]:
        buttons.append(("unsubscribe.undo", words["undo"]))
    return _rendered(200, words[message].format(**names), token, buttons, ask=message == "open")


def _failure(status: int) -> Response:
    token = (request.view_args or {}).get("token", "")
    response = _rendered(status, WORDS[language()][_MESSAGES.get(status, "later")], token, [])
    response.status_code = 404 if status == 400 else status
    if status in RETRY_AFTER:
        response.headers["Retry-After"] = RETRY_AFTER[status]
    return response


def _rendered(
    status: int, text: str, token: str, buttons: list[tuple[str, str]], ask: bool = False
) -> Response:
    lang = language()
    other = next(one for one in LANGUAGES if one != lang)
    actions = [(url_for(name, token=token, lang=lang), label) for name, label in buttons]
    html = render_template(
        "unsubscribe.html",
        lang=lang,
        words=WORDS[lang],
        text=text,
        ask=ask,
        actions=actions,
        other=(other, url_for("unsubscribe.show", token=token, lang=other) if token else ""),
    )
    return Response(html, status, HEADERS, content_type="text/html; charset=utf-8")
