"""What happens around every request: its id, its size, its log line and its figures."""

from __future__ import annotations

import re
import time
from uuid import uuid4

from flask import Flask, Response, current_app, g, request
from prometheus_client import Counter, Histogram

from contracts.errors import BadRequest
from servicekit import context, logs

log = logs.get(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}", re.ASCII)
_PRINTABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

requests_total = Counter("keryx_http_requests_total", "HTTP requests", ["method", "route", "status"])
request_seconds = Histogram(
    "keryx_http_request_seconds", "Time to answer an HTTP request", ["method", "route"]
)


def register(app: Flask) -> None:
    """Install the hooks, in the order they run."""
    app.before_request(_begin)
    app.before_request(_refuse_nul)
    app.after_request(_finish)


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.started = time.monotonic()
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
    context.enter(g.request_id)
    request.max_content_length = current_app.config["MAX_BODY_BYTES"]


def _refuse_nul() -> None:
    # PostgreSQL stores no NUL; refused here, it cannot become somebody's internal error.
    if "\x00" in request.path or any("\x00" in value for value in request.args.values()):
        raise BadRequest("nul_character", "The address contains a NUL character.")


def _finish(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "none"
    seconds = time.monotonic() - g.started
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    requests_total.labels(request.method, route, response.status_code).inc()
    request_seconds.labels(request.method, route).observe(seconds)
    if route not in _QUIET:
        # The route, never the address: an address can carry a phone number.
        log.info(
            "request",
            method=request.method,
            route=route,
            status=response.status_code,
            ms=round(seconds * 1000, 1),
            account_id=g.identity.account_id if "identity" in g else None,
        )
    return response


def idempotency_key() -> str | None:
    """The Idempotency-Key of this request, if any: 1 to 255 printable ASCII characters. Raises BadRequest."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _PRINTABLE.fullmatch(key):
        raise BadRequest("bad_idempotency_key", "Idempotency-Key takes 1 to 255 printable ASCII characters.")
    return key
