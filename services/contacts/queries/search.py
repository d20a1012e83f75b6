"""Contacts found by a filter, in an order: a page within 100 ms at a million contacts of one account.

Two ways, the first of which is bounded and the second of which is only gone when few match. *Walking*: the next WINDOW
contacts in the order asked for are looked at; common terms fill a page from these. *Gathering*: what a window did not
fill matches rarely, so all matches are fetched by the trigrams of their entries and sorted. Which way is taken never depends
on what the planner believes of an account that an import is filling.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .. import domain
from ..errors import BadCursor
from . import row, rows, value
from .filters import CONTACT_NAME_KEY, Conditions, conditions

WINDOW = 4_000
NAMES_WINDOW = 1_000
"""By name: a step costs four times as much, and namesakes stand together, so that a longer window rarely has more of them."""
FEW = 15_000


@dataclass(frozen=True)
class Order:
    """How a list is sorted: its expressions over contacts ``c`` with their types; the last is the id."""

    name: str
    keys: tuple[str, ...]
    types: tuple[str, ...]
    descending: bool = False

    @property
    def by(self) -> str:
        """For ORDER BY."""
        return ", ".join(f"{key} {'DESC' if self.descending else 'ASC'}" for key in self.keys)

    @property
    def by_name(self) -> str:
        """For ORDER BY, of columns k0, k1 that hold the keys."""
        return ", ".join(f"k{n} {'DESC' if self.descending else 'ASC'}" for n in range(len(self.keys)))

    def after(self, params: Mapping[str, Any]) -> list[str]:
        """Whether a contact comes after the cursor ``%(after_0)s …``, when there is one in ``params``."""
        if "after_0" not in params:
            return []
        values = ", ".join(f"%(after_{n})s::{kind}" for n, kind in enumerate(self.types))
        return [f"({', '.join(self.keys)}) {'<' if self.descending else '>'} ({values})"]

    def of_entries(self) -> Order:
        """The same of search entries, which have the key of names in a column."""
        keys = tuple("c.name_key" if key == CONTACT_NAME_KEY else key for key in self.keys)
        return replace(self, keys=keys)


_ORDERS = {
    "id": (("c.id",), ("bigint",)),
    "created": (("c.created_at", "c.id"), ("timestamptz", "bigint")),
    "name": ((CONTACT_NAME_KEY, "c.id"), ("text", "bigint")),
}


def page_ids(
    session: Any, account_id: int, wanted: Mapping[str, Any], cursor: str | None, limit: int
) -> tuple[list[int], str | None]:
    """The ids of a page in order and the cursor of the next. Raises UnknownGroup, BadCursor."""
    asked = conditions(session, account_id, wanted)
    order = _order(wanted)
    params = asked.params | _after(order, cursor) | {"limit": limit + 1}
    if wanted["blacklisted"] and _are_few_blacklisted(session, account_id):
        found = _gather(session, asked, order, params)
    else:
        walked = _walk(session, asked, order, params, by_group=wanted["group_id"] is not None)
        found = walked if walked is not None else _gather_entries(session, asked, order, params)
    following = _cursor(order, found[limit - 1]) if len(found) > limit else None
    return [one[-1] for one in found[:limit]], following


def _are_few_blacklisted(session: Any, account_id: int) -> bool:
    """So few that a window would look at 4,000 contacts, by two keys each, for less than a page."""
    sql = """SELECT count(*) FROM (
        SELECT FROM suppressions WHERE account_id = %(account_id)s AND active LIMIT %(most)s) s"""
    return bool(value(session, sql, {"account_id": account_id, "most": FEW}) < FEW)


def _order(wanted: Mapping[str, Any]) -> Order:
    name = wanted["sort"].removeprefix("-")
    if name == "created" and wanted["created_from"] is None and wanted["created_until"] is None:
        name = "id"  # ids are given in the order of creation, and every way to contacts has them in order
    keys, types = _ORDERS[name]
    return Order(name, keys, types, wanted["sort"].startswith("-"))


def _walk(
    session: Any, asked: Conditions, order: Order, params: dict[str, Any], by_group: bool
) -> list[list[Any]] | None:
    """The page, or None when the window did not fill it and there is more behind it."""
    source, bounds, tests = "contacts c", ["c.account_id = %(account_id)s", *asked.bounds], asked.tests
    if by_group and order.name == "id":
        source = "group_members m JOIN contacts c ON c.id = m.contact_id"
        bounds, tests = ["m.group_id = %(group_id)s"], asked.tests[1:]
        order = replace(order, keys=("m.contact_id",))
    tests = [asked.words, *tests] if asked.words else tests
    window = min(WINDOW, NAMES_WINDOW) if order.name == "name" and asked.words else WINDOW
    hits, seen = _first(session, source, bounds, tests, order, params | {"window": window})
    return hits if len(hits) >= params["limit"] or seen < window else None


def _gather_entries(session: Any, asked: Conditions, order: Order, params: dict[str, Any]) -> list[list[Any]]:
    """The page from all that have the words, by their trigrams."""
    if not asked.entries:
        return _gather(session, asked, order, params)
    source, order = f"(SELECT *, '' AS search FROM ({asked.entries}) e) c", order.of_entries()
    # The first of 33,000 names are known in a quarter of the time that sorting all of them takes.
    windows = (params["limit"] * 10, None) if asked.tests else (params["limit"],)
    with _by_index(session):
        for window in windows:
            wanted = params | {"window": window}
            hits, seen = _first(session, source, asked.bounds, asked.tests, order, wanted)
            if len(hits) >= params["limit"] or window is None or seen < window:
                break
    return hits


def _first(
    session: Any, source: str, bounds: list[str], tests: list[str], order: Order, params: dict[str, Any]
) -> tuple[list[list[Any]], int]:
    """The keys of the first that pass the tests, of ``window`` in order; how many there were, if that did not fill a page."""
    named = [f"{key} AS k{n}" for n, key in enumerate(order.keys)]
    keys = ", ".join(f"k{n}" for n in range(len(named)))
    where = " AND ".join([*bounds, *order.after(params)]) or "true"
    # What is materialised is read in its order, and no further than until the page is full: so nothing sorts it again, and
    # it is counted only when the page is not full. Otherwise all 4,000 would be tested for each page, 140 ms of them.
    sql = f"""WITH seen AS MATERIALIZED (
            SELECT c.id, c.search, {", ".join(named)} FROM {source} WHERE {where} ORDER BY {order.by} LIMIT %(window)s
        ), hits AS MATERIALIZED (SELECT {keys} FROM seen c WHERE {" AND ".join(tests) or "true"} LIMIT %(limit)s)
        SELECT (SELECT coalesce(jsonb_agg(jsonb_build_array({keys}) ORDER BY {order.by_name}), '[]') FROM hits) AS hits,
            CASE WHEN (SELECT count(*) FROM hits) < %(limit)s THEN (SELECT count(*) FROM seen) ELSE 0 END AS seen"""
    found = row(session, sql, params)
    assert found is not None
    return found["hits"], found["seen"]


def _gather(session: Any, asked: Conditions, order: Order, params: dict[str, Any]) -> list[list[Any]]:
    """The page from all that fulfil what is rare."""
    words = [asked.words] if asked.words else []
    where = ["c.account_id = %(account_id)s", *asked.bounds, *asked.fetching, *words, *order.after(params)]
    named = ", ".join(f"{key} AS k{n}" for n, key in enumerate(order.keys))
    sql = (
        f"SELECT {named} FROM contacts c WHERE {' AND '.join(where)} ORDER BY {order.by_name} LIMIT %(limit)s"
    )
    with _by_index(session):
        return [list(one.values()) for one in rows(session, sql, params)]


@contextmanager
def _by_index(session: Any) -> Iterator[None]:
    """Only what is rare is gathered: by its index, whatever the statistics say of the account just now."""
    value(session, "SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)", {})
    yield
    value(session, "SELECT set_config('enable_seqscan', 'on', true)", {})


def _cursor(order: Order, last: list[Any]) -> str:
    values = [value.isoformat() if isinstance(value, datetime) else value for value in last]
    return domain.pack_cursor([order.name, *values])


def _after(order: Order, cursor: str | None) -> dict[str, Any]:
    """Parameters of ``order.after``. Raises BadCursor for what ``_cursor`` did not write for this order."""
    if cursor is None:
        return {}
    refusal = BadCursor("The cursor is not one of this list.")
    try:
        name, *values = domain.unpack_cursor(cursor)
        if order.name == "created":
            values[0] = datetime.fromisoformat(values[0])
    except (ValueError, TypeError, IndexError):
        raise refusal from None
    fits = name == order.name and len(values) == len(order.keys) and domain.is_id(values[-1])
    if not fits or (name == "name" and not (isinstance(values[0], str) and "\x00" not in values[0])):
        raise refusal
    return {f"after_{n}": one for n, one in enumerate(values)}


def matching_ids(session: Any, account_id: int, wanted: Mapping[str, Any], most: int) -> list[int]:
    """The ids of all that match, in the order of creation, at most ``most`` + 1. Raises UnknownGroup."""
    asked = conditions(session, account_id, wanted)
    sql = f"SELECT c.id FROM contacts c WHERE {asked.everything} ORDER BY c.id LIMIT %(limit)s"
    return [found["id"] for found in rows(session, sql, asked.params | {"limit": most + 1})]
