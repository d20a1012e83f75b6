"""The pages behind unsubscribe links, as far as they go without the services."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.public.unsubscribe import address
from gateway.public.words import LANGUAGES, WORDS
from gateway.settings import GatewaySettings

LINK = "/u/Ab3xK9qLm0Z"


def test_both_languages_say_the_same_things() -> None:
    greek, english = (WORDS[language] for language in ("el", "en"))

    assert set(WORDS) == set(LANGUAGES)
    assert greek.keys() == english.keys()
    for key, words in greek.items():
        assert words
        assert {"{account}" in words, "{number}" in words} == {
            "{account}" in english[key],
            "{number}" in english[key],
        }


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_failure_is_a_page_for_people_that_tells_nobody_its_address(
    anybody: FlaskClient, method: str
) -> None:
    response = anybody.open(LINK, method=method)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.content_type == "text/html; charset=utf-8"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "form-action 'self'" in policy
    assert "script" not in policy
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    ("query", "accept", "lang"),
    [
        ("", "el-GR,el;q=0.9,en;q=0.8", "el"),
        ("", "en-US,en;q=0.9,el;q=0.2", "en"),
        ("", "de,en;q=0.5", "en"),
        ("", "de", "el"),
        ("", "", "el"),
        ("?lang=en", "el", "en"),
        ("?lang=el", "en", "el"),
        ("?lang=xx", "en", "en"),
    ],
)
def test_the_language_is_asked_for_or_preferred_or_greek(
    anybody: FlaskClient, query: str, accept: str, lang: str
) -> None:
    response = anybody.get(LINK + query, headers={"Accept-Language": accept})

    other = "el" if lang == "en" else "en"
    assert f'<html lang="{lang}">' in response.text
    assert WORDS[lang]["later"] in response.text
    assert f'href="{LINK}?lang={other}"' in response.text


def test_nothing_of_the_address_is_written_into_the_page_unescaped(anybody: FlaskClient) -> None:
    response = anybody.get("/u/%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script" not in anybody.get("/u/%22%3E%3Cscript%3E").text
    assert response.status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(anybody: FlaskClient, method: str) -> None:
    assert anybody.open(LINK, method=method).status_code == 405


def test_options_asks_nobody(anybody: FlaskClient) -> None:
    response = anybody.options(LINK)

    assert response.status_code == 200
    assert {"GET", "HEAD", "POST", "OPTIONS"} == set(response.headers["Allow"].split(", "))


def _app(proxies: int) -> Flask:
    return create_app(GatewaySettings(amqp_uri="amqp://127.0.0.1:1", trusted_proxies=proxies))


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "expected"),
    [
        (0, "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        (1, "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "10.0.0.1", "10.0.0.2", "10.0.0.1"),
        (1, "10.0.0.1", "", "10.0.0.1"),
        (1, "10.0.0.1", "nonsense", "unknown"),
        (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
    ],
)
def test_an_address_is_what_a_trusted_proxy_saw(
    proxies: int, remote: str, forwarded: str, expected: str
) -> None:
    environment: dict[str, Any] = {"REMOTE_ADDR": remote}
    with _app(proxies).test_request_context(
        LINK, environ_base=environment, headers={"X-Forwarded-For": forwarded}
    ):
        assert address() == expected
