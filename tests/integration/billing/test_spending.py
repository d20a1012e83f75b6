"""Spend limits of a day: per account, user and key, however many ask at once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from contracts.events import AccountChanged
from servicekit import context
from servicekit.database import Database, cursor_of
from services.billing import spending, use_cases
from services.billing.domain import HoldRequest
from services.billing.errors import LimitChanged, SpendLimitReached, UnknownSpendLimit
from tests.integration.billing.support import change_account, money, progress, settle, topup
from tests.integration.billing.test_concurrency import at_once

pytestmark = pytest.mark.integration


@pytest.fixture
def rich(db: Database, account_id: int) -> int:
    """An account with more money than any limit here."""
    topup(db, account_id, 10_000)
    return account_id


def limit(
    db: Database, account_id: int, daily: int | None, spender: str = "key:1", expected: Any = None
) -> Any:
    with db.transaction() as session:
        return spending.set_limit(session, account_id, spender, daily, expected)


def hold(
    db: Database,
    account_id: int,
    amount: int,
    spender: str | None = "key:1",
    id_: str = "",
    reference: str = "r",
) -> dict[str, Any]:
    request = HoldRequest(id_ or uuid4().hex, account_id, amount, reference, spender)
    with db.transaction() as session:
        return spending.hold(session, [request])[0]


def spent(db: Database, account_id: int) -> dict[str, int]:
    with db.transaction() as session:
        return {one["spender"]: one["spent"] for one in spending.limits(session, account_id)}


def test_a_limit_stops_its_spender_and_nobody_else(db: Database, rich: int) -> None:
    limit(db, rich, 100)

    assert hold(db, rich, 60)["ok"]
    refused = hold(db, rich, 41)
    assert (refused["ok"], refused["code"]) == (False, "spend_limit_reached")
    assert hold(db, rich, 40)["ok"]
    assert hold(db, rich, 500, "key:2")["ok"]
    assert spent(db, rich) == {"key:1": 100}
    assert money(db, rich) == (9_400, 600)


def test_the_limit_of_the_account_counts_for_everybody(db: Database, rich: int) -> None:
    limit(db, rich, 100, "account")

    assert [hold(db, rich, 60, who)["ok"] for who in ("key:1", "key:2", None)] == [True, False, False]
    assert hold(db, rich, 40, "user:3")["ok"]


def test_who_calls_is_the_spender_when_nobody_is_named(db: Database, rich: int) -> None:
    limit(db, rich, 100, "user:5")
    context.act_as("user:5")
    answers = [hold(db, rich, 60, None)["ok"] for _ in range(2)]
    context.act_as("")

    assert answers == [True, False]
    assert hold(db, rich, 60, None)["ok"]


def test_fifty_callers_at_the_edge_of_a_limit_stay_within_it(db: Database, rich: int) -> None:
    limit(db, rich, 100)
    limit(db, rich, 1_000, "account")

    made = at_once(lambda _: hold(db, rich, 7)["ok"])

    assert sum(map(bool, made)) == 14
    assert spent(db, rich) == {"account": 98, "key:1": 98}
    assert money(db, rich) == (9_902, 98)


def test_the_same_hold_again_is_the_same_hold_and_counts_once(db: Database, rich: int) -> None:
    limit(db, rich, 100)

    answers = [hold(db, rich, 100, id_=f"s{rich}")["ok"] for _ in range(3)]

    assert answers == [True] * 3
    assert spent(db, rich) == {"key:1": 100}


def test_what_comes_back_can_be_spent_again(db: Database, rich: int) -> None:
    limit(db, rich, 100)
    hold(db, rich, 60, id_=f"refused{rich}")
    hold(db, rich, 40, id_=f"never accepted{rich}")
    settle(db, progress(f"refused{rich}", rich, captured=10, released=50))
    with db.transaction() as session:
        use_cases.release_hold(session, f"never accepted{rich}")

    assert hold(db, rich, 90)["ok"]
    assert not hold(db, rich, 1)["ok"]


def test_a_hold_without_money_counts_for_nothing(db: Database, account_id: int) -> None:
    topup(db, account_id, 10)
    limit(db, account_id, 100)

    assert hold(db, account_id, 50)["code"] == "insufficient_funds"
    assert spent(db, account_id) == {"key:1": 0}


def test_the_limit_says_when_the_accounts_own_day_ends(db: Database, rich: int) -> None:
    limit(db, rich, 1)
    athens = hold(db, rich, 2)["until"]
    change_account(db, rich, timezone="Pacific/Auckland")
    auckland = hold(db, rich, 2)["until"]

    assert athens[11:16] in ("21:00", "22:00")
    assert auckland[11:16] in ("11:00", "12:00")


def test_a_new_day_begins_with_nothing_spent(db: Database, rich: int) -> None:
    limit(db, rich, 100)
    hold(db, rich, 100)
    with db.transaction() as session:
        cursor = cursor_of(session)
        for table in ("spend_items", "spend_days"):
            cursor.execute(f"UPDATE {table} SET day = day - 1 WHERE account_id = %s", (rich,))

    assert hold(db, rich, 100)["ok"]
    assert spent(db, rich) == {"key:1": 100}


def test_what_a_campaign_holds_counts_for_whoever_started_it(db: Database, rich: int) -> None:
    limit(db, rich, 100)
    context.act_as("key:1")
    with db.transaction() as session:
        begun = spending.begin(session, rich, f"campaign:{rich}")
    context.act_as("")

    assert (begun["left"], begun["daily"], begun["spendable"]) == (100, 100, 10_000)
    answers = [hold(db, rich, 60, None, reference=f"campaign:{rich}")["ok"] for _ in range(2)]
    assert answers == [True, False]
    assert hold(db, rich, 60, None, reference="campaign:another")["ok"]


def test_a_campaign_too_dear_for_the_day_is_told_before_it_starts(db: Database, rich: int) -> None:
    limit(db, rich, 100)
    hold(db, rich, 30)
    context.act_as("key:1")
    with db.transaction() as session:
        spending.check(session, rich, 70)
        with pytest.raises(SpendLimitReached) as refused:
            spending.check(session, rich, 71)
    context.act_as("")

    assert [error["code"] for error in refused.value.errors] == ["retry_at"]


def test_an_account_without_limits_has_no_bound(db: Database, rich: int) -> None:
    with db.transaction() as session:
        begun = spending.begin(session, rich, "campaign:1")
        assert (begun["left"], begun["daily"], begun["until"]) == (None, None, None)
        spending.check(session, rich, 10**12)


def test_a_limit_can_be_changed_and_taken_away(db: Database, rich: int) -> None:
    read = limit(db, rich, 100)["version"]
    with pytest.raises(LimitChanged):
        limit(db, rich, 200, expected=read + 1)
    limit(db, rich, 0, expected=read)
    assert not hold(db, rich, 1)["ok"]

    assert limit(db, rich, None) is None
    assert hold(db, rich, 1)["ok"]
    with pytest.raises(UnknownSpendLimit):
        limit(db, rich, None)


def test_a_limit_set_at_noon_counts_from_noon_and_for_the_account_from_its_own_start(
    db: Database, rich: int
) -> None:
    hold(db, rich, 500)
    limit(db, rich, 100, "account")
    hold(db, rich, 70)
    limit(db, rich, 100)

    assert spent(db, rich) == {"account": 70, "key:1": 70}


def test_a_limit_that_is_set_again_counts_all_of_the_day(db: Database, rich: int) -> None:
    limit(db, rich, 1_000, "account")
    limit(db, rich, 20)
    hold(db, rich, 5)
    limit(db, rich, None)
    hold(db, rich, 50)
    limit(db, rich, 20)

    assert spent(db, rich) == {"account": 55, "key:1": 55}
    assert not hold(db, rich, 15)["ok"]
    limit(db, rich, 70)
    assert [hold(db, rich, 15)["ok"] for _ in range(2)] == [True, False]
    assert spent(db, rich) == {"account": 70, "key:1": 70}


def test_days_that_are_over_are_forgotten(db: Database, rich: int) -> None:
    limit(db, rich, 100)
    hold(db, rich, 50, id_=f"old{rich}")
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute("UPDATE spend_items SET day = day - 30 WHERE account_id = %s", (rich,))
        spending.forget_old(session)
        cursor.execute("SELECT count(*) FROM spend_items WHERE account_id = %s", (rich,))
        assert cursor.fetchone()[0] == 0


def test_the_time_zone_arrives_with_the_account(db: Database, account_id: int) -> None:
    event = AccountChanged(account_id, "Άνθη", "el", 1, timezone="Europe/Nicosia")
    with db.transaction() as session:
        use_cases.apply_account_change(session, event)
        cursor = cursor_of(session)
        cursor.execute("SELECT timezone FROM accounts WHERE account_id = %s", (account_id,))
        assert cursor.fetchone()[0] == "Europe/Nicosia"
