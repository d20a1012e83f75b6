"""Envelope to octets and back. Bodies are orjson, compressed with zlib at level 1 (a chunk shrinks to a fifth).

Content type ``application/data`` with encoding ``binary`` makes kombu hand the octets over untouched.
"""

from __future__ import annotations

import zlib

import orjson

from contracts import envelope
from contracts.envelope import BadEnvelope, Envelope

CONTENT_TYPE = "application/data"
CONTENT_ENCODING = "binary"
MAX_BODY = 16 * 1024 * 1024


def encode(message: Envelope) -> bytes:
    """The octets that go on the broker."""
    return zlib.compress(orjson.dumps(message.to_dict()), 1)


def decode(body: bytes) -> Envelope:
    """Read what ``encode`` wrote. Raises BadEnvelope for anything else, also for what unpacks beyond MAX_BODY."""
    unpack = zlib.decompressobj()
    try:
        raw = unpack.decompress(body, MAX_BODY)
    except zlib.error as error:
        raise BadEnvelope(f"not compressed data: {error}") from None
    if unpack.unconsumed_tail:
        raise BadEnvelope(f"larger than {MAX_BODY} bytes")
    try:
        return envelope.read(orjson.loads(raw))
    except orjson.JSONDecodeError as error:
        raise BadEnvelope(f"not JSON: {error}") from None
