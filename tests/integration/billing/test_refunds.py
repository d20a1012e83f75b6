"""Money goes back once, whatever repeats the request, and never unseen: what the provider took is in the books or in doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from servicekit import crashpoints
from servicekit.database import Database, cursor_of
from services.billing.errors import Spent
from services.billing.payments import refunds
from services.billing.payments.errors import NothingToRefund
from services.billing.payments.port import ProviderDown, ProviderPayment
from tests.integration.billing.shop import (
    Killed,
    Told,
    audited,
    deliver,
    order,
    paid_order,
    payment_of,
    registry,
    rows,
)
from tests.integration.billing.support import EURO, books, hold, money
from tests.integration.billing.tills import Tills, open_tills

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def tills(db: Database) -> Iterator[Tills]:
    with open_tills(db) as opened:
        yield opened


def abandon(db: Database) -> None:
    """Let what is still asked about count as killed."""
    with db.transaction() as session:
        cursor_of(session).execute("UPDATE refunds SET created_at = created_at - interval '3 minutes'")
        refunds.doubt_abandoned(session)


def resolve(db: Database, refund_id: int, refunded: bool) -> dict[str, Any]:
    with db.transaction() as session:
        return refunds.resolve(session, refund_id, refunded)


def once(work: Callable[[], Any]) -> Callable[[], None]:
    """``work`` at the first call, nothing at the others."""
    left = [work]

    def now() -> None:
        if left:
            left.pop()()

    return now


def test_a_refund_that_a_kill_cut_short_is_not_sent_to_viva_again_under_its_key(
    tills: Tills, db: Database, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, viva = tills.order("viva", account_id, 100_00), tills.registry.get("viva")
    tills.come_back("viva", tills.tills["viva"].click(opened.pay_url, "pay"))

    def ask() -> dict[str, Any]:
        return refunds.refund(db, tills.registry, opened.order_id, 31_00, "half used", f"kill {account_id}")

    def kill(name: str) -> None:
        if name == "billing.refund_taken":
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(crashpoints, "reach", kill)
        with pytest.raises(Killed):
            ask()

    assert [ask()["state"] for _ in range(2)] == ["requested"] * 2
    (now,) = viva.fetch(opened.provider_order)
    assert now.refunded_cents == 31_00
    abandon(db)
    assert resolve(db, ask()["id"], refunded=True)["state"] == "done"
    assert (ask()["state"], money(db, account_id)) == ("done", (75 * EURO, 0))


def test_a_refund_repeated_while_the_provider_is_asked_waits_for_the_first_one_s_answer(
    db: Database, account_id: int
) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    meanwhile: list[dict[str, Any]] = []

    def ask() -> dict[str, Any]:
        return refunds.refund(db, registry(provider), found["id"], None, "closed", f"flight {account_id}")

    provider.meanwhile = once(lambda: meanwhile.append(ask()))
    first = ask()

    assert [one["state"] for one in (*meanwhile, first, ask())] == ["requested", "done", "done"]
    assert len(provider.refunded) == 1
    assert money(db, account_id) == (0, 0)


def fail_meanwhile(db: Database, provider: Told) -> None:
    """Somebody settles a refund as failed before the provider says that it took it."""

    def settle_as_failed() -> None:
        abandon(db)
        with db.transaction() as session:
            cursor = cursor_of(session)
            cursor.execute("SELECT max(id) FROM refunds")
            refunds.resolve(session, cursor.fetchone()[0], refunded=False)

    provider.meanwhile = once(settle_as_failed)


@pytest.mark.parametrize(("refunded", "left"), [(True, 0), (False, 100 * EURO)])
def test_a_refund_that_is_taken_after_it_was_settled_as_failed_is_in_doubt_again_and_its_credit_held(
    db: Database, account_id: int, refunded: bool, left: int
) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    fail_meanwhile(db, provider)

    taken = refunds.refund(db, registry(provider), found["id"], None, "closed", None)

    assert (taken["state"], money(db, account_id)) == ("in_doubt", (0, 100 * EURO))
    assert audited(db, account_id)[-2:] == ["refund_failed", "refund_taken_late"]
    resolve(db, taken["id"], refunded)
    assert money(db, account_id) == (left, 0)
    assert order(db, found["id"])["state"] == ("refunded" if refunded else "paid")


def test_a_refund_that_is_taken_when_its_credit_is_spent_already_stays_in_doubt(
    db: Database, account_id: int
) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    fail_meanwhile(db, provider)
    settle = provider.meanwhile
    provider.meanwhile = lambda: (settle(), hold(db, account_id, 60 * EURO))[0]

    taken = refunds.refund(db, registry(provider), found["id"], None, "closed", None)

    assert (taken["state"], money(db, account_id)) == ("in_doubt", (40 * EURO, 60 * EURO))
    with pytest.raises(Spent):
        resolve(db, taken["id"], refunded=True)
    assert resolve(db, taken["id"], refunded=False)["state"] == "failed"


def test_a_refund_of_what_another_one_gave_back_meanwhile_is_not_booked(
    db: Database, account_id: int
) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    fail_meanwhile(db, provider)
    settle = provider.meanwhile

    def settle_and_refund_another() -> None:
        settle()
        refunds.refund(db, registry(provider), found["id"], 62_00, "half used", None)

    provider.meanwhile = once(settle_and_refund_another)
    taken = refunds.refund(db, registry(provider), found["id"], None, "closed", None)

    assert (taken["state"], taken["amount_cents"]) == ("in_doubt", 124_00)
    with pytest.raises(NothingToRefund):
        resolve(db, taken["id"], refunded=True)
    assert order(db, found["id"])["refunded_cents"] == 62_00


def told_back(found: dict[str, Any], state: Any, refunded_cents: int | None) -> ProviderPayment:
    """What the provider says of the order's payment: given back ``refunded_cents`` in all."""
    transaction = f"T-{found['id']}"
    return payment_of(found, transaction_id=transaction, state=state, refunded_cents=refunded_cents)


