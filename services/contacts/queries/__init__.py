"""The read side of contacts: plain SQL on the caller's transaction, which is a Session or a psycopg2 cursor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from psycopg2.errors import UniqueViolation

from contracts.errors import KeryxError
from servicekit.database import cursor_of

from .. import domain
from ..errors import UnknownGroup

Params = Mapping[str, Any]


def rows(session: Any, sql: str, params: Params) -> list[dict[str, Any]]:
    """All rows, each a dict by column name."""
    cursor = cursor_of(session)
    cursor.execute(sql, params)
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def row(session: Any, sql: str, params: Params) -> dict[str, Any] | None:
    """The first row, or None."""
    found = rows(session, sql, params)
    return found[0] if found else None


def value(session: Any, sql: str, params: Params) -> Any:
    """The first column of the first row, or None."""
    cursor = cursor_of(session)
    cursor.execute(sql, params)
    found = cursor.fetchone()
    return found[0] if found else None


def run(session: Any, sql: str, params: Params) -> int:
    """Execute; the number of rows it changed."""
    cursor = cursor_of(session)
    cursor.execute(sql, params)
    return int(cursor.rowcount)


def page(found: list[dict[str, Any]], limit: int, key: str = "id") -> tuple[list[dict[str, Any]], str | None]:
    """(rows of the page, cursor of the next) of rows read with LIMIT ``limit`` + 1."""
    if len(found) <= limit:
        return found, None
    return found[:limit], str(found[limit - 1][key])


def json(data: Any) -> str:
    """``data`` for a parameter of type jsonb."""
    return orjson.dumps(data).decode()


@contextmanager
def unique(refusal: KeryxError) -> Iterator[None]:
    """Inside, what somebody else has written at the same moment under the same key is refused by ``refusal``.

    The transaction is of no use after it.
    """
    try:
        yield
    except UniqueViolation:
        raise refusal from None


def require_groups(session: Any, account_id: int, group_ids: Iterable[int]) -> None:
    """Raise UnknownGroup unless all of them are the account's."""
    wanted = set(group_ids)
    if not all(domain.is_id(group_id) for group_id in wanted):
        raise UnknownGroup("There is no such group.")
    sql = "SELECT count(*) FROM groups WHERE account_id = %(account_id)s AND id = ANY(%(ids)s)"
    if wanted and value(session, sql, {"account_id": account_id, "ids": list(wanted)}) != len(wanted):
        raise UnknownGroup("There is no such group.")
