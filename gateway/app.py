"""The application: resources, pages, and what surrounds every request."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask
from flask.json.provider import JSONProvider

from . import docs, errors, health, request
from .api import v1
from .api.resource import IdConverter, KeryxApi
from .auth import Authenticator
from .calls import Rpc
from .clients import Services
from .express import Express
from .public import payments, unsubscribe
from .settings import GatewaySettings

OPENAPI: dict[str, Any] = {
    "API_TITLE": "Keryx",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.0.3",
    "API_SPEC_OPTIONS": {
        "info": {
            "description": "Bulk SMS. Ids are strings; money is a decimal string in euro; times are RFC "
            "3339 in UTC; phone numbers are shown as E.164 digits without +. Every failure is "
            "application/problem+json with a stable code."
        },
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "kx_…"}}
        },
        "security": [{"bearer": []}],
    },
}


class _Json(JSONProvider):
    """JSON of answers: UTF-8 as it is, fast."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Encode."""
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Decode."""
        return orjson.loads(s)


def create_app(settings: GatewaySettings, services: Services | None = None) -> Flask:
    """The gateway as a WSGI application. Connects to the broker with the first request that needs it."""
    app = Flask("gateway", static_folder=None)
    app.json = _Json(app)
    app.url_map.converters["id"] = IdConverter
    app.config.update(
        OPENAPI,
        MAX_BODY_BYTES=settings.max_body_bytes,
        MAX_UPLOAD_BYTES=settings.max_upload_bytes,
        IMPORT_WAIT_SECONDS=settings.import_wait_seconds,
        TRUSTED_PROXIES=settings.trusted_proxies,
    )
    found = services or Services(Rpc(settings))
    app.extensions["keryx_services"] = found
    authenticator = Authenticator(
        found.accounts.authenticate, settings.auth_cache_seconds, settings.auth_cache_size
    )
    app.extensions["keryx_authenticator"] = authenticator
    app.extensions["keryx_express"] = Express(authenticator, found.dispatcher)
    request.register(app)
    errors.register(app)
    app.register_blueprint(health.pages)
    app.register_blueprint(unsubscribe.pages)
    app.register_blueprint(payments.pages)
    api = KeryxApi()
    api.register_types()
    api.init_app(app)
    v1.register(api)
    docs.register(app, api)
    return app
