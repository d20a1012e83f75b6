"""A kept connection: what the short way takes and what it leaves are answered alike, in order, whatever their pieces."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from tests.integration.gateway.conftest import World

BODY = b'{"to": "6912345678", "text": "ping", "sender": "Keryx"}'


class Connection:
    """One keep-alive connection, spoken to in octets."""

    def __init__(self, world: World) -> None:
        address = urlsplit(world.url)
        self._socket = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=20)
        self._heard = b""
        self._authorization = world.client.headers["Authorization"]

    def request(self, body: bytes = BODY, *more: str) -> bytes:
        """A POST of ``body`` to /messages."""
        head = (
            "POST /api/v1/messages HTTP/1.1",
            "Host: keryx",
            f"Authorization: {self._authorization}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *more,
        )
        return "\r\n".join((*head, "\r\n")).encode() + body

    def say(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def hear(self) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Status, headers and body of the next answer."""
        while b"\r\n\r\n" not in self._heard:
            self._more()
        head, _, self._heard = self._heard.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        length = int(headers["Content-Length"])
        while len(self._heard) < length:
            self._more()
        body, self._heard = self._heard[:length], self._heard[length:]
        return int(first.split()[1]), headers, orjson.loads(body)

    def ask(self, octets: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
        self.say(octets)
        return self.hear()

    def _more(self) -> None:
        fresh = self._socket.recv(65536)
        assert fresh, "the connection was closed"
        self._heard += fresh

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def connection(world: World) -> Iterator[Connection]:
    with connected(world) as made:
        assert made.ask(made.request())[0] == 503  # the first of a connection goes the usual way
        yield made


@contextmanager
def connected(world: World) -> Iterator[Connection]:
    made = Connection(world)
    try:
        yield made
    finally:
        made.close()


def told(answer: tuple[int, dict[str, str], dict[str, Any]]) -> tuple[Any, ...]:
    """An answer without what differs from request to request."""
    status, headers, body = answer
    body = {name: value for name, value in body.items() if name != "request_id"}
    return status, headers.keys(), headers["Content-Type"], headers["Connection"], headers["Server"], body


def test_both_ways_answer_alike(world: World) -> None:
    with connected(world) as one:
        usual, short = one.ask(one.request()), one.ask(one.request())
    assert told(short) == told(usual)
    assert told(short)[0] == 503  # no dispatcher runs here


def test_a_request_id_comes_back(connection: Connection) -> None:
    _, headers, body = connection.ask(connection.request(BODY, "X-Request-Id: of-the-client-1"))
    assert headers["X-Request-Id"] == body["request_id"] == "of-the-client-1"


def test_requests_said_in_one_go_are_answered_in_their_order(connection: Connection) -> None:
    names = [f"request-{number:04}" for number in range(5)]
    connection.say(b"".join(connection.request(BODY, f"X-Request-Id: {name}") for name in names))
    assert [connection.hear()[1]["X-Request-Id"] for _ in names] == names


def test_a_request_in_pieces_is_put_together(connection: Connection) -> None:
    octets = connection.request()
    for cut in (10, 60, len(octets) - len(BODY), len(octets) - 1):
        connection.say(octets[:cut])
        assert connection.ask(octets[cut:])[0] == 503


def test_what_is_wrong_is_said_and_the_connection_kept(connection: Connection) -> None:
    for body, status, code in (
        (b'{"to": "6912345678"}', 422, "invalid_fields"),
        (b"{", 400, "malformed_json"),
        (BODY, 503, "service_unavailable"),
        (b'{"to": "x", "text": "y", "other": 1}', 422, "invalid_fields"),
    ):
        answer = connection.ask(connection.request(body))
        assert (answer[0], answer[2]["code"]) == (status, code)


def test_a_client_that_wants_the_connection_closed_has_it_closed(connection: Connection) -> None:
    _, headers, _ = connection.ask(connection.request(BODY, "Connection: close"))
    assert headers["Connection"] == "close"
    with pytest.raises(AssertionError, match="closed"):
        connection.hear()


def test_chunks_and_expectations_are_understood(connection: Connection) -> None:
    chunked = connection.request().replace(b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked")
    head, _, body = chunked.partition(b"\r\n\r\n")
    octets = head + b"\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert connection.ask(octets)[0] == 503
    assert connection.ask(connection.request())[0] == 503


def test_lengths_that_contradict_each_other_are_refused(connection: Connection) -> None:
    connection.say(connection.request(BODY, "Content-Length: 3"))
    assert connection._socket.recv(65536).startswith(b"HTTP/1.1 400")


def test_clients_that_leave_without_their_answer_harm_nobody(world: World) -> None:
    for _ in range(20):
        with connected(world) as one:
            one.ask(one.request())
            one.say(one.request())
    with connected(world) as one:
        assert [one.ask(one.request())[0] for _ in range(3)] == [503] * 3


def test_clients_that_do_not_hang_up_after_their_last_answer_stall_nobody(
    world: World, connection: Connection
) -> None:
    began = time.monotonic()
    with ExitStack() as staying:
        for _ in range(12):  # gthread would wait 2 s for each of them before it looks at the next
            one = staying.enter_context(connected(world))
            assert one.ask(one.request(BODY, "Connection: close"))[0] == 503
        assert connection.ask(connection.request())[0] == 503
        assert time.monotonic() - began < 12
