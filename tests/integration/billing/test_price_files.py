"""Price lists from and to workbooks: whole or not at all, with the past kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from servicekit.database import Database, cursor_of
from services.billing import audit, queries, use_cases
from services.billing.errors import InvalidFields
from services.billing.pricelists import importing
from services.billing.pricelists.importing import PriceListRefused
from tests.integration.billing.test_prices import set_prices, tariff

pytestmark = pytest.mark.integration

HEADER = "price_class;prefix;country;network;price;valid_from"


def take_over(db: Database, account_id: int | None, *rows: str, dry_run: bool = False) -> dict[str, Any]:
    data = "\n".join((HEADER, *rows)).encode()
    with db.transaction() as session:
        return importing.take_over(session, account_id, data, dry_run)


def history(db: Database, account_id: int, **filters: Any) -> list[dict[str, Any]]:
    wanted = {"price_class": None, "prefix": None} | filters
    with db.transaction() as session:
        return list(queries.price_history(session, account_id, **wanted, before=None, limit=50)["data"])


def test_a_list_is_taken_over_with_countries_networks_and_prefixes(db: Database, account_id: int) -> None:
    counts = take_over(
        db,
        account_id,
        "normal;;GR;;0,040;",
        "normal;;GR;Cosmote;0,030;",
        "low;3069;;;0.02;",
        "normal;39;;;0.05;",
    )

    assert counts["added"] == counts["prices"]
    found = tariff(db, account_id)
    assert [found.price(n) for n in ("306941234567", "306971234567", "393331234567")] == [
        40_000,
        30_000,
        50_000,
    ]
    assert tariff(db, account_id, "low").price("306971234567") == 20_000


def test_a_price_from_a_day_that_cannot_be_kept_is_refused_and_the_list_stays_readable(
    db: Database, account_id: int
) -> None:
    with pytest.raises(PriceListRefused) as refused:
        take_over(db, account_id, "normal;30;;;0,040;9999-12-31T23:59:59-05:00")

    assert [error["code"] for error in refused.value.errors] == ["range"]
    assert history(db, account_id) == []
    assert take_over(db, account_id, "normal;30;;;0,040;")["added"] == 1


def test_one_wrong_row_and_nothing_is_changed(db: Database, account_id: int) -> None:
    with pytest.raises(PriceListRefused) as refused:
        take_over(db, account_id, "normal;30;;;0,040;", "normal;x;;;0,030;", "gold;31;;;1;")

    assert [(error["pointer"], error["code"]) for error in refused.value.errors] == [
        ("/rows/3/prefix", "invalid"),
        ("/rows/4/price_class", "not_allowed"),
    ]
    assert history(db, account_id) == []


def test_the_same_list_again_changes_nothing(db: Database, account_id: int) -> None:
    take_over(db, account_id, "normal;30;;;0,040;", "low;30;;;0,030;")

    again = take_over(db, account_id, "normal;30;;;0,040;", "low;30;;;0,031;")

    assert (again["added"], again["unchanged"]) == (1, 1)
    assert len(history(db, account_id)) == 3


def test_a_dry_run_only_tells(db: Database, account_id: int) -> None:
    counts = take_over(db, account_id, "normal;30;;;0,040;", dry_run=True)

    assert (counts["added"], counts["dry_run"]) == (1, True)
    assert history(db, account_id) == []


def test_the_past_cannot_be_changed(db: Database, account_id: int) -> None:
    with pytest.raises(PriceListRefused) as refused:
        take_over(db, account_id, "normal;30;;;0,040;2020-01-01")

    assert refused.value.errors[0]["code"] == "in_the_past"
    with db.transaction() as session:
        use_cases.refuse_past(session, None)
        use_cases.refuse_past(session, datetime.now(UTC) + timedelta(hours=1))
        with pytest.raises(InvalidFields):
            use_cases.refuse_past(session, datetime.now(UTC) - timedelta(hours=1))


def test_a_price_of_a_later_day_waits_and_can_be_corrected_until_then(db: Database, account_id: int) -> None:
    take_over(db, account_id, "normal;30;;;0,040;", "normal;30;;;0,010;2090-01-01")
    take_over(db, account_id, "normal;30;;;0,020;2090-01-01")

    assert tariff(db, account_id).price("306912345678") == 40_000
    assert [line["price"] for line in history(db, account_id, prefix="30")] == [20_000, 40_000]


def test_a_dash_ends_an_accounts_own_price(db: Database, account_id: int) -> None:
    take_over(db, account_id, "normal;30;;;0,040;")
    take_over(db, account_id, "normal;30;;;-;")

    assert tariff(db, account_id).price("306912345678") == 45_000
    assert [line["price"] for line in history(db, account_id)] == [None, 40_000]
    assert take_over(db, account_id, "normal;30;;;-;")["unchanged"] == 1


def test_what_is_exported_can_be_imported_as_it_is(db: Database, account_id: int) -> None:
    set_prices(db, account_id, ("30", 44_000), ("3069", 41_234), valid_from=datetime(2025, 1, 1, tzinfo=UTC))
    with db.transaction() as session:
        own = importing.export(session, account_id, lambda: None)
        everybodys = importing.export(session, None, lambda: None)
        again = importing.take_over(session, account_id, own, dry_run=False)
        whole = importing.take_over(session, None, everybodys, dry_run=False)

    assert again == {"prices": 2, "added": 0, "unchanged": 2, "dry_run": False}
    assert (whole["added"], whole["prices"] > 50) == (0, True)


def test_a_list_of_an_account_changes_nobody_elses(db: Database, account_id: int) -> None:
    take_over(db, account_id, "normal;30;;;0,001;")

    assert tariff(db, account_id + 1_000_000).price("306912345678") == 45_000


def test_who_imported_is_in_the_audit(db: Database, account_id: int) -> None:
    take_over(db, account_id, "normal;30;;;0,040;")
    with db.transaction() as session:
        (line,) = audit.page(session, account_id, None, None, 10)["data"]

    assert (line["action"], line["details"]["added"]) == ("price_list_imported", 1)


def test_an_empty_list_is_refused(db: Database, account_id: int) -> None:
    with pytest.raises(PriceListRefused) as refused:
        take_over(db, account_id)

    assert refused.value.errors[0]["code"] == "empty"


def test_history_pages_from_the_newest(db: Database, account_id: int) -> None:
    for price in range(1, 6):
        set_prices(db, account_id, ("30", price))
    with db.transaction() as session:
        first = queries.price_history(session, account_id, None, None, None, 3)
        rest = queries.price_history(session, account_id, None, None, int(first["next_cursor"]), 3)
        cursor_of(session).execute("SELECT 1")

    assert [line["price"] for page in (first, rest) for line in page["data"]] == [5, 4, 3, 2, 1]
    assert rest["next_cursor"] is None
