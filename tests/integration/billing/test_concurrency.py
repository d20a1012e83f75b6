"""Many callers at once: nobody overdraws, nobody deadlocks, everything happens once."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from servicekit.database import Database
from services.billing import use_cases
from services.billing.domain import HoldRequest
from tests.integration.billing.support import books, hold, money, progress, settle, topup

pytestmark = pytest.mark.integration

CLIENTS = 50


def at_once(work: Callable[[int], object]) -> list[object]:
    """Run ``work`` in CLIENTS threads that start together."""
    start = Barrier(CLIENTS)

    def wait_and_work(index: int) -> object:
        start.wait()
        return work(index)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(wait_and_work, range(CLIENTS)))


def test_fifty_clients_at_the_edge_of_a_balance_never_overdraw(db: Database, account_id: int) -> None:
    topup(db, account_id, 100)

    held = at_once(lambda _: [hold(db, account_id, 7) for _ in range(3)])

    made = [id_ for ids in held for id_ in ids if id_]  # type: ignore[attr-defined]
    assert len(made) == 14
    assert money(db, account_id) == (2, 98)


def test_one_hold_asked_for_by_all_is_held_once(db: Database, account_id: int) -> None:
    topup(db, account_id, 1_000)

    results = at_once(lambda _: hold(db, account_id, 7, id_=f"same:{account_id}"))

    assert results == [f"same:{account_id}"] * CLIENTS
    assert money(db, account_id) == (993, 7)


def test_one_topup_sent_by_all_counts_once(db: Database, account_id: int) -> None:
    at_once(lambda _: topup(db, account_id, 5, key="k"))

    assert money(db, account_id) == (5, 0)


def test_a_hold_and_its_release_at_the_same_moment_leave_nothing_held(db: Database, account_id: int) -> None:
    topup(db, account_id, 1_000)

    def one_of_both(index: int) -> None:
        id_ = f"race:{account_id}:{index // 2}"
        if index % 2:
            hold(db, account_id, 7, id_)
        else:
            with db.transaction() as session:
                use_cases.release_hold(session, id_)

    at_once(one_of_both)

    assert money(db, account_id) == (1_000, 0)


def test_calls_over_the_same_accounts_in_any_order_do_not_deadlock(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    accounts = [new_account_id() for _ in range(4)]
    for account_id in accounts:
        topup(db, account_id, 10_000)

    def mixed(index: int) -> None:
        order = random.Random(index).sample(accounts, len(accounts))
        requests = [HoldRequest(f"{index}:{account_id}", account_id, 10, "r") for account_id in order]
        with db.transaction() as session:
            assert all(result["ok"] for result in use_cases.hold(session, requests))
        settle(db, *(progress(r.id, r.account_id, captured=6, released=4) for r in reversed(requests)))

    at_once(mixed)

    assert [money(db, account_id) for account_id in accounts] == [(10_000 - 6 * CLIENTS, 0)] * 4
    found = books(db)
    assert found["zero_sum"]
    assert found["projections_match"]
    assert found["holds_match"]
