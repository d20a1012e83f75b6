"""What an event sold, and what remains of it: without a database."""

from __future__ import annotations

from datetime import date

import pytest

from contracts.events import ChunkProgress, Sale
from services.billing.errors import InvalidFields
from services.billing.margin import lists, schemas
from services.billing.margin.report import Figures
from services.billing.margin.sales import Sold, of_event

SIM = ("sim", "30697")


def chunk(account_id: int, parts: int, captured: int) -> ChunkProgress:
    return ChunkProgress(f"h{account_id}", account_id, captured_parts=parts, captured=captured)


def test_what_is_told_of_is_booked_as_it_was_told_and_nothing_remains() -> None:
    told = [Sale(1, *SIM, 2, 90), Sale(1, "other", "30694", 1, 40)]

    assert of_event([chunk(1, 3, 130)], told) == [
        Sold(1, "other", "30694", 1, 40),
        Sold(1, "sim", "30697", 2, 90),
    ]


def test_what_an_earlier_release_captured_is_unknown() -> None:
    assert of_event([chunk(2, 3, 130), chunk(1, 1, 45)], []) == [
        Sold(1, "", "", 1, 45),
        Sold(2, "", "", 3, 130),
    ]


def test_what_is_told_in_part_leaves_the_rest_unknown_account_by_account() -> None:
    sold = of_event([chunk(1, 3, 130), chunk(2, 1, 50)], [Sale(1, *SIM, 2, 90), Sale(2, *SIM, 1, 50)])

    assert sold == [Sold(1, "", "", 1, 40), Sold(1, *SIM, 2, 90), Sold(2, *SIM, 1, 50)]


def test_a_sale_told_before_its_capture_and_the_capture_after_make_up_for_each_other() -> None:
    early, late = of_event([], [Sale(1, *SIM, 2, 90)]), of_event([chunk(1, 2, 90)], [])

    unknown = [sum(figures) for figures in zip(early[0][3:], late[0][3:], strict=True)]
    assert (early[0][:3], late[0][:3], unknown) == ((1, "", ""), (1, "", ""), [0, 0])


def test_parts_that_cost_the_customer_nothing_are_sold_all_the_same() -> None:
    assert of_event([chunk(1, 2, 0)], [Sale(1, *SIM, 2, 0)]) == [Sold(1, *SIM, 2, 0)]
    assert of_event([chunk(1, 0, 0)], []) == []


@pytest.mark.parametrize("sale", [Sale(1, *SIM, -1, 0), Sale(1, *SIM, 1, -1)])
def test_a_sale_of_less_than_nothing_is_refused(sale: Sale) -> None:
    with pytest.raises(ValueError, match="less than nothing"):
        of_event([], [sale])


def test_the_margin_is_what_remains_of_the_revenue() -> None:
    found = Figures(parts=3, revenue=135_000, cost=85_500)

    assert (found.margin, found.margin_percent, found.complete) == (49_500, "36.67", True)


def test_a_loss_is_shown_as_one() -> None:
    found = Figures(parts=1, revenue=45_000, cost=60_000)

    assert (found.margin, found.margin_percent) == (-15_000, "-33.33")


def test_parts_without_a_cost_are_not_taken_for_free() -> None:
    found = Figures(parts=3, revenue=135_000, parts_without_cost=1, revenue_without_cost=45_000, cost=57_000)

    assert (found.margin, found.margin_percent, found.complete) == (33_000, "36.67", False)


def test_without_any_cost_there_is_no_margin_to_tell() -> None:
    found = Figures(parts=2, revenue=90_000, parts_without_cost=2, revenue_without_cost=90_000)

    assert (found.margin, found.margin_percent, found.complete) == (None, None, False)


def test_nothing_sold_and_what_was_given_away_have_no_percentage() -> None:
    nothing, gift = Figures(), Figures(parts=1, cost=28_000)

    assert (nothing.margin, nothing.margin_percent, nothing.complete) == (0, None, True)
    assert (gift.margin, gift.margin_percent) == (-28_000, None)


def test_figures_add_up() -> None:
    assert Figures(1, 2, 3, 4, 5) + Figures(10, 20, 30, 40, 50) == Figures(11, 22, 33, 44, 55)


TODAY = date(2026, 3, 25)


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (None, None, (date(2026, 3, 1), TODAY)),
        (None, date(2026, 2, 28), (date(2026, 2, 1), date(2026, 2, 28))),
        (TODAY, TODAY, (TODAY, TODAY)),
        (date(2025, 3, 25), None, (date(2025, 3, 25), TODAY)),
    ],
)
def test_the_days_are_this_month_up_to_today_unless_told(
    since: date | None, until: date | None, found: tuple[date, date]
) -> None:
    assert schemas.days(since, until, TODAY) == found


@pytest.mark.parametrize("since", [date(2026, 3, 26), date(2025, 3, 24)])
def test_days_that_end_before_they_begin_or_are_too_many_are_refused(since: date) -> None:
    with pytest.raises(InvalidFields) as refused:
        schemas.days(since, None, TODAY)

    assert [error["pointer"] for error in refused.value.errors] == ["/from"]


HEADER = ["connector", "prefix", "country", "network", "cost", "valid_from"]


def test_a_list_of_costs_is_read_with_prefixes_countries_and_everywhere() -> None:
    rows = [HEADER, ["sim", "*", "", "", "0,05", ""], ["sim", "", "GR", "", 0.0285, date(2026, 1, 1)]]

    lines, faults = lists.read(enumerate(rows, 1))

    assert faults == []
    assert lines == [(2, "sim", "", 50_000, None), (3, "sim", "30", 28_500, date(2026, 1, 1))]


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (["Sim", "30", "", "", "1", ""], "connector", "invalid"),
        (["", "30", "", "", "1", ""], "connector", "invalid"),
        (["sim", "3x", "", "", "1", ""], "prefix", "invalid"),
        (["sim", "306971", "", "", "1", ""], "prefix", "too_long"),
        (["sim", "", "", "", "1", ""], "prefix", "required"),
        (["sim", "", "XX", "", "1", ""], "country", "unknown_country"),
        (["sim", "30", "", "", "-1", ""], "cost", "invalid"),
        (["sim", "30", "", "", "", ""], "cost", "required"),
        (["sim", "30", "", "", "1", "soon"], "valid_from", "invalid"),
        (["sim", "30", "", "", "1", "0226-01-01"], "valid_from", "range"),
    ],
)
def test_a_row_that_is_wrong_is_named_by_its_column(row: list[str], column: str, code: str) -> None:
    _, faults = lists.read(enumerate([HEADER, row], 1))

    assert [(fault.row, fault.column, fault.code) for fault in faults] == [(2, column, code)]


def test_a_cost_said_twice_in_one_list_is_refused() -> None:
    rows = [HEADER, ["sim", "30", "", "", "1", ""], ["sim", "", "GR", "", "2", ""]]

    _, faults = lists.read(enumerate(rows, 1))

    assert [(fault.row, fault.code) for fault in faults] == [(3, "duplicate")]
