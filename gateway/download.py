"""Files that a service hands out in pieces, streamed on: neither side holds the whole."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Response

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"

Fetch = Callable[[int], dict[str, Any]]


@dataclass(frozen=True)
class File:
    """A name, and the pieces of the content."""

    filename: str
    pieces: Iterator[bytes]


def chunks(fetch: Fetch) -> File:
    """Read by ``fetch(offset) → {data_b64, next_offset | None, filename}`` from 0 to the end.

    The first piece is fetched at once, so that a failure still becomes a problem and not a broken download.
    """
    first = fetch(0)

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


def attachment(data: bytes, filename: str, content_type: str) -> Response:
    """A small file, whole."""
    return Response(data, content_type=content_type, headers=_headers(filename))


def _headers(filename: str) -> dict[str, str]:
    # RFC 6266: the plain name for old clients, the encoded one for names that are not ASCII.
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in filename)
    encoded = quote(filename, safe="")
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"}
