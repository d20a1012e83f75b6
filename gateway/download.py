"""Files that a service hands out in pieces, streamed on: neither side holds the whole."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"

Fetch = Callable[[int], dict[str, Any]]


@dataclass(frozen=True)
class File:
    """A name, and the pieces of the content."""

    filename: str
    pieces: Iterator[bytes]


@dataclass(frozen=True)
class Kept:
    """A file that never changes: its tag, and its octets, which lie in pieces of ``piece_octets``.

    ``filename`` is for people, ``plain_name`` for clients that understand ASCII alone.
    """

    filename: str
    plain_name: str
    tag: str
    size: int
    piece_octets: int


def chunks(fetch: Fetch, start: int = 0) -> File:
    """Read by ``fetch(offset) → {data_b64, next_offset | None, filename}`` from ``start`` to the end.

    The first piece is fetched at once, so that a failure still becomes a problem and not a broken download.
    """
    first = fetch(start)

    def pieces() -> Iterator[bytes]:
        part = first
        while True:
            yield base64.b64decode(part["data_b64"])
            if part["next_offset"] is None:
                return
            part = fetch(part["next_offset"])

    return File(first["filename"], pieces())


def streamed(file: File, content_type: str) -> Response:
    """The response that hands ``file`` on, piece by piece."""
    return Response(file.pieces, content_type=content_type, headers=_headers(file.filename))


def kept(file: Kept, fetch: Fetch, content_type: str) -> Response:
    """The response that hands on a kept file: by If-None-Match not again, by Range the part that is wanted (RFC 9110).

    Raises RequestedRangeNotSatisfiable, and what ``fetch`` raises at first.
    """
    headers = _headers(file.filename, file.plain_name) | {
        "ETag": f'"{file.tag}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
    }
    if request.if_none_match.contains(file.tag):
        return Response(status=304, headers=headers)
    span = _span(file)
    start, stop = span or (0, file.size)
    headers["Content-Length"] = str(stop - start)
    if span:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
    piece, skipped = divmod(start, file.piece_octets)
    content = _cut(chunks(fetch, piece).pieces, skipped, stop - start)
    return Response(content, 206 if span else 200, content_type=content_type, headers=headers)


def _span(file: Kept) -> tuple[int, int] | None:
    """From where to where is wanted; None for the whole, also for several ranges or those of another file."""
    wanted, known = request.range, request.if_range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return None
    if known.date is not None or known.etag not in (None, file.tag):
        return None
    span = wanted.range_for_length(file.size)
    if span is None:
        raise RequestedRangeNotSatisfiable(file.size)
    return span


def _cut(pieces: Iterator[bytes], skipped: int, wanted: int) -> Iterator[bytes]:
    for piece in pieces:
        part = piece[skipped : skipped + wanted]
        yield part
        skipped, wanted = 0, wanted - len(part)
        if not wanted:
            return


def attachment(data: bytes, filename: str, content_type: str) -> Response:
    """A small file, whole."""
    return Response(data, content_type=content_type, headers=_headers(filename))


def _headers(filename: str, plain_name: str = "") -> dict[str, str]:
    # RFC 6266: the plain name for old clients, the encoded one for names that are not ASCII.
    plain = "".join(
        c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in plain_name or filename
    )
    encoded = quote(filename, safe="")
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"}
