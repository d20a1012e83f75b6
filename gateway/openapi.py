"""``python -m gateway.openapi`` writes ``gateway/openapi.json``, the committed OpenAPI document."""

from __future__ import annotations

from pathlib import Path

from .app import create_app
from .settings import GatewaySettings

PATH = Path(__file__).with_name("openapi.json")


def served() -> bytes:
    """The document as ``/api/v1/openapi.json`` serves it. Needs no broker."""
    app = create_app(GatewaySettings(amqp_uri="amqp://"))
    return bytes(app.extensions["keryx_openapi"])


if __name__ == "__main__":
    PATH.write_bytes(served() + b"\n")
