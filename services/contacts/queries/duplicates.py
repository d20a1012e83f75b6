"""Contacts that may be one person: the same e-mail, or the same name of two words or more. A number is one contact's already.

Both are walked along an index, a window a call: an account with a million contacts of which no two are alike is looked
through in a hundred calls, each as quick as a page of a list.
"""

from __future__ import annotations

from typing import Any

from .. import domain
from ..errors import BadCursor, InvalidFields
from . import contacts, rows
from .filters import CONTACT_NAME_KEY

WINDOW = 10_000
MAX_SHOWN = 10

_EMAIL_KEY = 'left(lower(c.email), 100) COLLATE "C"'

# What a key is made of, which contacts have one, and which keys say something: many are called just Maria.
_WAYS = {
    "email": (_EMAIL_KEY, "c.email <> ''", "true"),
    "name": (CONTACT_NAME_KEY, "true", "key LIKE '%% %%'"),
}

_ALIKE = """
WITH walked AS MATERIALIZED (
    SELECT {key} AS key, c.id FROM contacts c
    WHERE c.account_id = %(account_id)s AND {has_one} AND {key} >= %(start)s
    ORDER BY {key}, c.id LIMIT %(window)s
), ends AS (SELECT count(*) AS seen, max(key) AS last FROM walked)
SELECT e.seen, e.last, g.key, g.count, g.ids FROM ends e LEFT JOIN (
    SELECT key, count(*), (array_agg(id ORDER BY id))[1:%(shown)s] AS ids FROM walked
    WHERE {says_something} GROUP BY key HAVING count(*) > 1 ORDER BY key LIMIT %(limit)s
) g ON true ORDER BY g.key
"""


def list_duplicates(session: Any, account_id: int, by: str, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of groups of contacts that are alike by ``by`` (``email``, ``name``): ``{value, count, contacts}``.

    ``contacts`` are the oldest MAX_SHOWN of ``count`` (which stops at WINDOW). A page can be short, or empty, and still
    have a ``next_cursor``. Raises InvalidFields, BadCursor.
    """
    if by not in _WAYS:
        error = {"pointer": "/by", "code": "invalid", "detail": f"one of {', '.join(_WAYS)}"}
        raise InvalidFields("There is no such way to compare.", [error])
    limit = domain.page_size(limit)
    start = _start(by, cursor)
    key, has_one, says_something = _WAYS[by]
    sql = _ALIKE.format(key=key, has_one=has_one, says_something=says_something)
    params = {"account_id": account_id, "start": start, "window": WINDOW, "shown": MAX_SHOWN}
    found = rows(session, sql, params | {"limit": limit + 1})
    groups = [one for one in found if one["key"] is not None]
    following = _following(found[0], groups, start, limit)
    shown = [group for group in groups[:limit] if following is None or group["key"] < following]
    return {
        "data": _complete(session, account_id, by, shown),
        "next_cursor": following and domain.pack_cursor([by, following]),
    }


def _following(ends: dict[str, Any], groups: list[dict[str, Any]], start: str, limit: int) -> str | None:
    """The key with which the next page starts; None where there is none.

    The last one of a full window may go on behind it, so it is the next page's; alone it fills the window, and is done.
    """
    if len(groups) > limit:
        return str(groups[limit]["key"])
    if ends["seen"] < WINDOW:
        return None
    alone = groups and groups[0]["key"] == ends["last"] and groups[0]["count"] == WINDOW
    return f"{ends['last']}\x01" if alone else str(ends["last"])


def _complete(session: Any, account_id: int, by: str, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = [one for group in groups for one in group["ids"]]
    by_id = {contact["id"]: contact for contact in contacts.by_ids(session, account_id, ids)}
    return [
        {
            "value": _value(by, by_id[group["ids"][0]]),
            "count": group["count"],
            "contacts": [by_id[one] for one in group["ids"]],
        }
        for group in groups
    ]


def _value(by: str, contact: dict[str, Any]) -> str:
    names = ("email",) if by == "email" else ("first_name", "last_name")
    return " ".join(contact[name] for name in names if contact[name])


def _start(by: str, cursor: str | None) -> str:
    if cursor is None:
        return ""
    match domain.unpack_cursor(cursor):
        case [str(name), str(key)] if name == by and "\x00" not in key:
            return key
    raise BadCursor("The cursor is not one of this list.")
