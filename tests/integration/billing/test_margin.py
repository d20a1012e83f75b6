"""Costs as they were said, and the margin that follows from them."""

from __future__ import annotations

import io
import random
from datetime import date
from decimal import Decimal
from typing import Any

import openpyxl
import psycopg2.errors
import pytest

from contracts.errors import KeryxError
from servicekit.database import Database, cursor_of
from services.billing import audit
from services.billing.margin import costs, lists, report
from services.billing.margin.report import Asked, Figures

pytestmark = pytest.mark.integration

ZONE = "Europe/Athens"
JUNE = [date(2026, 6, day) for day in range(1, 31)]
HEADER = "connector;prefix;country;network;cost;valid_from"


@pytest.fixture
def name(account_id: int) -> str:
    """A connector that nobody else has costs for."""
    return f"c{account_id}"


def set_costs(db: Database, name: str, since: date | None, *said: tuple[str, int | None]) -> int:
    with db.transaction() as session:
        return int(costs.set_costs(session, name, said, since, ZONE)["changed"])


def sell(
    db: Database, account_id: int, name: str, day: date, destination: str, parts: int, captured: int
) -> None:
    with db.transaction() as session:
        cursor_of(session).execute(
            "INSERT INTO sales VALUES (%s, %s, %s, %s, %s, %s)",
            (day, account_id, name, destination, parts, captured),
        )


def rows(db: Database, by: str, account_id: int, **more: Any) -> dict[Any, Figures]:
    asked = Asked(**{"since": JUNE[0], "until": JUNE[-1], "by": by, "account_id": account_id} | more)
    with db.transaction() as session:
        return dict(report.rows(session, asked))


def page(
    db: Database, by: str, account_id: int, cursor: str | None = None, limit: int = 50
) -> dict[str, Any]:
    with db.transaction() as session:
        return report.page(session, Asked(JUNE[0], JUNE[-1], by, account_id), cursor, limit)


def cost_of(db: Database, account_id: int, name: str, day: date, destination: str = "30697") -> int | None:
    """What one part costs, as the report has it."""
    sell(db, account_id, name, day, destination, 1, 45_000)
    (found,) = rows(db, "connector", account_id, since=day, until=day).values()
    return found.cost if found.complete else None


@pytest.mark.parametrize(
    ("destination", "cost"),
    [("30697", 20_000), ("30694", 30_000), ("30210", 40_000), ("49151", 50_000), ("3", 50_000)],
)
def test_the_longest_prefix_counts(
    db: Database, account_id: int, name: str, destination: str, cost: int
) -> None:
    set_costs(db, name, JUNE[0], ("", 50_000), ("30", 40_000), ("3069", 30_000), ("30697", 20_000))

    assert cost_of(db, account_id, name, JUNE[5], destination) == cost


def test_a_cost_counts_from_its_day_on_and_not_before(db: Database, account_id: int, name: str) -> None:
    set_costs(db, name, JUNE[10], ("30", 40_000))
    set_costs(db, name, JUNE[20], ("30", 30_000))

    found = [cost_of(db, account_id, name, JUNE[day]) for day in (9, 10, 19, 20, 29)]

    assert found == [None, 40_000, 40_000, 30_000, 30_000]


