"""HTTP to a payment provider: bounded in time, size and number, patient only where repeating does no harm.

A provider that hangs must not take billing with it, whose handful of workers also hold and settle: every call has one
deadline for all its requests, few calls run at a time, and after some failures in a row the provider is left alone for a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from servicekit import logs

from .port import CALL_SECONDS, ProviderDown

log = logs.get(__name__)

REQUEST_SECONDS = 5.0
PAUSES = (0.2, 0.6)
"""Seconds before a repeatable request is tried again."""
LARGEST_ANSWER = 1024 * 1024
MOST_CALLS, PLACE_SECONDS = 4, 1.0
"""Calls of a provider at a time in this process, and how long another one waits for a place."""
FAILURES_TO_OPEN, OPEN_SECONDS = 6, 10.0
TOKEN_MARGIN_SECONDS = 60.0

LATER = frozenset({408, 425, 429})
"""Statuses below 500 that say nothing about the request itself; from 500 on none does."""


@dataclass(frozen=True)
class Answer:
    """What a provider answered: its status, and its JSON (None when the body is none)."""

    status: int
    data: Any

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def refuses(self) -> bool:
        """4xx, the only statuses that say that nothing was done."""
        return 400 <= self.status < 500


class Circuit:
    """Leaves a provider alone for OPEN_SECONDS after FAILURES_TO_OPEN failures in a row; then one call may try."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Closed: calls pass."""
        self._clock = clock
        self._failures = 0
        self._next_try = 0.0

    def passes(self) -> bool:
        """Whether a call may go out; the one that may after a pause keeps the others waiting."""
        if self._failures < FAILURES_TO_OPEN:
            return True
        if self._clock() < self._next_try:
            return False
        self._next_try = self._clock() + OPEN_SECONDS
        return True

    def note(self, worked: bool) -> None:
        """What became of a request."""
        self._failures = 0 if worked else self._failures + 1
        if self._failures >= FAILURES_TO_OPEN:
            self._next_try = self._clock() + OPEN_SECONDS


class Line:
    """The connections to one provider. Safe for greenlets and threads."""

    def __init__(self, provider: str, transport: httpx.BaseTransport | None = None) -> None:
        """``transport`` is for tests."""
        self.provider = provider
        self._client = httpx.Client(transport=transport, follow_redirects=False, trust_env=False)
        self._circuit = Circuit()
        self._places = threading.BoundedSemaphore(MOST_CALLS)

    @contextmanager
    def call(self) -> Iterator[Call]:
        """One call of the port: its requests share a deadline. Raises ProviderDown when there is no place in time."""
        call = Call(self, time.monotonic() + CALL_SECONDS)
        if not self._circuit.passes():
            raise self.down("left alone for a while")
        if not self._places.acquire(timeout=PLACE_SECONDS):
            raise self.down("too many calls at a time")
        try:
            yield call
        finally:
            self._places.release()

    def request(self, deadline: float, method: str, url: str, **more: Any) -> Answer:
        """One request and its whole answer before ``deadline``. Raises ProviderDown."""
        seconds = min(REQUEST_SECONDS, deadline - time.monotonic())
        if seconds <= 0:
            raise self.down("no answer in time")
        try:
            with self._client.stream(method, url, timeout=seconds, **more) as response:
                body = self._read(response, deadline)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self._circuit.note(worked=False)
            raise self.down(type(error).__name__) from error
        later = response.status_code in LATER or response.status_code >= 500
        self._circuit.note(worked=not later)
        if later:
            raise self.down(f"status {response.status_code}")
        return Answer(response.status_code, _json(body))

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        body = b""
        for piece in response.iter_bytes():
            body += piece
            if len(body) > LARGEST_ANSWER or time.monotonic() > deadline:
                raise httpx.ReadError("the answer is too long or too slow")
        return body

    def down(self, why: str) -> ProviderDown:
        """The failure to raise; who calls logs nothing more."""
        log.warning("payment_provider_down", provider=self.provider, why=why)
        return ProviderDown("The payment provider does not answer now; nothing is lost, try again later.")

    def unclear(self, answer: Answer) -> ProviderDown:
        """The failure to raise for an answer from which nobody knows whether money moved: a person has to look."""
        log.error("payment_answer_unclear", provider=self.provider, status=answer.status)
        return ProviderDown("The payment provider's answer does not say what it did.")


class Call:
    """The requests of one call of the port."""

    def __init__(self, line: Line, deadline: float) -> None:
        """All of them end before ``deadline`` (monotonic)."""
        self._line, self._deadline = line, deadline

    def once(self, method: str, url: str, **more: Any) -> Answer:
        """A request that must not be repeated by itself. Raises ProviderDown: whether it did anything is not known."""
        return self._line.request(self._deadline, method, url, **more)

    def patiently(self, method: str, url: str, **more: Any) -> Answer:
        """A request that does no harm when it comes again. Raises ProviderDown after the last try."""
        for pause in PAUSES:
            try:
                return self.once(method, url, **more)
            except ProviderDown:
                if time.monotonic() + pause > self._deadline:
                    raise
                time.sleep(pause)
        return self.once(method, url, **more)


class Token:
    """An OAuth access token by client credentials, asked for when the one there is about to end."""

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        """None yet."""
        self._url, self._credentials = url, (client_id, client_secret)
        self._value, self._until = "", 0.0

    def bearer(self, call: Call) -> Mapping[str, str]:
        """The header with a good token. Raises ProviderDown, also when our credentials are refused."""
        if time.monotonic() >= self._until:
            self._renew(call)
        return {"Authorization": f"Bearer {self._value}"}

    def forget(self) -> None:
        """The provider knows this token no more."""
        self._until = 0.0

    def _renew(self, call: Call) -> None:
        form = {"grant_type": "client_credentials"}
        began = time.monotonic()
        answer = call.patiently("POST", self._url, data=form, auth=self._credentials)
        token = answer.data.get("access_token") if isinstance(answer.data, dict) else None
        seconds = answer.data.get("expires_in") if isinstance(answer.data, dict) else None
        if not answer.ok or not isinstance(token, str) or not isinstance(seconds, int):
            # Ours to put right, and the payer can do nothing about it but come back.
            log.error("payment_credentials_refused", status=answer.status)
            raise ProviderDown("The payment provider does not let us in now; try again later.")
        self._value, self._until = token, began + max(0.0, seconds - TOKEN_MARGIN_SECONDS)


def with_token(
    token: Token, call: Call, send: Callable[..., Answer], method: str, url: str, **more: Any
) -> Answer:
    """``send`` with a bearer token, once more with a new one when the old one is refused: it did nothing then."""
    headers = more.pop("headers", {})
    answer = send(method, url, headers={**headers, **token.bearer(call)}, **more)
    if answer.status != 401:
        return answer
    token.forget()
    return send(method, url, headers={**headers, **token.bearer(call)}, **more)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None
