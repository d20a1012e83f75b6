"""HTTP/1.1 as bytes, without a socket: read a request, write an answer.

Small on purpose: one request a connection, no keep-alive, bodies with Content-Length only. It is enough
for curl, httpx, urllib and Prometheus, and lets a simulator serve HTTP from the very loop that does its work.
"""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 1024 * 1024
JSON = "application/json"
NDJSON = "application/x-ndjson"
PLAIN = "text/plain; charset=utf-8"


class HttpError(Exception):
    """A request that cannot be served: HTTP status, stable code, a sentence."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Request:
    """One parsed request. `query` keeps the last value of a repeated name; names of `headers` are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, {} when it is empty; raises HttpError when it is anything else."""
        try:
            value = json.loads(self.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise HttpError(400, "bad_json", "The body is not JSON in UTF-8.") from error
        if not isinstance(value, dict):
            raise HttpError(400, "bad_json", "The body must be a JSON object.")
        return value

    def form(self) -> dict[str, str]:
        """The fields of a body that a browser's form sent."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def whole(self, name: str, default: int = 0, high: int = 2**53) -> int:
        """A whole number ≥ 0 of the query; raises HttpError when it is none."""
        value = self.query.get(name, str(default))
        if not (value.isascii() and value.isdigit() and len(value) < 17) or int(value) > high:
            raise HttpError(422, "bad_number", f"{name} must be a whole number from 0 to {high}.")
        return int(value)

    def seconds(self, name: str, default: float, high: float = 600.0) -> float:
        """A length of time in seconds, at most `high`; raises HttpError when it is none."""
        value = self.query.get(name, str(default))
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= high:
            raise HttpError(422, "bad_number", f"{name} must be seconds from 0 to {high:g}.")
        return seconds


class RequestReader:
    """Collects bytes until they make a request. Memory is bounded by HEAD_LIMIT + BODY_LIMIT."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Request | None:
        """The request once it is whole, else None; raises HttpError when it can never become one."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise HttpError(431, "headers_too_large", f"Headers may take {HEAD_LIMIT} bytes.")
            return None
        method, target, headers = _head(bytes(self._buffer[:end]))
        size = _body_size(headers)
        if len(self._buffer) < end + 4 + size:
            return None
        body = bytes(self._buffer[end + 4 : end + 4 + size])
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Request(method, unquote(parts.path), query, body, headers)


def _head(raw: bytes) -> tuple[str, str, dict[str, str]]:
    lines = raw.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise HttpError(400, "bad_request", "The first line is not an HTTP/1 request.")
    pairs = (line.partition(":") for line in lines[1:])
    return words[0], words[1], {name.strip().lower(): value.strip() for name, _, value in pairs}


def _body_size(headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise HttpError(411, "length_required", "Send the body with Content-Length.")
    size = headers.get("content-length", "0")
    if not (size.isascii() and size.isdigit()):
        raise HttpError(400, "bad_request", "Content-Length is not a number.")
    if len(size) > 9 or int(size) > BODY_LIMIT:
        raise HttpError(413, "body_too_large", f"A body may take {BODY_LIMIT} bytes.")
    return int(size)


def head(status: int, content_type: str, length: int | None) -> bytes:
    """The status line and headers; `length` None announces a chunked body."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    reason = HTTPStatus(status).phrase
    return (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n{size}\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


def answer(status: int, body: bytes, content_type: str = JSON) -> bytes:
    """A whole answer."""
    return head(status, content_type, len(body)) + body


def json_answer(status: int, value: object) -> bytes:
    """A whole answer with a JSON body."""
    return answer(status, json.dumps(value, ensure_ascii=False).encode() + b"\n")


def redirect(address: str) -> bytes:
    """303: go there with GET."""
    return (
        f"HTTP/1.1 303 See Other\r\nLocation: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ).encode("latin-1")


def error_answer(error: HttpError) -> bytes:
    """problem+json, the shape of every failure."""
    body = {"status": error.status, "code": error.code, "detail": error.detail}
    return answer(error.status, json.dumps(body).encode() + b"\n", "application/problem+json")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; `chunk(b"")` ends the body."""
    return b"%x\r\n%s\r\n" % (len(data), data)
