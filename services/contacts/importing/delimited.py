"""Delimited text from any spreadsheet: the encoding and the separator are found, the rows stream.

Encodings: UTF-8 with or without BOM, UTF-16 by BOM or by its pattern of zero bytes, else cp1253, which is
what Excel in Greek writes. Row numbers are those Excel shows: one per record, blank ones counted, `sep=;`
not.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from .errors import BadFile

MAX_BYTES = 512 << 20
MAX_LINE = 1 << 20
"""Characters; a longer line is no row of a table."""
MAX_CELLS = 256

_PIECE = 1 << 20
_SAMPLE = 1 << 16
_SEPARATORS = ";,\t|"
_SEP_LINE = re.compile(r'^"?sep=(.)"?\s*$', re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the text is to be read: codec name, separator, whether the first line is Excel's `sep=` hint."""

    encoding: str
    separator: str
    has_hint: bool


def detect(path: Path) -> Dialect:
    """The dialect of the text at `path`; the whole of it decodes.

    Raises BadFile: csv_too_large, csv_undecodable, csv_binary, no_data_rows (nothing but white space).
    """
    if path.stat().st_size > MAX_BYTES:
        raise BadFile("csv_too_large", f"more than {MAX_BYTES >> 20} MB")
    encoding = _encoding(path)
    with _open(path, encoding) as text:
        first = sample = text.read(_SAMPLE)
        while sample.isspace():
            sample = text.read(_SAMPLE)
    if not sample:
        raise BadFile("no_data_rows", "the file holds white space only")
    if len(_CONTROLS.findall(sample)) > len(sample) // 200:
        raise BadFile("csv_binary", "control characters: not a table of text")
    hint = _SEP_LINE.match(first.split("\n", 1)[0])
    return Dialect(encoding, hint.group(1) if hint else _separator(sample), hint is not None)


def about_lines(path: Path) -> int:
    """How many lines the text at `path` has, by those of its beginning."""
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    return path.stat().st_size * head.count(b"\n") // max(len(head), 1)


def rows(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells) of each record that has at least one cell that is not blank, memory bounded by a
    record.

    Raises BadFile csv_broken where a quote is never closed, a cell of several lines has text behind its
    closing quote or a line never ends: the reader would make one row of many and not say so.
    """
    with _open(path, dialect.encoding) as text:
        if dialect.has_hint:
            text.readline()
        lines: list[str] = []
        records = csv.reader(_remembered(text, lines), delimiter=dialect.separator)
        number = 0
        try:
            for number, cells in enumerate(records, 1):
                if len(lines) > 1:
                    _require_closed(number, lines, dialect.separator)
                lines.clear()
                if any(cells) and not "".join(cells).isspace():
                    yield number, cells[:MAX_CELLS]
        except csv.Error as error:
            raise BadFile("csv_broken", f"row {number + 1}: {error}") from error


def _open(path: Path, encoding: str) -> TextIO:
    return path.open(encoding=encoding, newline="")


def _remembered(text: TextIO, lines: list[str]) -> Iterator[str]:
    """The lines of `text`, each added to `lines` too; then a blank one, which is no row unless a quote is
    still open: there it becomes one more line of the last record.
    """
    for line in itertools.chain(_bounded_lines(text), ["\n"]):
        lines.append(line)
        yield line


def _require_closed(number: int, lines: list[str], separator: str) -> None:
    """Raise BadFile unless the lines of one record are well-formed. A stray quote inside one line is harmless
    and common (`"Καφέ" Αστέρι;69…`), so only records of several lines are held to it.
    """
    try:
        for _ in csv.reader(lines, delimiter=separator, strict=True):
            pass
    except csv.Error as error:
        raise BadFile("csv_broken", f"row {number}: a quote is not closed where its cell ends") from error


def _bounded_lines(text: TextIO) -> Iterator[str]:
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE and not line.endswith("\n"):
            raise BadFile("csv_broken", "a line without end")
        yield line.replace("\0", "")


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_PIECE)
    candidates = [_unicode16(head)] if _unicode16(head) else ["utf-8-sig", "cp1253"]
    if candidates[0] == "utf-8-sig" and b"\0" in head:
        raise BadFile("csv_binary", "zero bytes: not a table of text")
    for encoding in candidates:
        if encoding and _decodes(path, encoding):
            return encoding
    raise BadFile("csv_undecodable", "neither UTF-8, UTF-16 nor Greek Windows text")


def _unicode16(head: bytes) -> str | None:
    """Code units of ASCII and Greek carry a zero or a 0x03 in one byte of two; text without a BOM shows by
    that.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:_SAMPLE]
    if sample.count(0) * 5 < len(sample):
        return None
    low, high = sample[0::2].count(0), sample[1::2].count(0)
    if min(low, high) * 20 > max(low, high):
        return None
    return "utf-16-le" if high > low else "utf-16-be"


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _separator(sample: str) -> str:
    """The separator that cuts most lines into one and the same number (> 1) of cells; `;` when none does."""
    lines = sample.splitlines()[:200]
    if len(sample) == _SAMPLE and len(lines) > 1:
        lines = lines[:-1]
    return max(_SEPARATORS, key=lambda separator: _evenness(lines, separator))


def _evenness(lines: list[str], separator: str) -> tuple[float, int]:
    try:
        widths = Counter(len(cells) for cells in csv.reader(lines, delimiter=separator) if any(cells))
    except csv.Error:
        return 0.0, 0
    width, occurrences = widths.most_common(1)[0] if widths else (0, 0)
    return (occurrences / widths.total(), width) if width > 1 else (0.0, 0)
