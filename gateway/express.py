"""The short way of ``POST /messages`` with one message: no Flask, no thread of its own, the same answer.

It takes only what is plainly in order: a key that is known already, a scope that suffices, a message whose every field is
valid. All the rest is refused before anything happened and goes the usual way from its beginning, so whatever is wrong
is said in one place. Flask, marshmallow and the hand-over between threads were nine tenths of what such a request cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson

from contracts.errors import BadRequest, Invalid, KeryxError
from servicekit import context, logs

from . import errors
from .api.resource import read_json
from .api.v1.schemas.common import ENCODINGS, PRICE_CLASSES
from .api.v1.schemas.messages import KINDS, MAX_TEXT
from .auth import Authenticator, Identity, bearer_key
from .clients import Dispatcher
from .defaults import filled
from .fields import money_text
from .request import ALWAYS, id_for, is_idempotency_key, note

log = logs.get(__name__)

METHOD, PATH, ROUTE, SCOPE = "POST", "/api/v1/messages", "/api/v1/messages", "client"
_READ = ("AUTHORIZATION", "CONTENT-TYPE", "IDEMPOTENCY-KEY", "X-REQUEST-ID")
_LENGTHS = {"to": (1, 40), "text": (1, MAX_TEXT), "sender": (0, 16), "reference": (0, 100)}
_CHOICES = {"price_class": PRICE_CLASSES, "encoding": ENCODINGS, "kind": KINDS}
_FIELDS = frozenset((*_LENGTHS, *_CHOICES))
_SHOWN = ("id", "to", "state", "parts", "price", "reference", "error")


class Answer(NamedTuple):
    """What goes back to the client."""

    status: HTTPStatus
    headers: dict[str, str]
    body: bytes


class _Asked(NamedTuple):
    """A request that is plainly in order."""

    who: Identity
    message: dict[str, Any]
    key: str | None
    request_id: str
    began: float


class Express:
    """Takes requests. Belongs to one application: its keys, its services."""

    def __init__(self, authenticator: Authenticator, dispatcher: Dispatcher) -> None:
        """Nothing is asked yet."""
        self._authenticator, self._dispatcher = authenticator, dispatcher

    def take(
        self, headers: Sequence[tuple[str, str]], body: bytes, answered: Callable[[Answer], None]
    ) -> bool:
        """True when the request was taken: ``answered`` gets its answer, once, in another thread. False: nothing happened.

        ``headers`` of a POST to PATH have upper-case names and stripped values. Never waits.
        """
        asked = self._read(headers, body)
        if asked is None:
            return False
        copy_context().run(self._accept, asked, answered)
        return True

    def _read(self, headers: Sequence[tuple[str, str]], body: bytes) -> _Asked | None:
        began = time.monotonic()
        given = {name: value for name, value in headers if name in _READ}
        if len(given) != sum(name in _READ for name, _ in headers):  # one came twice
            return None
        if given.get("CONTENT-TYPE") != "application/json":
            return None
        key = given.get("IDEMPOTENCY-KEY")
        if key is not None and not is_idempotency_key(key):
            return None
        who = self._authenticator.known(bearer_key(given.get("AUTHORIZATION", "")))
        if who is None or SCOPE not in who.scopes:
            return None
        message = message_of(body, who.settings)
        if message is None:
            return None
        return _Asked(who, message, key, id_for(given.get("X-REQUEST-ID", "")), began)

    def _accept(self, asked: _Asked, answered: Callable[[Answer], None]) -> None:
        context.enter(asked.request_id, actor=asked.who.actor)

        def done(accepted: dict[str, Any] | None, error: BaseException | None) -> None:
            answer = _refusal(asked, error) if accepted is None else _success(asked, accepted)
            seconds = time.monotonic() - asked.began
            note(METHOD, ROUTE, answer.status, seconds, asked.who.account_id)
            answered(answer)

        self._dispatcher.accept_soon(asked.who.account_id, asked.message, asked.key, done)


def message_of(body: bytes, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The one message of a body as the dispatcher wants it, what is not given from the account's ``settings``.

    None unless the schema ``Send`` would take it just so.
    """
    try:
        data = read_json(body)
        if not isinstance(data, dict) or not _is_plain(data):
            return None
        return {"reference": None, **filled({"kind": "transactional", **data}, dict(settings))}
    except (BadRequest, Invalid):
        return None


def _is_plain(data: dict[str, Any]) -> bool:
    if "to" not in data or "text" not in data:
        return False
    for name, value in data.items():
        if name not in _FIELDS or not isinstance(value, str):
            return False
        if name in _CHOICES:
            if value not in _CHOICES[name]:
                return False
        elif not _LENGTHS[name][0] <= len(value) <= _LENGTHS[name][1]:
            return False
    return True


def shown(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of the dispatcher's answer as the schema ``Accepted`` shows it."""
    known = {name: entry[name] for name in _SHOWN if name in entry}
    if known.get("id") is not None:
        known["id"] = str(known["id"])
    if known.get("price") is not None:
        known["price"] = money_text(known["price"])
    return known


def _success(asked: _Asked, accepted: dict[str, Any]) -> Answer:
    body = orjson.dumps({"data": [shown(entry) for entry in accepted["data"]]})
    return Answer(HTTPStatus.ACCEPTED, _headers(asked, "application/json"), body)


def _refusal(asked: _Asked, error: BaseException | None) -> Answer:
    if isinstance(error, KeryxError):
        status, code, detail, details = type(error).status, error.code, error.detail, error.errors
    else:
        log.error("request_failed", exc_info=error)
        (status, code, detail), details = errors.UNEXPECTED, []
    body = orjson.dumps(errors.described(status, code, detail, asked.request_id, details))
    headers = {**_headers(asked, errors.CONTENT_TYPE), **errors.headers_of(status, details)}
    return Answer(HTTPStatus(status), headers, body)


def _headers(asked: _Asked, content_type: str) -> dict[str, str]:
    return {"Content-Type": content_type, "X-Request-Id": asked.request_id, **ALWAYS}
