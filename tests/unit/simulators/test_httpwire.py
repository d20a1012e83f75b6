"""HTTP requests are read from any cut of their bytes, and hostile ones refused."""

import pytest

from simulators.httpwire import BODY_LIMIT, HttpError, Request, RequestReader, answer, chunk, head

POST = b'POST /faults?a=1&b=%CE%B1 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"drop":1}'


def read(data: bytes) -> Request | None:
    return RequestReader().feed(data)


def test_a_request_is_whole_whatever_the_pieces() -> None:
    for cut in range(1, len(POST)):
        reader = RequestReader()
        assert reader.feed(POST[:cut]) is None
        request = reader.feed(POST[cut:])
        assert request is not None
        assert (request.method, request.path, request.query) == ("POST", "/faults", {"a": "1", "b": "α"})
        assert request.json() == {"drop": 1}


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / SMTP\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"x" * 17_000, 431),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1), 413),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
    ],
)
def test_what_can_never_become_a_request_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(HttpError) as refusal:
        read(data)
    assert refusal.value.status == status


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_body_is_a_json_object(body: bytes) -> None:
    request = read(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert request is not None
    with pytest.raises(HttpError):
        request.json()


@pytest.mark.parametrize("value", ["-1", "x", "1e9", "9" * 30, ""])
def test_numbers_of_the_query_are_whole(value: str) -> None:
    request = Request("GET", "/", {"since": value}, b"")
    with pytest.raises(HttpError):
        request.whole("since")


@pytest.mark.parametrize("value", ["-1", "x", "nan", "1e9"])
def test_lengths_of_time_are_bounded(value: str) -> None:
    with pytest.raises(HttpError):
        Request("GET", "/", {"timeout": value}, b"").seconds("timeout", 1)


def test_answers_say_their_length_or_come_in_chunks() -> None:
    assert b"Content-Length: 2\r\n" in answer(200, b"{}")
    assert b"Transfer-Encoding: chunked" in head(200, "text/plain", None)
    assert chunk(b"abc") == b"3\r\nabc\r\n"
    assert chunk(b"") == b"0\r\n\r\n"
