"""Pages of judged rows in the database: kept while an import waits for its commit, dropped when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from .. import queries
from ..importing import pages
from ..importing.pages import Page
from . import LostJob

_PUT = """
INSERT INTO import_pages (import_id, last_row, updated, data) VALUES (%(id)s, %(last_row)s, %(updated)s, %(data)s)
"""

_NEXT = """
SELECT updated, data FROM import_pages WHERE import_id = %(id)s AND last_row > %(after)s ORDER BY last_row LIMIT 1
"""

_ENDS = (
    "SELECT last_row FROM import_pages WHERE import_id = %(id)s AND last_row > %(after)s ORDER BY last_row"
)

_AT = "SELECT updated, data FROM import_pages WHERE import_id = %(id)s AND last_row = %(last_row)s"


class Stored(NamedTuple):
    """A page, and how many of its accepted rows the account had a number of when they were judged."""

    page: Page
    updated: int


def put(cursor: Any, import_id: int, page: Page, updated: int) -> None:
    """Keep ``page``."""
    params = {"id": import_id, "last_row": page.last_row, "updated": updated}
    queries.run(cursor, _PUT, params | {"data": orjson.dumps(list(page))})


def next_page(cursor: Any, import_id: int, after_row: int) -> Stored | None:
    """The page that follows ``after_row``; None when there is none."""
    found = queries.row(cursor, _NEXT, {"id": import_id, "after": after_row})
    return None if found is None else _stored(found)


def ends(cursor: Any, import_id: int, after_row: int) -> list[int]:
    """The last rows of the pages that follow ``after_row``, in order."""
    found = queries.rows(cursor, _ENDS, {"id": import_id, "after": after_row})
    return [one["last_row"] for one in found]


def page_of(cursor: Any, import_id: int, last_row: int) -> Stored:
    """The page that ends with ``last_row``. Raises LostJob when it is there no more: the import was cancelled."""
    found = queries.row(cursor, _AT, {"id": import_id, "last_row": last_row})
    if found is None:
        raise LostJob(f"import {import_id}: its pages are dropped")
    return _stored(found)


def drop(cursor: Any, import_id: int) -> None:
    """Drop all pages of the import."""
    queries.run(cursor, "DELETE FROM import_pages WHERE import_id = %(id)s", {"id": import_id})


def _stored(found: Mapping[str, Any]) -> Stored:
    return Stored(pages.decode(orjson.loads(found["data"])), found["updated"])
