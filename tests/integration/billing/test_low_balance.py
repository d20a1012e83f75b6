"""A balance that falls below its level is told once, until a top-up."""

from __future__ import annotations

import pytest

from servicekit.database import Database, cursor_of
from services.billing import use_cases
from services.billing.domain import HoldRequest
from tests.integration.billing.support import EURO, change_account, hold, progress, settle, told, topup

pytestmark = pytest.mark.integration

LEVEL = 10 * EURO


@pytest.fixture
def watched(db: Database, account_id: int) -> int:
    """An account with 12 € that wants to know below 10 €."""
    change_account(db, account_id, low_balance_level=LEVEL, low_balance_emails=["info@anthi.example"])
    topup(db, account_id, 12 * EURO)
    return account_id


def test_the_crossing_is_told_once(db: Database, watched: int) -> None:
    hold(db, watched, 2 * EURO)
    assert told(db, watched) == []

    hold(db, watched, 1 * EURO)
    hold(db, watched, 1 * EURO)

    assert told(db, watched) == [
        {
            "account_id": watched,
            "account_name": "Άνθη",
            "locale": "el",
            "emails": ["info@anthi.example"],
            "available": 9 * EURO,
            "level": LEVEL,
            "currency": "EUR",
            "remaining": {"normal": 200, "low": 257},
        }
    ]


def test_many_chunks_in_one_call_cross_once(db: Database, watched: int) -> None:
    with db.transaction() as session:
        use_cases.hold(session, [HoldRequest(f"{watched}:{i}", watched, EURO, "r") for i in range(12)])

    assert [event["available"] for event in told(db, watched)] == [0]


def test_a_topup_that_reaches_the_level_arms_it_again(db: Database, watched: int) -> None:
    hold(db, watched, 3 * EURO)
    topup(db, watched, EURO // 2)
    hold(db, watched, EURO)
    assert len(told(db, watched)) == 1

    topup(db, watched, 5 * EURO)
    hold(db, watched, 5 * EURO)

    assert len(told(db, watched)) == 2


def test_money_that_comes_back_does_not_arm_it(db: Database, watched: int) -> None:
    id_ = hold(db, watched, 5 * EURO) or ""
    settle(db, progress(id_, watched, released=5 * EURO))
    hold(db, watched, 5 * EURO)

    assert len(told(db, watched)) == 1


def test_what_is_rolled_back_is_not_told(db: Database, watched: int) -> None:
    with db.transaction() as session:
        use_cases.hold(session, [HoldRequest(f"back:{watched}", watched, 5 * EURO, "r")])
        session.rollback()

    assert told(db, watched) == []


def test_a_higher_level_is_judged_at_once_and_told_once(db: Database, watched: int) -> None:
    change_account(db, watched, version=2, low_balance_level=20 * EURO)
    change_account(db, watched, version=3, low_balance_level=20 * EURO, name="Άνθη και Σία")

    assert [event["level"] for event in told(db, watched)] == [20 * EURO]


def test_a_lower_level_is_another_crossing(db: Database, watched: int) -> None:
    hold(db, watched, 3 * EURO)
    change_account(db, watched, version=2, low_balance_level=5 * EURO)
    hold(db, watched, 5 * EURO)

    assert [event["level"] for event in told(db, watched)] == [LEVEL, 5 * EURO]


def test_without_a_level_nothing_is_told(db: Database, watched: int) -> None:
    change_account(db, watched, version=2, low_balance_level=None)
    hold(db, watched, 12 * EURO)

    assert told(db, watched) == []


def test_an_account_that_never_had_money_is_not_told(db: Database, account_id: int) -> None:
    change_account(db, account_id, low_balance_level=LEVEL)
    change_account(db, account_id, version=2, low_balance_level=2 * LEVEL)

    assert told(db, account_id) == []


def test_an_older_version_of_the_account_changes_nothing(db: Database, watched: int) -> None:
    change_account(db, watched, version=5, low_balance_level=LEVEL, low_balance_emails=["new@anthi.example"])
    change_account(db, watched, version=4, low_balance_level=None, low_balance_emails=["old@anthi.example"])
    hold(db, watched, 3 * EURO)

    assert [event["emails"] for event in told(db, watched)] == [["new@anthi.example"]]


def test_a_hold_that_is_refused_crosses_nothing(db: Database, watched: int) -> None:
    assert hold(db, watched, 13 * EURO) is None
    assert told(db, watched) == []


def test_a_level_of_an_account_whose_money_came_first_is_kept(db: Database, account_id: int) -> None:
    topup(db, account_id, 12 * EURO)
    change_account(db, account_id, low_balance_level=LEVEL)
    hold(db, account_id, 3 * EURO)

    assert len(told(db, account_id)) == 1


def test_credit_counts_for_what_can_still_be_sent_but_not_for_the_level(db: Database, watched: int) -> None:
    with db.transaction() as session:
        cursor_of(session).execute(
            "UPDATE balances SET credit_limit = %s WHERE account_id = %s", (EURO, watched)
        )
    hold(db, watched, 12 * EURO)

    (event,) = told(db, watched)
    assert (event["available"], event["remaining"]["normal"]) == (0, 22)
