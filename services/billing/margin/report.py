"""The margin: what was captured, what it costs the operator, and what remains. Integer micro-euro.

Parts whose cost nobody said are never taken for free: they are counted apart, with their revenue, and the margin is that
of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from servicekit.database import cursor_of

from .. import domain
from ..errors import BadCursor
from ..pricelists import destinations
from .sales import UNKNOWN

BY = ("connector", "account", "destination", "day")
_KEYS = {
    "connector": 'connector COLLATE "C"',
    "account": "account_id",
    "destination": 'destination COLLATE "C"',
    "day": "day",
}
# What a part costs since a day by a prefix of so many digits: of the rows for the latest day, the one said last. None: ended.
_SAID = """(
            SELECT cost FROM costs WHERE connector = w.connector AND prefix = left(w.destination, {digits})
                AND valid_from <= w.since ORDER BY valid_from DESC, id DESC LIMIT 1
        )"""
_LONGEST_FIRST = ", ".join(_SAID.format(digits=digits) for digits in range(5, -1, -1))
# One statement, so one snapshot. Costs change on few days, so a way is priced once for all days between two of them, whoever
# sold over it, by the longest prefix that has a cost.
_REPORT = f"""
WITH starts AS MATERIALIZED (
    SELECT coalesce(array_agg(DISTINCT valid_from ORDER BY valid_from), '{{{{}}}}') AS days FROM costs
), sold AS MATERIALIZED (
    SELECT {{key}} AS key, width_bucket(day, (SELECT days FROM starts)) AS period, connector, destination,
        sum(parts) AS parts, sum(captured) AS captured
    FROM sales
    WHERE day BETWEEN %(since)s AND %(until)s
        AND (%(account_id)s::bigint IS NULL OR account_id = %(account_id)s)
        AND (%(connector)s::text IS NULL OR connector = %(connector)s)
    GROUP BY 1, 2, 3, 4
), ways AS MATERIALIZED (
    SELECT w.period, w.connector, w.destination, coalesce({_LONGEST_FIRST}) AS cost
    FROM (SELECT DISTINCT period, connector, destination, (SELECT days FROM starts)[period] AS since FROM sold) w
)
SELECT s.key, sum(s.parts)::bigint, sum(s.captured)::bigint,
    coalesce(sum(s.parts) FILTER (WHERE w.cost IS NULL), 0)::bigint,
    coalesce(sum(s.captured) FILTER (WHERE w.cost IS NULL), 0)::bigint,
    coalesce(sum(s.parts * w.cost), 0)::bigint
FROM sold s JOIN ways w USING (period, connector, destination)
GROUP BY s.key ORDER BY s.key
"""
_COLUMNS = {
    "connector": ("connector",),
    "account": ("account_id", "account_name"),
    "destination": ("destination", "country", "network"),
    "day": ("day",),
}
_FIGURES = (
    *("parts", "revenue", "parts_without_cost", "revenue_without_cost", "cost", "margin"),
    *("margin_percent", "complete"),
)
_MONEY = ("revenue", "revenue_without_cost", "cost", "margin")


@dataclass(frozen=True)
class Asked:
    """Days from ``since`` to ``until``, both included; of one account or one connector where given."""

    since: date
    until: date
    by: str
    account_id: int | None = None
    connector: str | None = None


@dataclass(frozen=True)
class Figures:
    """What was sold, and what of it has a cost."""

    parts: int = 0
    revenue: int = 0
    parts_without_cost: int = 0
    revenue_without_cost: int = 0
    cost: int = 0

    def __add__(self, other: Figures) -> Figures:
        """Both together."""
        return Figures(*(getattr(self, name) + getattr(other, name) for name in _FIGURES[:5]))

    @property
    def complete(self) -> bool:
        """Whether all of it has a cost, so that the margin is that of all of it."""
        return not self.parts_without_cost and not self.revenue_without_cost

    @property
    def margin(self) -> int | None:
        """What remains of the parts with a cost; None when there are none."""
        if not self.complete and self.parts == self.parts_without_cost:
            return None
        return self.revenue - self.revenue_without_cost - self.cost

    @property
    def margin_percent(self) -> str | None:
        """The margin in per cent of the revenue that it is of, two decimals; None without such revenue."""
        base = self.revenue - self.revenue_without_cost
        if self.margin is None or base <= 0:
            return None
        percent = Decimal(self.margin * 100) / Decimal(base)
        return str(percent.quantize(Decimal("0.01"), ROUND_HALF_UP))

    def shown(self) -> dict[str, Any]:
        """By their names."""
        return {name: getattr(self, name) for name in _FIGURES}


def rows(session: Any, asked: Asked) -> list[tuple[Any, Figures]]:
    """(key, figures) of everything that was sold, in the order of keys."""
    cursor = cursor_of(session)
    values = {name: getattr(asked, name) for name in ("since", "until", "account_id", "connector")}
    # The planner takes what it grouped itself for few rows, and would compare each with each: minutes instead of seconds.
    cursor.execute("SET LOCAL enable_nestloop = off")
    cursor.execute(_REPORT.format(key=_KEYS[asked.by]), values)
    return [(row[0], Figures(*row[1:])) for row in cursor.fetchall()]


def page(session: Any, asked: Asked, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of the report, and the totals of all of it."""
    found = rows(session, asked)
    totals = sum((figures for _, figures in found), Figures())
    if cursor is not None:
        after = _after(asked.by, cursor)
        found = [row for row in found if row[0] > after]
    shown = [{**words, **figures.shown()} for words, figures in _named(session, asked.by, found[:limit])]
    return {
        "from": asked.since.isoformat(),
        "until": asked.until.isoformat(),
        "by": asked.by,
        "currency": domain.CURRENCY,
        "data": shown,
        "totals": totals.shown(),
        "next_cursor": f"after:{found[limit - 1][0]}" if len(found) > limit else None,
    }


