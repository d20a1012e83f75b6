"""``/healthz`` (alive), ``/readyz`` (can do its work now), ``/metrics``."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contracts.errors import KeryxError

from .clients import services

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def healthz() -> Any:
    """The process answers."""
    return {"status": "ok"}


@pages.get("/readyz")
def readyz() -> Any:
    """200 when a call over the broker reaches accounts and its database; without accounts nobody gets in."""
    try:
        ready = services().accounts.ping() == "pong"
    except KeryxError:
        ready = False
    return {"broker_and_accounts": ready}, 200 if ready else 503


@pages.get("/metrics")
def metrics() -> Response:
    """Prometheus."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
