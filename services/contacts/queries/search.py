"""Contacts found by a filter, in an order: a page within 100 ms at a million contacts of one account.

Two ways, the first of which is bounded and the second of which is only gone when few match. *Walking*: the next WINDOW
contacts in the order asked for are looked at; common terms fill a page from these. *Gathering*: what a window did not
fill matches rarely, so all matches are fetched by the trigram index and sorted. Which way is taken never depends on
what the planner believes of an account that an import is filling.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from .. import domain
from ..errors import BadCursor
from . import require_groups, row, rows, value

WINDOW = 4_000
FEW = 15_000

NAME_KEY = 'contacts_name_key(c.last_name, c.first_name) COLLATE "C"'

# Seen from the few that are blacklisted when gathering, from each contact when walking.
_IS_BLACKLISTED = """EXISTS (
    SELECT FROM phones p JOIN suppressions s ON s.account_id = p.account_id AND s.msisdn = p.msisdn AND s.active
    WHERE p.contact_id = c.id)"""
_THE_BLACKLISTED = """c.id IN (
    SELECT p.contact_id FROM suppressions s JOIN phones p ON p.account_id = s.account_id AND p.msisdn = s.msisdn
    WHERE s.account_id = %(account_id)s AND s.active)"""

_HAS_DIGITS = "EXISTS (SELECT FROM phones p WHERE p.contact_id = c.id AND p.msisdn::text LIKE %(digits)s)"

_TERM_OR_DIGITS_BY_INDEX = """c.id IN (
    SELECT f.id FROM contacts f WHERE f.account_id = %(account_id)s AND {words}
    UNION SELECT p.contact_id FROM phones p WHERE p.account_id = %(account_id)s AND p.msisdn::text LIKE %(digits)s)"""

_IN_GROUP = "EXISTS (SELECT FROM group_members m WHERE m.group_id = %(group_id)s AND m.contact_id = c.id)"
_THE_GROUP = "c.id IN (SELECT m.contact_id FROM group_members m WHERE m.group_id = %(group_id)s)"


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
    def after(self) -> str:
        """Whether a contact comes after the cursor ``%(after_0)s …``."""
        values = ", ".join(f"%(after_{n})s::{kind}" for n, kind in enumerate(self.types))
        return f"({', '.join(self.keys)}) {'<' if self.descending else '>'} ({values})"


_ORDERS = {
    "id": (("c.id",), ("bigint",)),
    "created": (("c.created_at", "c.id"), ("timestamptz", "bigint")),
    "name": ((NAME_KEY, "c.id"), ("text", "bigint")),
}


@dataclass(frozen=True)
class Conditions:
    """What a filter asks of contacts ``c``: as tested on each when walking, and as fetched when gathering."""

    walking: list[str] = field(default_factory=list)
    gathering: list[str] = field(default_factory=list)
    bounds: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)

    def add(self, walking: str, gathering: str | None = None) -> None:
        """Both forms of one condition."""
        self.walking.append(walking)
        self.gathering.append(gathering or walking)

    @property
    def everything(self) -> str:
        """For a WHERE that takes all that match."""
        return " AND ".join(["c.account_id = %(account_id)s", *self.bounds, *self.gathering])


def conditions(session: Any, account_id: int, wanted: Mapping[str, Any]) -> Conditions:
    """What a checked ``schemas.Filter`` asks for. Raises UnknownGroup."""
    found = Conditions(params={"account_id": account_id})
    if wanted["group_id"] is not None:
        require_groups(session, account_id, [wanted["group_id"]])
        found.params["group_id"] = wanted["group_id"]
        found.add(_IN_GROUP, _THE_GROUP)
    if wanted["search"]:
        _add_search(found, wanted["search"])
    if wanted["blacklisted"] is not None:
        if wanted["blacklisted"]:
            found.add(_IS_BLACKLISTED, _THE_BLACKLISTED)
        else:
            found.add(f"NOT {_IS_BLACKLISTED}")
    for name, sign in (("created_from", ">="), ("created_until", "<")):
        if wanted[name] is not None:
            found.bounds.append(f"c.created_at {sign} %({name})s")
            found.params[name] = wanted[name]
    return found


def _add_search(found: Conditions, term: str) -> None:
    words = domain.search_words(term)
    patterns = {f"word_{n}": domain.like(word) for n, word in enumerate(words) if len(word) >= 3}
    starts = {f"word_{n}": domain.like(word)[1:] for n, word in enumerate(words) if len(word) < 3}
    found.params.update(patterns | starts)
    tests = [f"{{c}}.search LIKE contacts_fold(%({name})s)" for name in patterns]
    # Too short for a trigram: looked for where a word begins, which the index can find.
    tests += [
        f"({{c}}.search LIKE contacts_fold(%({name})s) OR {{c}}.search LIKE '%% ' || contacts_fold(%({name})s))"
        for name in starts
    ]
    text = " AND ".join(tests) or "false"
    walking, by_index = text.format(c="c"), text.format(c="f")
    if digits := domain.digits_in(term):
        found.params["digits"] = f"%{digits}%"
        found.add(f"({walking} OR {_HAS_DIGITS})", _TERM_OR_DIGITS_BY_INDEX.format(words=by_index))
    else:
        found.add(walking)


def page_ids(
    session: Any, account_id: int, wanted: Mapping[str, Any], cursor: str | None, limit: int
) -> tuple[list[int], str | None]:
    """The ids of a page in order and the cursor of the next. Raises UnknownGroup, BadCursor."""
    asked = conditions(session, account_id, wanted)
    order = _order(wanted)
    params = asked.params | _after(order, cursor) | {"limit": limit + 1, "window": WINDOW}
    after = [order.after] if cursor is not None else []
    found = None
    if not (wanted["blacklisted"] and _are_few_blacklisted(session, account_id)):
        found = _walk(session, asked, order, after, params, by_group=wanted["group_id"] is not None)
    if found is None:
        found = _gather(session, asked, order, after, params)
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
    session: Any, asked: Conditions, order: Order, after: list[str], params: dict[str, Any], by_group: bool
) -> list[list[Any]] | None:
    """The page, or None when the window did not fill it and there is more behind it."""
    source, bounds, tests = "contacts c", ["c.account_id = %(account_id)s", *asked.bounds], asked.walking
    if by_group and order.name == "id":
        source = "group_members m JOIN contacts c ON c.id = m.contact_id"
        bounds, tests = ["m.group_id = %(group_id)s"], asked.walking[1:]
        order = Order("id", ("m.contact_id",), order.types, order.descending)
        after = [order.after] if after else []
    named = [f"{key} AS k{n}" for n, key in enumerate(order.keys)]
    keys = ", ".join(f"k{n}" for n in range(len(named)))
    sorting = ", ".join(f"k{n} {'DESC' if order.descending else 'ASC'}" for n in range(len(named)))
    # What is materialised is read in its order, and no further than until the page is full: so nothing sorts it again, and
    # it is counted only when the page is not full. Otherwise all 4,000 would be tested for each page, 140 ms of them.
    sql = f"""WITH seen AS MATERIALIZED (
            SELECT c.id, c.search, {", ".join(named)} FROM {source}
            WHERE {" AND ".join([*bounds, *after])} ORDER BY {order.by} LIMIT %(window)s
        ), hits AS MATERIALIZED (SELECT {keys} FROM seen c WHERE {" AND ".join(tests) or "true"} LIMIT %(limit)s)
        SELECT (SELECT coalesce(jsonb_agg(jsonb_build_array({keys}) ORDER BY {sorting}), '[]') FROM hits) AS hits,
            CASE WHEN (SELECT count(*) FROM hits) < %(limit)s THEN (SELECT count(*) FROM seen) ELSE 0 END AS seen"""
    found = row(session, sql, params)
    assert found is not None
    hits: list[list[Any]] = found["hits"]
    return hits if len(hits) >= params["limit"] or found["seen"] < WINDOW else None


def _gather(
    session: Any, asked: Conditions, order: Order, after: list[str], params: dict[str, Any]
) -> list[list[Any]]:
    # Only what is rare is gathered: by its index, whatever the statistics say of the account just now.
    value(session, "SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)", {})
    named = ", ".join(f"{key} AS k{n}" for n, key in enumerate(order.keys))
    sorting = ", ".join(f"k{n} {'DESC' if order.descending else 'ASC'}" for n in range(len(order.keys)))
    where = " AND ".join([asked.everything, *after])
    sql = f"SELECT {named} FROM contacts c WHERE {where}"
    if "word_1" in params:
        # Apart from its LIMIT. The planner takes words for independent; two that are never in one contact made it walk
        # through all contacts, 670 ms, where the index knows in 16 that there is none.
        sql = f"WITH found AS MATERIALIZED ({sql}) SELECT * FROM found"
    sql += f" ORDER BY {sorting} LIMIT %(limit)s"
    found = [list(one.values()) for one in rows(session, sql, params)]
    value(session, "SELECT set_config('enable_seqscan', 'on', true)", {})
    return found


def _cursor(order: Order, last: list[Any]) -> str:
    values = [value.isoformat() if isinstance(value, datetime) else value for value in last]
    return base64.urlsafe_b64encode(orjson.dumps([order.name, *values])).decode().rstrip("=")


def _after(order: Order, cursor: str | None) -> dict[str, Any]:
    """Parameters of ``order.after``. Raises BadCursor for what ``_cursor`` did not write for this order."""
    if cursor is None:
        return {}
    refusal = BadCursor("The cursor is not one of this list.")
    try:
        name, *values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if order.name == "created":
            values[0] = datetime.fromisoformat(values[0])
    except (ValueError, TypeError, IndexError, binascii.Error, UnicodeEncodeError):
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
