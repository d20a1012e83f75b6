"""What a part costs, to whom, from when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from contracts.tariff import Tariff
from servicekit.database import Database
from services.billing import queries, use_cases

pytestmark = pytest.mark.integration


def tariff(db: Database, account_id: int, price_class: str = "normal") -> Tariff:
    with db.transaction() as session:
        return queries.tariff(session, account_id, price_class)


def set_prices(
    db: Database, account_id: int, *prices: tuple[str, int | None], valid_from: datetime | None = None
) -> None:
    with db.transaction() as session:
        use_cases.set_prices(session, "normal", prices, account_id, valid_from)


@pytest.mark.parametrize(
    ("msisdn", "normal", "low"),
    [("306912345678", 45_000, 35_000), ("4915112345678", 75_000, 60_000), ("35799123456", 75_000, 60_000)],
)
def test_a_new_installation_has_prices_for_greece_and_europe(
    db: Database, account_id: int, msisdn: str, normal: int, low: int
) -> None:
    assert tariff(db, account_id).price(msisdn) == normal
    assert tariff(db, account_id, "low").price(msisdn) == low


def test_a_destination_without_a_price_has_none(db: Database, account_id: int) -> None:
    assert tariff(db, account_id).price("8613812345678") is None


def test_the_longest_prefix_decides(db: Database, account_id: int) -> None:
    set_prices(db, account_id, ("3069", 40_000), ("30697", 39_000))

    found = tariff(db, account_id)

    assert [found.price(n) for n in ("306971234567", "306941234567", "302101234567")] == [
        39_000,
        40_000,
        45_000,
    ]


def test_an_accounts_own_price_replaces_everybodys_for_that_prefix_only(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    mine, other = new_account_id(), new_account_id()
    set_prices(db, mine, ("30", 30_000))

    assert (tariff(db, mine).price("306912345678"), tariff(db, mine).price("4915112345678")) == (
        30_000,
        75_000,
    )
    assert tariff(db, other).price("306912345678") == 45_000


def test_a_price_taken_back_falls_to_everybodys(db: Database, account_id: int) -> None:
    set_prices(db, account_id, ("30", 30_000))
    set_prices(db, account_id, ("30", None))

    assert tariff(db, account_id).price("306912345678") == 45_000


def test_a_price_of_tomorrow_does_not_hold_today(db: Database, account_id: int) -> None:
    set_prices(db, account_id, ("30", 1), valid_from=datetime.now(UTC) + timedelta(days=1))

    assert tariff(db, account_id).price("306912345678") == 45_000


def test_the_later_price_holds_whatever_the_order_they_were_told_in(db: Database, account_id: int) -> None:
    now = datetime.now(UTC)
    set_prices(db, account_id, ("30", 20_000), valid_from=now - timedelta(days=1))
    set_prices(db, account_id, ("30", 30_000), valid_from=now - timedelta(days=2))

    assert tariff(db, account_id).price("306912345678") == 20_000


def test_a_price_set_again_for_the_same_moment_is_corrected(db: Database, account_id: int) -> None:
    moment = datetime.now(UTC) - timedelta(days=1)
    set_prices(db, account_id, ("30", 20_000), valid_from=moment)
    set_prices(db, account_id, ("30", 21_000), valid_from=moment)

    assert tariff(db, account_id).price("306912345678") == 21_000


def test_a_tariffs_id_changes_with_its_prices_and_only_then(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    mine, other = new_account_id(), new_account_id()
    before = tariff(db, mine)
    set_prices(db, mine, ("30", 44_000))

    assert before.id == tariff(db, other).id
    assert tariff(db, mine).id != before.id


def test_a_quote_prices_whole_messages_and_leaves_out_what_has_no_price(
    db: Database, account_id: int
) -> None:
    with db.transaction() as session:
        quote = use_cases.quote(
            session, account_id, "normal", [("306912345678", 2), ("8613812345678", 1), ("4915112345678", 1)]
        )

    assert (quote["total"], quote["prices"]) == (165_000, [90_000, None, 75_000])


def test_the_list_shows_which_prices_are_the_accounts_own(db: Database, account_id: int) -> None:
    set_prices(db, account_id, ("30", 44_000))
    with db.transaction() as session:
        listed = {
            (row["price_class"], row["prefix"]): row for row in queries.list_prices(session, account_id)
        }
        everybodys = queries.list_prices(session, None)

    assert (listed["normal", "30"]["price"], listed["normal", "30"]["own"]) == (44_000, True)
    assert (listed["low", "30"]["price"], listed["low", "30"]["own"]) == (35_000, False)
    assert len(everybodys) == len(listed)
    assert not any(row["own"] for row in everybodys)