def test_a_cost_said_later_for_a_day_of_the_past_changes_the_margin_of_the_past(
    db: Database, account_id: int, name: str
) -> None:
    set_costs(db, name, JUNE[10], ("30", 40_000))
    assert cost_of(db, account_id, name, JUNE[12]) == 40_000

    set_costs(db, name, JUNE[10], ("30", 35_000))

    (found,) = rows(db, "connector", account_id).values()
    assert found.cost == 35_000
    with db.transaction() as session:
        said = costs.history(session, name, "30", None, 50)["data"]
        lines = audit.page(session, None, "costs_set", None, 2)["data"]
    assert [line["cost"] for line in said] == [35_000, 40_000]
    assert [line["details"]["costs"] for line in lines] == [{"30": 35_000}, {"30": 40_000}]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_was_sold_and_said_each_part_costs_what_its_own_day_says(
    db: Database, account_id: int, name: str, seed: int
) -> None:
    pick = random.Random(seed)
    said = {
        (day, prefix): pick.choice([None, *range(1_000, 9_000)])
        for day in pick.sample(JUNE, 6)
        for prefix in pick.sample(["", "3", "30", "306", "3069", "30697", "4"], 3)
    }
    for (day, prefix), cost in said.items():
        set_costs(db, name, day, (prefix, cost))

    def cost_on(day: date, destination: str) -> int | None:
        for digits in range(5, -1, -1):
            of_prefix = {
                since: cost for (since, prefix), cost in said.items() if prefix == destination[:digits]
            }
            before = [since for since in of_prefix if since <= day]
            if len(destination) >= digits and before and of_prefix[max(before)] is not None:
                return of_prefix[max(before)]
        return None

    expected = Figures()
    for day in JUNE:
        for destination in pick.sample(["30697", "30694", "30210", "49151"], 2):
            parts, captured, cost = pick.randint(1, 9), pick.randint(0, 90_000), cost_on(day, destination)
            sell(db, account_id, name, day, destination, parts, captured)
            free = (parts, captured) if cost is None else (0, 0)
            expected += Figures(parts, captured, *free, parts * (cost or 0))

    for by in report.BY:
        assert sum(rows(db, by, account_id).values(), Figures()) == expected, by


def test_a_cost_that_ended_leaves_the_shorter_prefix(db: Database, account_id: int, name: str) -> None:
    set_costs(db, name, JUNE[0], ("30", 40_000), ("30697", 20_000))
    set_costs(db, name, JUNE[10], ("30697", None))
    set_costs(db, name, JUNE[20], ("30", None))

    found = [cost_of(db, account_id, name, JUNE[day]) for day in (9, 10, 20)]

    assert found == [20_000, 40_000, None]


def test_a_cost_of_nothing_is_a_cost(db: Database, account_id: int, name: str) -> None:
    set_costs(db, name, JUNE[0], ("30", 0))

    assert cost_of(db, account_id, name, JUNE[0]) == 0


def test_saying_it_again_changes_nothing(db: Database, name: str) -> None:
    changed = [set_costs(db, name, JUNE[0], ("30", 40_000), ("49", 1)) for _ in range(2)]

    assert changed == [2, 0]


def test_what_was_said_of_costs_is_not_changed(db: Database, name: str) -> None:
    set_costs(db, name, JUNE[0], ("30", 40_000))
    with (
        pytest.raises(psycopg2.errors.RestrictViolation),
        db.transaction() as session,
    ):
        cursor_of(session).execute("UPDATE costs SET cost = 0 WHERE connector = %s", (name,))


def story(db: Database, account_id: int, name: str) -> None:
    """Two connectors, one of them with costs for Greece alone, and what nobody told of."""
    set_costs(db, name, JUNE[0], ("30", 30_000))
    sell(db, account_id, name, JUNE[3], "30697", 10, 450_000)
    sell(db, account_id, name, JUNE[3], "49151", 2, 150_000)
    sell(db, account_id, f"{name}b", JUNE[4], "30697", 1, 45_000)
    sell(db, account_id, "", JUNE[4], "", 3, 135_000)


def test_each_breakdown_has_the_same_totals(db: Database, account_id: int, name: str) -> None:
    story(db, account_id, name)
    whole = Figures(16, 780_000, 6, 330_000, 300_000)

    found = {by: rows(db, by, account_id) for by in report.BY}

    for by in report.BY:
        assert sum(found[by].values(), Figures()) == whole, by
    assert found["connector"] == {
        "": Figures(3, 135_000, 3, 135_000),
        name: Figures(12, 600_000, 2, 150_000, 300_000),
        f"{name}b": Figures(1, 45_000, 1, 45_000),
    }
    assert found["day"][JUNE[4]] == Figures(4, 180_000, 4, 180_000)
    assert rows(db, "destination", account_id, connector=name).keys() == {"30697", "49151"}


def test_a_page_says_where_what_was_unknown_and_goes_on(db: Database, account_id: int, name: str) -> None:
    story(db, account_id, name)

    first = page(db, "destination", account_id, limit=2)
    last = page(db, "destination", account_id, first["next_cursor"], limit=2)

    shown = [(row["destination"], row["country"], row["unknown"]) for row in first["data"] + last["data"]]
    assert shown == [("", "", True), ("30697", "GR", False), ("49151", "DE", False)]
    assert (last["next_cursor"], first["totals"]) == (None, last["totals"])
    assert (first["totals"]["margin"], first["totals"]["complete"]) == (150_000, False)