def entered(db: Database, found: dict[str, Any]) -> list[tuple[int, str]]:
    """Cents and reasons of what waits for a person."""
    query = "SELECT amount_cents, reason FROM payments WHERE order_id = %s AND state = 'review' ORDER BY id"
    return [(amount, reason) for amount, reason in rows(db, query, found["id"])]


def test_what_is_given_back_at_the_provider_is_entered_by_what_it_adds(db: Database, account_id: int) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    for in_all in (10_00, 10_00, 20_00, 20_00, 10_00):
        deliver(db, told_back(found, "refunded", in_all))
    refunds.refund(db, registry(provider), found["id"], 30_00, "ours", None)
    for in_all in (50_00, 20_00, 55_00):
        deliver(db, told_back(found, "refunded", in_all))
    back = "refunded_at_provider"
    assert entered(db, found) == [(-10_00, back), (-10_00, back), (-5_00, back)]


def test_what_is_given_back_at_the_provider_is_entered_once_however_many_hear_of_it_at_once(
    db: Database, account_id: int
) -> None:
    found = paid_order(db, account_id, Told())
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda cents: deliver(db, told_back(found, "refunded", cents)), [10_00, 20_00, 30_00] * 8
            )
        )
    assert sum(cents for cents, _ in entered(db, found)) == -30_00


def test_a_refund_settled_as_failed_is_entered_when_the_provider_tells_of_it_all_the_same(
    db: Database, account_id: int
) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    deliver(db, told_back(found, "refunded", 10_00))
    provider.failure = ProviderDown("no answer")
    doubtful = refunds.refund(db, registry(provider), found["id"], 20_00, "closed", None)
    assert deliver(db, told_back(found, "refunded", 30_00)).state == "known"
    deliver(db, told_back(found, "refunded", 35_00))
    resolve(db, doubtful["id"], refunded=False)
    for _ in range(2):
        deliver(db, told_back(found, "refunded", 35_00))
    assert [cents for cents, _ in entered(db, found)] == [-10_00, -5_00, -20_00]


def test_when_the_provider_does_not_tell_how_much_it_is_entered_whole_and_once(
    db: Database, account_id: int
) -> None:
    found = paid_order(db, account_id, Told())
    for in_all in (None, None, 10_00):
        deliver(db, told_back(found, "refunded", in_all))
    assert [cents for cents, _ in entered(db, found)] == [-124_00]


def test_a_dispute_is_entered_with_the_whole_amount_also_when_a_part_was_given_back(
    db: Database, account_id: int
) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    refunds.refund(db, registry(provider), found["id"], 20_00, "ours", None)
    for _ in range(2):
        deliver(db, told_back(found, "disputed", 20_00))
    deliver(db, told_back(found, "refunded", 25_00))
    assert entered(db, found) == [(-124_00, "disputed_at_provider"), (-5_00, "refunded_at_provider")]


def test_the_books_are_right_after_all_this(db: Database) -> None:
    found = books(db)
    assert found["zero_sum"]
    assert found["projections_match"]
    assert found["holds_match"]
