"""What happens around every request: its id, its size, its log line and its figures."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import Any
from uuid import uuid4

from flask import Flask, Response, current_app, g, request
from prometheus_client import Counter, Histogram

from contracts.errors import BadRequest
from servicekit import context, logs

log = logs.get(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}", re.ASCII)
_PRINTABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

# On every answer, unless the resource says otherwise.
ALWAYS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}

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
    g.started = time.monotonic()
    g.request_id = id_for(request.headers.get("X-Request-Id", ""))
    context.enter(g.request_id)
    request.max_content_length = current_app.config["MAX_BODY_BYTES"]


def _refuse_nul() -> None:
    # PostgreSQL stores no NUL; refused here, it cannot become somebody's internal error.
    if "\x00" in request.path or any("\x00" in value for value in request.args.values()):
        raise BadRequest("nul_character", "The address contains a NUL character.")


def id_for(given: str) -> str:
    """The id that a request gets: the one it brought if that is usable, else a new one."""
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _finish(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "none"
    response.headers["X-Request-Id"] = g.request_id
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    account_id = g.identity.account_id if "identity" in g else None
    note(request.method, route, response.status_code, time.monotonic() - g.started, account_id)
    return response


def note(method: str, route: str, status: int, seconds: float, account_id: int | None) -> None:
    """The figures of a request that was answered, and its log line: the route, never the address, which can carry a number."""
    total, duration = _figures(method, route, status)
    total.inc()
    duration.observe(seconds)
    if route not in _QUIET:
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            account_id=account_id,
        )


@lru_cache(maxsize=4096)
def _figures(method: str, route: str, status: int) -> tuple[Any, Any]:
    """Looked up once: the look-up by labels cost more than the counting."""
    return requests_total.labels(method, route, status), request_seconds.labels(method, route)


def idempotency_key() -> str | None:
    """The Idempotency-Key of this request, if any: 1 to 255 printable ASCII characters. Raises BadRequest."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not is_idempotency_key(key):
        raise BadRequest("bad_idempotency_key", "Idempotency-Key takes 1 to 255 printable ASCII characters.")
    return key


def is_idempotency_key(key: str) -> bool:
    """Whether it can be one."""
    return _PRINTABLE.fullmatch(key) is not None