@pytest.mark.parametrize(("by", "count"), [("connector", 3), ("account", 1), ("destination", 3), ("day", 2)])
def test_every_breakdown_can_be_paged(db: Database, account_id: int, name: str, by: str, count: int) -> None:
    story(db, account_id, name)

    pages = [page(db, by, account_id, limit=1)]
    while pages[-1]["next_cursor"]:
        pages.append(page(db, by, account_id, pages[-1]["next_cursor"], limit=1))

    assert len(pages) == count
    assert len({str(one["data"]) for one in pages}) == count


@pytest.mark.parametrize("by", report.BY)
def test_another_cursor_is_refused(db: Database, account_id: int, by: str) -> None:
    with pytest.raises(KeryxError) as refused:
        page(db, by, account_id, "x" if by in ("connector", "destination") else "after:x")

    assert refused.value.code == "bad_cursor"


def test_the_report_is_a_workbook_of_exact_figures(db: Database, account_id: int, name: str) -> None:
    story(db, account_id, name)
    with db.transaction() as session:
        header, cells = report.table(session, Asked(JUNE[0], JUNE[-1], "connector", account_id))
        data = lists.workbook("margin", header, cells, lambda: None)

    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    names, *found = sheet.iter_rows(values_only=True)
    assert [row[0] for row in found] == ["unknown", name, f"{name}b", "total"]
    total = dict(zip(map(str, names), found[-1], strict=True))
    assert Decimal(str(total["revenue"])) == Decimal("0.78")
    assert (total["parts_without_cost"], total["complete"]) == (6, "no")


def take_over(db: Database, *lines: str, dry_run: bool = False) -> dict[str, Any]:
    with db.transaction() as session:
        return lists.take_over(session, "\n".join((HEADER, *lines)).encode(), ZONE, dry_run)


def test_a_list_goes_in_and_out_and_in_again(db: Database, name: str) -> None:
    table = (f"{name};*;;;0,05;", f"{name};;GR;;0,03;2026-06-01", f"{name};30697;;;0,0285;01/06/2026")
    assert take_over(db, *table, dry_run=True)["added"] == 3
    counts = [take_over(db, *table) for _ in range(2)]
    with db.transaction() as session:
        data = lists.export(session, ZONE, lambda: None)
        back = lists.take_over(session, data, ZONE, dry_run=False)
        holding = costs.in_force(session, costs.today(session, ZONE))

    assert [(one["added"], one["unchanged"]) for one in counts] == [(3, 0), (0, 3)]
    assert back["added"] == 0
    assert {prefix: cost for (of, prefix), cost in holding.items() if of == name} == {
        "": 50_000,
        "30": 30_000,
        "30697": 28_500,
    }


def test_one_wrong_row_and_no_cost_is_changed(db: Database, name: str) -> None:
    with pytest.raises(lists.CostListRefused) as refused:
        take_over(db, f"{name};30;;;0,03;", f"{name};30x;;;0,03;")

    assert [error["pointer"] for error in refused.value.errors] == ["/rows/3/prefix"]
    with db.transaction() as session:
        assert costs.history(session, name, None, None, 1)["data"] == []


def test_costs_are_listed_by_connector_as_they_hold_on_a_day(db: Database, name: str) -> None:
    set_costs(db, name, JUNE[0], ("", 50_000), ("30", 40_000), ("49", 60_000))
    set_costs(db, name, JUNE[10], ("30", 30_000), ("49", None))

    def listed(day: date, after: tuple[str, str] = ("", ""), limit: int = 50) -> dict[str, Any]:
        with db.transaction() as session:
            return costs.page(session, name, day, after, limit)

    assert [row["cost"] for row in listed(JUNE[9])["data"]] == [50_000, 40_000, 60_000]
    assert [row["cost"] for row in listed(JUNE[10])["data"]] == [50_000, 30_000]
    first = listed(JUNE[9], limit=2)
    assert first["next_cursor"] == f"{name}:30"
    assert [row["prefix"] for row in listed(JUNE[9], (name, "30"))["data"]] == ["49"]
