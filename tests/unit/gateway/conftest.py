"""The application without a broker: a known key, and whatever needs a service answers 503."""

from __future__ import annotations

import hashlib

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.auth import Identity
from gateway.settings import GatewaySettings

CLIENT_KEY = "kx_client00_" + "c" * 43
OPERATOR_KEY = "kx_operator_" + "o" * 43
SETTINGS = {
    "default_sender": "Keryx",
    "price_class": "normal",
    "encoding": "auto",
    "timezone": "Europe/Athens",
    "locale": "el",
    "custom_labels": ["Πόντοι", "", "", ""],
    "low_balance": {"level": None, "emails": []},
}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def make_app() -> Flask:
    settings = GatewaySettings(
        amqp_uri="amqp://127.0.0.1:1", auth_cache_seconds=3_600, max_body_bytes=100_000
    )
    made = create_app(settings)
    for key, scope in ((CLIENT_KEY, "client"), (OPERATOR_KEY, "operator")):
        who = Identity(7, "Δοκιμή", 11, scope, frozenset({scope}), SETTINGS)
        digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
        made.extensions["keryx_authenticator"].remember(digest, who)
    return made


@pytest.fixture(scope="session")
def app() -> Flask:
    """One for all tests that only call it."""
    return make_app()


@pytest.fixture
def fresh_app() -> Flask:
    """One that a test may add routes to."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Calls with a key of scope client."""
    return _with_key(app, CLIENT_KEY)


@pytest.fixture
def operator(app: Flask) -> FlaskClient:
    """Calls with a key of scope operator."""
    return _with_key(app, OPERATOR_KEY)


@pytest.fixture
def anybody(app: Flask) -> FlaskClient:
    """Calls without a key."""
    return app.test_client()


def _with_key(app: Flask, key: str) -> FlaskClient:
    made = app.test_client()
    made.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return made
