"""Who gets in, and where to."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contracts.errors import Unauthorized, Unavailable
from gateway.auth import Authenticator, Identity
from tests.unit.gateway.conftest import bearer
from tests.unit.gateway.test_problems import the_problem

KEY = "kx_abcdefgh_" + "a" * 43
WHO: dict[str, Any] = {
    "account_id": 7, "account_name": "A", "key_id": 1, "name": "k", "scopes": ["client"], "settings": {},
}  # fmt: skip


def documented(app: Flask) -> list[tuple[str, str]]:
    """(method, address) of every call in the document, its parameters filled in with "1"."""
    document = app.test_client().get("/api/v1/openapi.json").get_json()
    return [
        (method, re.sub(r"\{\w+\}", "1", path))
        for path, item in document["paths"].items()
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}
    ]


def test_without_a_key_nothing_is_answered(anybody: FlaskClient) -> None:
    response = anybody.get("/api/v1/me")
    the_problem(response, 401, "api_key_missing")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic eDp5", KEY])
def test_a_header_that_is_no_bearer_key_is_no_key(anybody: FlaskClient, header: str) -> None:
    the_problem(anybody.get("/api/v1/me", headers={"Authorization": header}), 401, "api_key_missing")


@pytest.mark.parametrize("key", ["x", "kx_a_b", "kx_abcdefgh_" + "é" * 43, "kx_abcdefgh_" + "a" * 500])
def test_a_malformed_key_is_refused_without_asking_anybody(anybody: FlaskClient, key: str) -> None:
    header = bearer(key.encode().decode("latin-1"))
    the_problem(anybody.get("/api/v1/me", headers=header), 401, "invalid_api_key")


def test_no_documented_call_is_answered_without_a_key(anybody: FlaskClient, app: Flask) -> None:
    calls = documented(app)
    assert len(calls) > 40
    for method, path in calls:
        the_problem(anybody.open(path, method=method), 401, "api_key_missing")


def test_every_call_is_403_for_a_key_without_its_scope(
    client: FlaskClient, operator: FlaskClient, app: Flask
) -> None:
    for method, path in documented(app):
        wrong = client if path.startswith("/api/v1/operator/") else operator
        the_problem(wrong.open(path, method=method), 403, "scope_missing")


def test_the_key_says_who_it_is(client: FlaskClient) -> None:
    assert client.get("/api/v1/me").get_json() == {
        "account_id": "7", "account_name": "Δοκιμή", "key_id": "11", "key_name": "client", "scopes": ["client"],
    }  # fmt: skip


def test_an_answer_is_remembered_for_a_while() -> None:
    asked: list[str] = []

    def ask(key: str) -> dict[str, Any]:
        asked.append(key)
        return WHO

    authenticator = Authenticator(ask, seconds=60, size=10)
    assert authenticator.identity_of(KEY) == authenticator.identity_of(KEY) == Identity.from_data(WHO)
    assert len(asked) == 1


def test_an_answer_is_forgotten_after_its_time() -> None:
    asked: list[str] = []
    authenticator = Authenticator(lambda key: asked.append(key) or WHO, seconds=0, size=10)  # type: ignore[func-returns-value]
    authenticator.identity_of(KEY)
    authenticator.identity_of(KEY)
    assert len(asked) == 2


def test_a_refusal_is_remembered_and_an_outage_is_not() -> None:
    answers: list[Exception] = [Unavailable("service_unavailable"), Unauthorized("invalid_api_key")]

    def ask(_: str) -> dict[str, Any]:
        raise answers.pop(0)

    authenticator = Authenticator(ask, seconds=60, size=10)
    with pytest.raises(Unavailable):
        authenticator.identity_of(KEY)
    for _ in range(2):
        with pytest.raises(Unauthorized):
            authenticator.identity_of(KEY)
    assert not answers


def test_a_change_of_settings_makes_the_account_asked_anew() -> None:
    asked: list[str] = []
    authenticator = Authenticator(lambda key: asked.append(key) or WHO, seconds=60, size=10)  # type: ignore[func-returns-value]
    authenticator.identity_of(KEY)
    authenticator.forget_account(8)
    authenticator.identity_of(KEY)
    assert len(asked) == 1
    authenticator.forget_account(7)
    authenticator.identity_of(KEY)
    assert len(asked) == 2


def test_memory_is_bounded() -> None:
    authenticator = Authenticator(lambda _: WHO, seconds=60, size=3)
    for number in range(10):
        authenticator.identity_of(f"kx_abcdefg{number}_" + "a" * 43)
    assert len(authenticator._known) == 3
