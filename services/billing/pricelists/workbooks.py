"""The first sheet of a workbook, read by a process of its own with bounded memory and processor time.

calamine lays a sheet out as the rectangle that its cells span: two cells in opposite corners are 550 GB, and where memory
ends it aborts its process. That is a child here, which dies alone. Run as a module it is that child: the workbook on its
standard input, a JSON list of [row number, values] on its standard output, what came of it in its exit status.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import python_calamine

from servicekit import confined

MAX_UNPACKED = 64 * 1024 * 1024
MAX_ANSWER = 16 * 1024 * 1024
MAX_ROWS = 10_000  # more than a list may have: who reads them says by how much
MAX_COLUMNS = 256
MAX_MEMORY = 512 * 1024 * 1024
CPU_SECONDS = 10

_READ, _BROKEN, _TOO_LARGE = 0, 3, 4


class Broken(ValueError):
    """It is no workbook, or not a whole one."""


class TooLarge(ValueError):
    """Reading it takes more than a price list may take."""


def rows(data: bytes) -> list[tuple[int, list[Any]]]:
    """(row number from 1, values) of the first sheet, without rows that are empty; moments are texts, as ISO 8601 has them.

    At most ``MAX_ROWS`` rows of ``MAX_COLUMNS`` values: what comes after them is left out. Raises Broken, TooLarge.
    """
    answer, status = _ask_child(data)
    if status == _BROKEN:
        raise Broken
    if status == _TOO_LARGE or status < 0:  # ended by a signal: out of memory, or of time
        raise TooLarge
    if status != _READ:
        raise RuntimeError(f"the reader of workbooks ended with status {status}")
    return [(number, values) for number, values in json.loads(answer)]


def _ask_child(data: bytes) -> tuple[bytes, int]:
    """What the child said, and how it ended."""
    with confined.child(__name__, data) as child:
        return child.said.read(), child.process.wait()


def _read(data: bytes) -> bytes:
    """The answer. Raises TooLarge, and whatever a broken file makes of zipfile and calamine."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
            raise TooLarge
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
    pieces, size = [], 0
    for number, values in _filled(sheet):
        pieces.append(json.dumps([number, [_plain(value) for value in values[:MAX_COLUMNS]]]))
        size += len(pieces[-1])
        if size > MAX_ANSWER:
            raise TooLarge
        if len(pieces) == MAX_ROWS:
            break
    return f"[{','.join(pieces)}]".encode()


def _filled(sheet: python_calamine.CalamineSheet) -> Iterator[tuple[int, list[Any]]]:
    for number, values in enumerate(sheet.iter_rows(), 1):
        if any(str(value).strip() for value in values):
            yield number, values


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else str(value)


def _main() -> int:
    data = sys.stdin.buffer.read()
    confined.confine(MAX_MEMORY, CPU_SECONDS)
    try:
        sys.stdout.buffer.write(_read(data))
    except (TooLarge, MemoryError):
        return _TOO_LARGE
    except BaseException:  # noqa: BLE001 - the edge of the process; a panic of the Rust reader is no Exception
        return _BROKEN
    return _READ


if __name__ == "__main__":
    sys.exit(_main())
