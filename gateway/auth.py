"""Who is asking: bearer keys, scopes, and a small cache so that not every request asks accounts."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
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
        self._lock = threading.Lock()

    def identity_of(self, key: str) -> Identity:
        """The holder of ``key``. Raises Unauthorized, or Unavailable when accounts does not answer."""
        if not _KEY.fullmatch(key):
            raise _refusal()
        digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
        known = self._recall(digest)
        if known is None:
            known = self._answer(key)
            self.remember(digest, known[0])
        if known[0] is None:
            raise _refusal()
        return known[0]

    def forget_account(self, account_id: int) -> None:
        """Ask anew for every key of the account: its settings changed."""
        with self._lock:
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

    def _answer(self, key: str) -> tuple[Identity | None]:
        try:
            return (Identity.from_data(self._ask(key)),)
        except Unauthorized:
            return (None,)


def _refusal() -> Unauthorized:
    return Unauthorized("invalid_api_key", "The API key is not valid.")


def require(scope: str) -> None:
    """Let the request go on only for a key that has ``scope``. Raises Unauthorized, Forbidden."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Unauthorized("api_key_missing", "Send your API key as: Authorization: Bearer kx_…")
    authenticator: Authenticator = current_app.extensions["keryx_authenticator"]
    who = authenticator.identity_of(key.strip())
    g.identity = who
    context.act_as(f"key:{who.key_id}")
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