def _after(by: str, cursor: str) -> Any:
    """The key that a cursor stands for. Raises BadCursor."""
    mark, _, key = cursor.partition(":")
    try:
        if mark != "after":
            raise ValueError(cursor)
        if by == "account":
            return int(key)
        return date.fromisoformat(key) if by == "day" else key
    except ValueError:
        raise BadCursor("This cursor is not one of ours.") from None


def _named(
    session: Any, by: str, found: Iterable[tuple[Any, Figures]]
) -> Iterator[tuple[dict[str, Any], Figures]]:
    """Keys as people know them; ``unknown`` marks what nobody told the way of."""
    found = list(found)
    names = _names(session, [key for key, _ in found]) if by == "account" else {}
    for key, figures in found:
        if by == "account":
            yield {"account_id": key, "account_name": names.get(key)}, figures
        elif by == "day":
            yield {"day": key.isoformat()}, figures
        elif by == "connector":
            yield {"connector": key, "unknown": key == UNKNOWN}, figures
        else:
            yield {"destination": key, "unknown": key == UNKNOWN, **_place(key)}, figures


def _names(session: Any, account_ids: list[int]) -> dict[int, str]:
    cursor = cursor_of(session)
    cursor.execute("SELECT account_id, name FROM accounts WHERE account_id = ANY(%s)", (account_ids,))
    return dict(cursor.fetchall())


def _place(destination: str) -> dict[str, str]:
    return dict(zip(("country", "network"), destinations.describe(destination), strict=True))


def table(session: Any, asked: Asked) -> tuple[tuple[str, ...], Iterator[list[Any]]]:
    """The whole report as a header and rows of cells, its totals last. Money is exact decimals in euro."""
    found = rows(session, asked)
    names = _COLUMNS[asked.by]
    named = list(_named(session, asked.by, found))

    def lines() -> Iterator[list[Any]]:
        for words, figures in named:
            cells = [
                "unknown" if words.get("unknown") and name == names[0] else words[name] for name in names
            ]
            yield [*cells, *_cells(figures)]
        totals = sum((figures for _, figures in found), Figures())
        yield ["total", *[""] * (len(names) - 1), *_cells(totals)]

    return (*names, *_FIGURES), lines()


def _cells(figures: Figures) -> list[Any]:
    shown = figures.shown()
    for name in _MONEY:
        if shown[name] is not None:
            shown[name] = Decimal(shown[name]) / 1_000_000
    if shown["margin_percent"] is not None:
        shown["margin_percent"] = Decimal(shown["margin_percent"])
    shown["complete"] = "yes" if shown["complete"] else "no"
    return list(shown.values())
