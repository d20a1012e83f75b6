"""The short way of POST /messages answers as the usual way does, or leaves the request to it untouched."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import (
    Conflict,
    InsufficientFunds,
    Invalid,
    KeryxError,
    TooMany,
    Unavailable,
    Unexpected,
)
from gateway.api.v1.schemas.messages import Accepted
from gateway.app import create_app
from gateway.auth import Identity
from gateway.calls import Rpc
from gateway.clients import Services
from gateway.express import PATH, Answer, Express, shown
from gateway.settings import GatewaySettings
from tests.unit.gateway.conftest import CLIENT_KEY, OPERATOR_KEY, SETTINGS, bearer

NO_SENDER_KEY = "kx_nosender_" + "n" * 43
REQUEST_ID = "request-0001"
ENTRY = {
    "id": 5, "to": "306912345678", "state": "accepted", "parts": 1, "price": 45_000, "reference": None,
}  # fmt: skip
REFUSALS: list[KeryxError] = [
    InsufficientFunds("insufficient_funds", "The balance does not cover these messages."),
    Conflict("idempotency_key_reused", "This Idempotency-Key was used for a different request."),
    TooMany("spend_limit_reached", "Enough.", [{"pointer": "", "code": "until", "detail": "2026-01-01"}]),
    Invalid("too_many_messages", "Too many."),
]


class Wire(Rpc):
    """What lies behind the gateway: notes what is asked and says what it was told to say."""

    def __init__(self) -> None:
        self.says: Any = {"answer": {"data": [ENTRY]}}
        self.asked: list[Any] = []

    def call(self, wait: str, repeatable: bool, service: str, method: str, *args: Any, **kwargs: Any) -> Any:
        assert (service, method) == ("dispatcher", "accept_all")
        self.asked.append(args)
        if isinstance(self.says, BaseException):
            raise self.says
        return [self.says for _ in args[0]]


WIRE = Wire()


def _made() -> Flask:
    made = create_app(
        GatewaySettings("amqp://127.0.0.1:1", auth_cache_seconds=3_600, max_body_bytes=100_000),
        Services(WIRE),
    )
    keys = ((CLIENT_KEY, "client", SETTINGS), (OPERATOR_KEY, "operator", SETTINGS),
            (NO_SENDER_KEY, "client", {**SETTINGS, "default_sender": None}))  # fmt: skip
    for key, scope, settings in keys:
        digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
        who = Identity(7, "Δοκιμή", 11, scope, frozenset({scope}), settings)
        made.extensions["keryx_authenticator"].remember(digest, who)
    return made


APP = _made()


@pytest.fixture(autouse=True)
def _as_usual() -> Iterator[None]:
    yield
    WIRE.says = {"answer": {"data": [ENTRY]}}


def by_the_short_way(headers: dict[str, str], body: bytes) -> Answer | None:
    told = threading.Event()
    answers: list[Answer] = []

    def answered(answer: Answer) -> None:
        answers.append(answer)
        told.set()

    express: Express = APP.extensions["keryx_express"]
    if not express.take([(name.upper(), value) for name, value in headers.items()], body, answered):
        return None
    assert told.wait(10)
    return answers[0]


def compare(headers: dict[str, str], body: bytes) -> bool:
    """Whether the short way took it; if so, all that it asked and answered is what the usual way asks and answers."""
    headers = {"X-Request-Id": REQUEST_ID, **headers}
    WIRE.asked.clear()
    short = by_the_short_way(headers, body)
    asked = list(WIRE.asked)
    if short is None:
        assert not asked
        return False
    WIRE.asked.clear()
    usual = APP.test_client().post(PATH, data=body, headers=headers)
    assert WIRE.asked == asked
    assert (short.status, orjson.loads(short.body)) == (usual.status_code, orjson.loads(usual.data))
    assert {**short.headers, "Content-Length": str(len(short.body))} == dict(usual.headers)
    return True


HEADERS = {"Content-Type": "application/json", **bearer(CLIENT_KEY)}
PLAIN = {"to": "6912345678", "text": "Γεια"}


def valid_or_not(*values: Any) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.sampled_from(values), st.text(max_size=50), st.none(), st.integers(-9, 9), st.lists(st.text())
    )


FIELDS = {
    "to": valid_or_not("6912345678", "", "6" * 40, "6" * 41),
    "text": valid_or_not("Γεια", "", "a" * 2_000, "a" * 2_001, "\x00", "🙂" * 2_000),
    "sender": valid_or_not("Shop", "", "a" * 16, "a" * 17),
    "reference": valid_or_not("r", "", "a" * 100, "a" * 101),
    "price_class": valid_or_not("normal", "low", "high"),
    "encoding": valid_or_not("auto", "gsm", "unicode", "utf"),
    "kind": valid_or_not("marketing", "transactional"),
    "all_or_nothing": st.booleans(),
    "messages": st.just([PLAIN]),
    "other": st.text(),
}
OPTIONAL = {name: one for name, one in FIELDS.items() if name not in PLAIN}


@given(st.fixed_dictionaries({}, optional=FIELDS))
def test_whatever_a_message_says_both_ways_say_the_same(message: dict[str, Any]) -> None:
    compare(HEADERS, orjson.dumps(message))


@given(st.fixed_dictionaries({name: FIELDS[name] for name in PLAIN}, optional={
    name: st.sampled_from(values) for name, values in {
        "sender": ("Shop", "a" * 16, ""), "reference": ("", "r" * 100), "price_class": ("normal", "low"),
        "encoding": ("auto", "gsm", "unicode"), "kind": ("marketing", "transactional")}.items()}))  # fmt: skip
def test_messages_that_are_nearly_always_in_order_are_the_same_both_ways(message: dict[str, Any]) -> None:
    compare(HEADERS, orjson.dumps(message))


@given(st.binary(max_size=60))
def test_a_body_that_is_no_message_is_left_to_the_usual_way(body: bytes) -> None:
    assert by_the_short_way(HEADERS, body) is None


@pytest.mark.parametrize(
    "more", [{}, {"sender": "Shop", "encoding": "gsm", "kind": "marketing", "reference": "7"}]
)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "a key"}])
def test_a_message_in_order_takes_the_short_way(more: dict[str, str], headers: dict[str, str]) -> None:
    assert compare({**HEADERS, **headers}, orjson.dumps({**PLAIN, **more}))


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Idempotency-Key": "κλειδί"},
        {"Idempotency-Key": "a" * 256},
        bearer(OPERATOR_KEY),
        bearer(NO_SENDER_KEY),
        bearer("kx_unknown0_" + "u" * 43),
        {"Authorization": "Basic eDp5"},
        {"Authorization": ""},
    ],
)
def test_a_request_that_is_not_plainly_in_order_is_left_to_the_usual_way(headers: dict[str, str]) -> None:
    assert not compare({**HEADERS, **headers}, orjson.dumps(PLAIN))


def test_a_header_that_comes_twice_is_left_to_the_usual_way() -> None:
    twice = [(name.upper(), value) for name, value in HEADERS.items()] + [("AUTHORIZATION", "Bearer x")]
    assert not APP.extensions["keryx_express"].take(twice, orjson.dumps(PLAIN), lambda _: None)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.code)
def test_a_refusal_is_the_same_problem_both_ways(refusal: KeryxError) -> None:
    WIRE.says = {"error": refusal.to_data()}
    assert compare(HEADERS, orjson.dumps(PLAIN))


@pytest.mark.parametrize(
    "failure",
    [
        Unavailable("service_unavailable", "dispatcher does not answer"),
        Unexpected("internal_error", "Something went wrong on our side."),
        RuntimeError("a fault"),
    ],
    ids=repr,
)
def test_a_failure_is_the_same_problem_both_ways(failure: Exception) -> None:
    WIRE.says = failure
    assert compare(HEADERS, orjson.dumps(PLAIN))


@given(
    st.fixed_dictionaries(
        {"to": st.one_of(st.none(), st.text())},
        optional={
            "id": st.integers(1, 10**15), "state": st.text(), "parts": st.integers(1, 10),
            "price": st.integers(0, 10**12), "reference": st.one_of(st.none(), st.text()),
            "error": st.fixed_dictionaries({"code": st.text(), "detail": st.text()}),
        },
    )
)  # fmt: skip
def test_what_became_of_a_message_is_shown_as_its_schema_shows_it(entry: dict[str, Any]) -> None:
    assert shown(entry) == Accepted().dump(entry)
