"""What a part costs the operator, by connector and prefix, from a day on. Micro-euro; days are the operator's.

A cost counts for whole days: what is sold on a day costs what holds for that day, whenever in it the operator's prices
changed. Days of the past may be given, because invoices come late; what was said before is kept, and who said it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from servicekit import logs
from servicekit.database import cursor_of

from .. import audit
from ..pricelists import destinations
from ..queries import NEWEST, as_time

log = logs.get(__name__)

# Of each prefix the row for the latest day, of that day the one said last. Read by today's day, or another.
IN_FORCE = """
SELECT DISTINCT ON (connector, prefix) connector, prefix, cost, valid_from FROM costs
WHERE valid_from <= %(day)s AND (%(connector)s::text IS NULL OR connector = %(connector)s)
ORDER BY connector, prefix, valid_from DESC, id DESC
"""
_PAGE = f"""
SELECT * FROM ({IN_FORCE}) c WHERE cost IS NOT NULL AND (connector, prefix) > (%(after)s, %(after_prefix)s)
ORDER BY connector, prefix LIMIT %(limit)s
"""
_HISTORY = """
SELECT id, connector, prefix, cost, valid_from, said_at FROM costs
WHERE id < %(before)s AND (%(connector)s::text IS NULL OR connector = %(connector)s)
    AND (%(prefix)s::text IS NULL OR prefix = %(prefix)s)
ORDER BY id DESC LIMIT %(limit)s
"""
# What repeats the last word on its day is left out, so saying it again changes nothing.
_NEW = """
SELECT w.connector, w.prefix, w.cost, w.valid_from
FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::date[]) AS w (connector, prefix, cost, valid_from)
WHERE NOT EXISTS (
    SELECT FROM (
        SELECT cost FROM costs c
        WHERE c.connector = w.connector AND c.prefix = w.prefix AND c.valid_from = w.valid_from
        ORDER BY id DESC LIMIT 1
    ) said WHERE said.cost IS NOT DISTINCT FROM w.cost
)
"""


class Wanted(NamedTuple):
    """A cost to set from a day on; None ends what was said of the prefix."""

    connector: str
    prefix: str
    cost: int | None
    valid_from: date


def today(session: Any, zone: str) -> date:
    """The operator's day, by the database's clock."""
    cursor = cursor_of(session)
    cursor.execute("SELECT (now() AT TIME ZONE %s)::date", (zone,))
    found: date = cursor.fetchone()[0]
    return found


def add(session: Any, wanted: Sequence[Wanted]) -> int:
    """Add what is not said already, one caller at a time; returns how many that were."""
    cursor = cursor_of(session)
    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('billing.costs'))")
    cursor.execute(f"INSERT INTO costs (connector, prefix, cost, valid_from) {_NEW}", _columns(wanted))
    return int(cursor.rowcount)


def count_new(session: Any, wanted: Sequence[Wanted]) -> int:
    """How many ``add`` would add now."""
    cursor = cursor_of(session)
    cursor.execute(_NEW, _columns(wanted))
    return int(cursor.rowcount)


def _columns(wanted: Sequence[Wanted]) -> tuple[list[Any], ...]:
    return tuple([getattr(one, name) for one in wanted] for name in Wanted._fields)


def rows_in_force(session: Any, day: date) -> list[tuple[Any, ...]]:
    """(connector, prefix, cost, valid from) of all costs that hold on ``day``."""
    cursor = cursor_of(session)
    cursor.execute(IN_FORCE, {"day": day, "connector": None})
    return [row for row in cursor.fetchall() if row[2] is not None]


def in_force(session: Any, day: date) -> dict[tuple[str, str], int]:
    """The costs that hold on ``day`` by connector and prefix."""
    return {(row[0], row[1]): row[2] for row in rows_in_force(session, day)}


def set_costs(
    session: Any, connector: str, costs: Sequence[tuple[str, int | None]], valid_from: date | None, zone: str
) -> dict[str, Any]:
    """Say what parts cost over ``connector`` by prefix, from ``valid_from`` on (None: today). Again changes nothing."""
    since = valid_from or today(session, zone)
    changed = add(session, [Wanted(connector, prefix, cost, since) for prefix, cost in costs])
    if changed:
        audit.note(session, "costs_set", connector=connector, valid_from=since.isoformat(), costs=dict(costs))
        log.info("costs_set", connector=connector, count=changed)
    return {"connector": connector, "valid_from": since.isoformat(), "changed": changed}


def page(
    session: Any, connector: str | None, day: date, after: tuple[str, str], limit: int
) -> dict[str, Any]:
    """The costs that hold on ``day``, by connector and prefix; ``after`` is the key that a cursor stands for."""
    cursor = cursor_of(session)
    values = {
        "connector": connector,
        "day": day,
        "after": after[0],
        "after_prefix": after[1],
        "limit": limit + 1,
    }
    cursor.execute(_PAGE, values)
    rows = cursor.fetchall()
    data = [shown(row) for row in rows[:limit]]
    last = f"{data[-1]['connector']}:{data[-1]['prefix']}" if len(rows) > limit else None
    return {"currency": "EUR", "day": day.isoformat(), "data": data, "next_cursor": last}


def shown(row: Iterable[Any]) -> dict[str, Any]:
    """(connector, prefix, cost, valid from) with the destination in words."""
    connector, prefix, cost, valid_from = row
    country, network = destinations.describe(prefix)
    return {
        "connector": connector,
        "prefix": prefix,
        "country": country,
        "network": network,
        "cost": cost,
        "valid_from": valid_from.isoformat(),
    }


def history(
    session: Any, connector: str | None, prefix: str | None, before: int | None, limit: int
) -> dict[str, Any]:
    """Everything that was ever said of costs, newest first."""
    cursor = cursor_of(session)
    cursor.execute(
        _HISTORY,
        {"connector": connector, "prefix": prefix, "before": before or NEWEST, "limit": limit + 1},
    )
    rows = cursor.fetchall()
    data = [{"id": row[0], **shown(row[1:5]), "said_at": as_time(row[5])} for row in rows[:limit]]
    return {"data": data, "next_cursor": str(data[-1]["id"]) if len(rows) > limit else None}
