"""Pages of judged rows in the database: kept while an import waits for its commit, dropped when it is over."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from .. import queries
from ..importing import pages
from ..importing.pages import Page

_PUT = """
INSERT INTO import_pages (import_id, last_row, updated, data) VALUES (%(id)s, %(last_row)s, %(updated)s, %(data)s)
"""

_NEXT = """
SELECT updated, data FROM import_pages WHERE import_id = %(id)s AND last_row > %(after)s ORDER BY last_row LIMIT 1
"""


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
    if found is None:
        return None
    return Stored(pages.decode(orjson.loads(found["data"])), found["updated"])


def drop(cursor: Any, import_id: int) -> None:
    """Drop all pages of the import."""
    queries.run(cursor, "DELETE FROM import_pages WHERE import_id = %(id)s", {"id": import_id})
