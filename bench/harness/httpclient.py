"""Many keep-alive HTTP clients in one thread, as cheap as Python can be: the load must not be what is measured."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

OK = range(200, 300)


class BadAnswer(Exception):
    """The server did not answer with success; the text is the beginning of what it said."""


class _Connection:
    """One client: a request, its answer, the next request."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._heard = b""
        self._asked = 0.0

    def ask(self, request: bytes) -> None:
        self._heard, self._asked = b"", time.perf_counter()
        self.socket.sendall(request)

    def hear(self) -> float | None:
        """Seconds the answer took, once it is complete."""
        fresh = self.socket.recv(1 << 20)
        if not fresh:
            raise BadAnswer("the server closed a connection that was to be kept")
        self._heard += fresh
        head, separator, body = self._heard.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return None
        if int(head[9:12]) not in OK:
            raise BadAnswer(self._heard[:1000].decode("utf-8", "replace"))
        return time.perf_counter() - self._asked


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at < 0:
        raise BadAnswer(f"an answer without a length: {head[:300]!r}")
    return int(lower[at + 15 :].split(b"\r\n", 1)[0])


def post(url: str, key: str, body: bytes, idempotency_key: str) -> bytes:
    """A whole POST of JSON."""
    parts = urlsplit(url)
    return (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Idempotency-Key: {idempotency_key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def drive(
    url: str, requests: Iterator[bytes], clients: int, seconds: float, time_left: Callable[[], float]
) -> list[float]:
    """Send requests over ``clients`` connections, none later than after ``seconds``; the seconds that each answer took.

    Raises BadAnswer for one that is no success, TimeoutError when ``time_left`` gets negative.
    """
    ends = time.monotonic() + seconds
    parts = urlsplit(url)
    took: list[float] = []
    with selectors.DefaultSelector() as selector:
        busy = 0
        for request in (first for first, _ in zip(requests, range(clients), strict=False)):
            connection = _Connection((str(parts.hostname), int(parts.port or 80)))
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.ask(request)
            busy += 1
        while busy:
            if time_left() < 0:
                raise TimeoutError(f"{len(took)} answers in time, {busy} still awaited")
            for key, _ in selector.select(1):
                connection = key.data
                answered = connection.hear()
                if answered is None:
                    continue
                took.append(answered)
                following = next(requests, None) if time.monotonic() < ends else None
                if following is None:
                    selector.unregister(connection.socket)
                    connection.socket.close()
                    busy -= 1
                else:
                    connection.ask(following)
    return took


def milliseconds(took: list[float]) -> dict[str, float]:
    """p50 and p95 in milliseconds."""
    ordered = sorted(took)
    return {
        f"p{share}_ms": round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * 1000, 1)
        for share in (50, 95)
    }
