"""Who is asking: bearer keys, scopes, and a small cache so that not every request asks accounts."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, g, request

from contracts.errors import Forbidden, Unauthorized
from servicekit import context

_KEY = re.compile(r"kx_[A-Za-z0-9]{4,16}_[A-Za-z0-9]{20,100}", re.ASCII)


@dataclass(frozen=True)
class Identity:
    """The holder of a key."""

    account_id: int
    account_name: str
    key_id: int
    key_name: str
    scopes: frozenset[str]
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def actor(self) -> str:
        """Whose name its calls carry."""
        return f"key:{self.key_id}"

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Identity:
        """Read what ``accounts.authenticate`` answers."""
        return cls(
            account_id=data["account_id"],
            account_name=data["account_name"],
            key_id=data["key_id"],
            key_name=data["name"],
            scopes=frozenset(data["scopes"]),
            settings=data["settings"],
        )


class Authenticator:
    """Asks ``ask(key)`` who holds a key and remembers the answer, a refusal too, for ``seconds``.

    Keeps at most ``size`` answers, under a hash of the key. Safe for threads.
    """

    def __init__(self, ask: Callable[[str], dict[str, Any]], seconds: float, size: int) -> None:
        """Start with nothing known."""
        self._ask, self._seconds, self._size = ask, seconds, size
        self._known: OrderedDict[bytes, tuple[float, Identity | None]] = OrderedDict()
        self._asking: dict[bytes, Future[tuple[Identity | None]]] = {}
        self._lock = threading.Lock()

    def identity_of(self, key: str) -> Identity:
        """The holder of ``key``. Raises Unauthorized, or Unavailable when accounts does not answer."""
        if not _KEY.fullmatch(key):
            raise _refusal()
        digest = _digest(key)
        known = self._recall(digest) or self._asked_once(key, digest)
        if known[0] is None:
            raise _refusal()
        return known[0]

    def known(self, key: str) -> Identity | None:
        """The holder of ``key`` if that was found out lately. Never asks, so never waits."""
        found = self._recall(_digest(key)) if _KEY.fullmatch(key) else None
        return found[0] if found else None

    def forget_account(self, account_id: int) -> None:
        """Ask anew for every key of the account: its settings changed."""
        with self._lock:
            self._asking.clear()  # what is being answered may have been read before the change
            gone = [key for key, (_, who) in self._known.items() if who and who.account_id == account_id]
            for digest in gone:
                del self._known[digest]

    def remember(self, digest: bytes, identity: Identity | None) -> None:
        """Keep an answer; the oldest one makes room."""
        with self._lock:
            self._known[digest] = (time.monotonic() + self._seconds, identity)
            self._known.move_to_end(digest)
            while len(self._known) > self._size:
                self._known.popitem(last=False)

    def _recall(self, digest: bytes) -> tuple[Identity | None] | None:
        with self._lock:
            entry = self._known.get(digest)
        return (entry[1],) if entry is not None and time.monotonic() < entry[0] else None

    def _asked_once(self, key: str, digest: bytes) -> tuple[Identity | None]:
        """What is answered now; those who want to know the same meanwhile wait for the first one's answer."""
        with self._lock:
            asking = self._asking.get(digest)
            if asking is not None:
                answer = asking
            else:
                answer = self._asking[digest] = Future()
        if asking is None:
            self._ask_for(key, digest, answer)
        return answer.result()

    def _ask_for(self, key: str, digest: bytes, answer: Future[tuple[Identity | None]]) -> None:
        try:
            known = self._answer(key)
        except BaseException as error:  # noqa: BLE001  it is everybody's who waits for it
            self._is_current(digest, answer)
            answer.set_exception(error)
            return
        if self._is_current(digest, answer):
            self.remember(digest, known[0])
        answer.set_result(known)

    def _is_current(self, digest: bytes, answer: Future[tuple[Identity | None]]) -> bool:
        """Nobody joins ``answer`` any more. False when the account was forgotten since it was asked for."""
        with self._lock:
            return self._asking.get(digest) is answer and bool(self._asking.pop(digest))

    def _answer(self, key: str) -> tuple[Identity | None]:
        try:
            return (Identity.from_data(self._ask(key)),)
        except Unauthorized:
            return (None,)


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def _refusal() -> Unauthorized:
    return Unauthorized("invalid_api_key", "The API key is not valid.")


def bearer_key(authorization: str) -> str:
    """The key in an Authorization header; "" where there is none."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def require(scope: str) -> None:
    """Let the request go on only for a key that has ``scope``. Raises Unauthorized, Forbidden."""
    key = bearer_key(request.headers.get("Authorization", ""))
    if not key:
        raise Unauthorized("api_key_missing", "Send your API key as: Authorization: Bearer kx_…")
    authenticator: Authenticator = current_app.extensions["keryx_authenticator"]
    who = authenticator.identity_of(key)
    g.identity = who
    context.act_as(who.actor)
    if scope not in who.scopes:
        raise Forbidden("scope_missing", f"This key does not have the scope {scope!r}.")


def identity() -> Identity:
    """The holder of this request's key; only behind ``require``."""
    who: Identity = g.identity
    return who


def account_id() -> int:
    """The account that this request acts for."""
    return identity().account_id


def forget_account(account_id: int) -> None:
    """Ask accounts again at the next request of this account."""
    current_app.extensions["keryx_authenticator"].forget_account(account_id)
