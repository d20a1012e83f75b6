"""Texts as PostgreSQL's COPY takes them ("COPY", Text Format), and back."""

from __future__ import annotations

import re
from typing import Final

_ESCAPES: Final = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": ""}
_SPECIAL = re.compile("[\\\\\t\n\r\x00]")
_ESCAPED = re.compile(r"\\(.)")
_MEANINGS: Final = {"t": "\t", "n": "\n", "r": "\r"}


def escape(value: str) -> str:
    """`value` as a column. NUL is dropped: PostgreSQL has no place for it."""
    # Nearly every value passes here, two looks in C.
    if value.isprintable() and "\\" not in value:
        return value
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], value)


def unescape(column: str) -> str:
    """The text that `escape` made a column of."""
    if "\\" not in column:
        return column
    return _ESCAPED.sub(lambda found: _MEANINGS.get(found[1], found[1]), column)
