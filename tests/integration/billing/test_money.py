"""Top-ups, holds, settlements and releases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from contracts.errors import Conflict
from servicekit.database import Database, cursor_of
from services.billing import queries, use_cases
from services.billing.domain import HoldRequest
from services.billing.errors import HoldInUse, KeyReused, OverSettled, UnknownHold
from tests.integration.billing.support import (
    books,
    details_of,
    hold,
    money,
    progress,
    settle,
    topup,
)

pytestmark = pytest.mark.integration


def money_of(db: Database, reference: str) -> dict[str, int]:
    with db.transaction() as session:
        return queries.money_of(session, [reference])[reference]


def test_an_account_nobody_heard_of_has_nothing(db: Database, account_id: int) -> None:
    assert money(db, account_id) == (0, 0)


def test_a_topup_counts_once_per_key(db: Database, account_id: int) -> None:
    first = topup(db, account_id, 100, key="k")

    assert topup(db, account_id, 100, key="k") == first
    assert money(db, account_id) == (100, 0)


def test_a_key_used_for_another_topup_is_refused(db: Database, account_id: int) -> None:
    topup(db, account_id, 100, key="k")

    with pytest.raises(Conflict) as refused:
        topup(db, account_id, 200, key="k")

    assert refused.value.code == "idempotency_key_reused"
    assert money(db, account_id) == (100, 0)


def test_the_same_key_of_two_accounts_is_two_topups(db: Database, new_account_id: Callable[[], int]) -> None:
    one, two = new_account_id(), new_account_id()
    topup(db, one, 100, key="k")
    topup(db, two, 100, key="k")

    assert money(db, one) == money(db, two) == (100, 0)


def test_a_call_holds_what_it_can_and_writes_one_entry_an_account(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    one, two = new_account_id(), new_account_id()
    topup(db, one, 100)
    topup(db, two, 10)
    asked = [("a", one, 60), ("b", two, 11), ("c", one, 60), ("d", one, 40), ("e", two, 10)]

    with db.transaction() as session:
        results = use_cases.hold(
            session, [HoldRequest(f"{i}:{one}", acc, amount, "r") for i, acc, amount in asked]
        )

    assert [result.get("code") for result in results] == [
        None,
        "insufficient_funds",
        "insufficient_funds",
        None,
        None,
    ]
    assert money(db, one) == (0, 100)
    assert money(db, two) == (0, 10)
    assert details_of(db, one)[-1] == {"holds": {f"a:{one}": 60, f"d:{one}": 40}}


def test_a_hold_asked_for_again_is_the_same_hold(db: Database, account_id: int) -> None:
    topup(db, account_id, 100)
    id_ = hold(db, account_id, 60)

    assert hold(db, account_id, 60, id_) == id_
    assert money(db, account_id) == (40, 60)


def test_a_hold_of_nothing_is_a_hold(db: Database, account_id: int) -> None:
    topup(db, account_id, 1)

    assert hold(db, account_id, 0, reference=f"free:{account_id}")
    assert money_of(db, f"free:{account_id}") == {"held": 0, "captured": 0, "released": 0}


def test_an_outcome_earns_what_was_sent_and_gives_back_the_rest(db: Database, account_id: int) -> None:
    topup(db, account_id, 100)
    reference = f"campaign:{account_id}"
    id_ = hold(db, account_id, 60, reference=reference) or ""

    settle(db, progress(id_, account_id, captured=35), progress(id_, account_id, captured=5, released=10))

    assert money(db, account_id) == (50, 10)
    assert money_of(db, reference) == {"held": 10, "captured": 40, "released": 10}
    assert details_of(db, account_id)[-1]["holds"] == {id_: [40, 10]}


def test_progress_without_money_touches_nothing(db: Database, account_id: int) -> None:
    settle(db, progress("no such hold", account_id))

    assert details_of(db, account_id) == []


@pytest.mark.parametrize(("captured", "released"), [(61, 0), (0, 61), (30, 31)])
def test_an_outcome_beyond_its_hold_is_refused_whole(
    db: Database, account_id: int, captured: int, released: int
) -> None:
    topup(db, account_id, 200)
    good, bad = hold(db, account_id, 60) or "", hold(db, account_id, 60) or ""

    with pytest.raises(OverSettled):
        settle(db, progress(good, account_id, captured=60), progress(bad, account_id, captured, released))

    assert money(db, account_id) == (80, 120)


def test_an_outcome_for_an_unknown_hold_or_the_wrong_account_is_refused(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    mine, other = new_account_id(), new_account_id()
    topup(db, mine, 100)
    topup(db, other, 100)
    id_ = hold(db, mine, 60) or ""

    with pytest.raises(UnknownHold):
        settle(db, progress("never held", mine, captured=1))
    with pytest.raises(UnknownHold):
        settle(db, progress(id_, other, captured=1))

    assert (money(db, mine), money(db, other)) == ((40, 60), (100, 0))


def test_a_hold_is_taken_back_once(db: Database, account_id: int) -> None:
    topup(db, account_id, 100)
    id_ = hold(db, account_id, 60) or ""

    for _ in range(2):
        with db.transaction() as session:
            assert use_cases.release_hold(session, id_)["released"] == 60

    assert money(db, account_id) == (100, 0)
    with db.transaction() as session:
        (again,) = use_cases.hold(session, [HoldRequest(id_, account_id, 60, "r")])
    assert again["code"] == "hold_withdrawn"


def test_a_hold_in_use_is_not_taken_back(db: Database, account_id: int) -> None:
    topup(db, account_id, 100)
    id_ = hold(db, account_id, 60) or ""
    settle(db, progress(id_, account_id, captured=1))

    with pytest.raises(HoldInUse), db.transaction() as session:
        use_cases.release_hold(session, id_)


def test_an_id_released_before_it_is_held_can_not_be_held_any_more(db: Database, account_id: int) -> None:
    topup(db, account_id, 100)
    id_ = f"late:{account_id}"
    for _ in range(2):
        with db.transaction() as session:
            assert use_cases.release_hold(session, id_)["released"] == 0

    with db.transaction() as session:
        results = use_cases.hold(
            session, [HoldRequest(id_, account_id, 60, "r"), HoldRequest(f"{id_}:b", account_id, 60, "r")]
        )

    assert [result.get("code") for result in results] == ["hold_withdrawn", None]
    assert money(db, account_id) == (40, 60)
    with pytest.raises(UnknownHold):
        settle(db, progress(id_, account_id, captured=1))


def test_a_key_older_than_its_stored_answer_still_pays_for_nothing(db: Database, account_id: int) -> None:
    topup(db, account_id, 100, key="old")
    with db.transaction() as session:
        cursor_of(session).execute("DELETE FROM idempotency_keys WHERE account_id = %s", (account_id,))

    with pytest.raises(KeyReused):
        topup(db, account_id, 100, key="old")

    assert money(db, account_id) == (100, 0)


def test_the_statement_pages_from_the_newest_and_shows_only_the_account(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    account_id, other = new_account_id(), new_account_id()
    topup(db, other, 7)
    for amount in (10, 20, 30):
        topup(db, account_id, amount)
    hold(db, account_id, 5)

    with db.transaction() as session:
        first = queries.statement(session, account_id, None, None, None, 3)
        second = queries.statement(session, account_id, None, None, int(first["next_cursor"]), 3)

    assert [(row["kind"], row["available"], row["held"]) for row in first["data"]] == [
        ("hold", -5, 5),
        ("topup", 30, 0),
        ("topup", 20, 0),
    ]
    assert [row["available"] for row in second["data"]] == [10]
    assert second["next_cursor"] is None


def test_the_statement_can_be_cut_by_time(db: Database, account_id: int) -> None:
    topup(db, account_id, 10)
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    with db.transaction() as session:
        later = queries.statement(session, account_id, tomorrow, None, None, 10)
        until = queries.statement(session, account_id, None, tomorrow, None, 10)

    assert (len(later["data"]), len(until["data"])) == (0, 1)


def test_the_books_are_right_and_name_who_is_not(db: Database, account_id: int) -> None:
    topup(db, account_id, 100)
    hold(db, account_id, 60)
    right = books(db)
    with db.transaction() as session:
        cursor_of(session).execute(
            "UPDATE balances SET available = available + 1 WHERE account_id = %s", (account_id,)
        )
        wrong = queries.books(session)
        session.rollback()

    assert right["zero_sum"]
    assert right["ledger_sum"] == 0
    assert right["projections_match"]
    assert right["holds_match"]
    assert (wrong["projections_match"], wrong["wrong"]) == (False, [account_id])
