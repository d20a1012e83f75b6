"""A look inside a zip before anything parses it: bombs, lies and documents that reach outside are refused.

Every entry is inflated here, in pieces and thrown away, so that the sizes judged are the real ones and not
those the archive declares. Formats: PKWARE APPNOTE 6.3.10 (local header 4.3.7), XML 1.0 §2.8 (document type
declaration).
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from .errors import BadFile

_PIECE = 1 << 18
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_ENCRYPTED_FLAG = 0x1
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_FOREIGN_UNICODE = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one archive. A million rows of 20 columns inflate to about 1.1 GB at a ratio under 20."""

    entries: int = 4_096
    total_bytes: int = 2 << 30
    ratio: int = 200
    ratio_from_bytes: int = 16 << 20
    """Small entries may repeat themselves as they like: their ratio says nothing."""


DEFAULT_LIMITS: Final = Limits()


def inspect(path: Path, limits: Limits = DEFAULT_LIMITS) -> frozenset[str]:
    """The entry names of the zip at `path`, once all of it proved harmless.

    Raises BadFile: workbook_broken (not readable, sizes or checksums that lie, entries that overlap),
    workbook_encrypted, workbook_too_large (entries, bytes, ratio), workbook_unsafe (XML with a DTD or
    entities).
    """
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
            entries = archive.infolist()
            _check_directory(entries, path.stat().st_size, limits)
            budget = limits.total_bytes
            for entry in entries:
                budget -= _check_entry(raw, entry, budget, limits)
            return frozenset(entry.filename for entry in entries)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
    ) as error:
        raise BadFile("workbook_broken", str(error)) from error


def _check_directory(entries: list[zipfile.ZipInfo], file_size: int, limits: Limits) -> None:
    if len(entries) > limits.entries:
        raise BadFile("workbook_too_large", f"{len(entries)} entries in the archive")
    if len({entry.filename for entry in entries}) != len(entries):
        raise BadFile("workbook_broken", "an entry appears twice in the archive")
    if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
        raise BadFile("workbook_encrypted", "the archive is protected by a password")
    if sum(entry.compress_size for entry in entries) > file_size:
        raise BadFile("workbook_broken", "entries of the archive overlap")
    if sum(entry.file_size for entry in entries) > limits.total_bytes:
        raise BadFile("workbook_too_large", "the archive declares more bytes than a workbook may have")


def _check_entry(raw: BinaryIO, entry: zipfile.ZipInfo, budget: int, limits: Limits) -> int:
    """Real inflated size of `entry`."""
    is_xml = entry.filename.lower().endswith((".xml", ".rels", ".vml"))
    size, checksum, tail = 0, 0, b""
    for piece in _inflate(raw, entry):
        if is_xml:
            _check_xml(tail + piece, first=size == 0)
            tail = piece[-16:]
        size += len(piece)
        checksum = zlib.crc32(piece, checksum)
        if size > budget or (size > limits.ratio_from_bytes and size > limits.ratio * entry.compress_size):
            raise BadFile("workbook_too_large", f"{entry.filename} inflates beyond what a workbook may have")
    if size != entry.file_size or checksum != entry.CRC:
        raise BadFile("workbook_broken", f"{entry.filename} is not what the archive declares")
    return size


def _check_xml(piece: bytes, first: bool) -> None:
    if first and piece.startswith(_FOREIGN_UNICODE):
        raise BadFile("workbook_broken", "a part is not in UTF-8")
    if _DOCTYPE.search(piece):
        raise BadFile("workbook_unsafe", "a part declares a document type or entities")


def _inflate(raw: BinaryIO, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of `entry` as any unzipper would find them, whatever size is declared."""
    raw.seek(entry.header_offset)
    header = _LOCAL_HEADER.unpack(raw.read(_LOCAL_HEADER.size))
    if header[0] != b"PK\x03\x04":
        raise BadFile("workbook_broken", "an entry of the archive is missing")
    raw.seek(header[-2] + header[-1], 1)
    packed = _packed(raw, entry.compress_size)
    if entry.compress_type == zipfile.ZIP_STORED:
        yield from packed
    elif entry.compress_type == zipfile.ZIP_DEFLATED:
        yield from _deflated(packed)
    else:
        raise BadFile("workbook_broken", "an entry is packed in a way workbooks are not")


def _packed(raw: BinaryIO, remaining: int) -> Iterator[bytes]:
    while remaining > 0:
        piece = raw.read(min(_PIECE, remaining))
        if not piece:
            raise BadFile("workbook_broken", "the archive ends too early")
        remaining -= len(piece)
        yield piece


def _deflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in packed:
        while piece and not unpacker.eof:
            yield unpacker.decompress(piece, _PIECE)
            piece = unpacker.unconsumed_tail
    while not unpacker.eof:
        rest = unpacker.decompress(b"", _PIECE)
        if not rest:
            raise BadFile("workbook_broken", "an entry of the archive ends too early")
        yield rest
