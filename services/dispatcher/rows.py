"""Rows as dictionaries that travel as JSON: times as RFC 3339 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def dicts(cursor: Any, statement: str, parameters: Any = ()) -> list[dict[str, Any]]:
    """All rows of ``statement``."""
    cursor.execute(statement, parameters)
    names = [column.name for column in cursor.description]
    return [dict(zip(names, map(plain, row), strict=True)) for row in cursor.fetchall()]


def one(cursor: Any, statement: str, parameters: Any = ()) -> dict[str, Any] | None:
    """The first row, or None."""
    return next(iter(dicts(cursor, statement, parameters)), None)


def plain(value: Any) -> Any:
    """``value`` as it goes over the wire."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
