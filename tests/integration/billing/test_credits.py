"""Credits by payments and vouchers, and what takes them back: once per cause, never more than was brought."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from servicekit.database import Database, cursor_of
from services.billing import ledger, queries
from services.billing.errors import CreditDiffers, OverReversed, Spent, UnknownCredit
from tests.integration.billing.support import books, change_account, details_of, hold, money, told, topup
from tests.integration.billing.test_concurrency import CLIENTS, at_once

pytestmark = pytest.mark.integration


def credit(db: Database, account_id: int, amount: int, id_: str, kind: str = "viva") -> bool:
    with db.transaction() as session:
        return ledger.credit_payment(session, account_id, amount, kind, id_)


def reverse(db: Database, account_id: int, amount: int, id_: str, reversal: str = "refund:1") -> bool:
    with db.transaction() as session:
        return ledger.reverse_payment(session, account_id, amount, "viva", id_, reversal)


def test_a_payment_is_credited_once_however_often_it_is_told(db: Database, account_id: int) -> None:
    id_ = f"t{account_id}"

    assert [credit(db, account_id, 500, id_) for _ in range(3)] == [True, False, False]
    assert money(db, account_id) == (500, 0)
    assert details_of(db, account_id) == [{"payment": ["viva", id_]}]


def test_fifty_deliveries_of_one_payment_credit_it_once(db: Database, account_id: int) -> None:
    made = at_once(lambda _: credit(db, account_id, 500, f"t{account_id}"))

    assert sorted(map(bool, made)) == [False] * (CLIENTS - 1) + [True]
    assert money(db, account_id) == (500, 0)


def test_a_payment_is_credited_to_one_account_only(db: Database, new_account_id: Callable[[], int]) -> None:
    one, two = new_account_id(), new_account_id()
    credit(db, one, 500, f"t{one}")

    with pytest.raises(CreditDiffers):
        credit(db, two, 500, f"t{one}")
    with pytest.raises(CreditDiffers):
        credit(db, one, 501, f"t{one}")

    assert (money(db, one), money(db, two)) == ((500, 0), (0, 0))


def test_the_same_id_of_two_providers_is_two_payments(db: Database, account_id: int) -> None:
    assert credit(db, account_id, 500, f"t{account_id}", "viva")
    assert credit(db, account_id, 500, f"t{account_id}", "paypal")
    assert money(db, account_id) == (1_000, 0)


@pytest.mark.parametrize("amount", [0, -1])
def test_a_credit_or_reversal_of_nothing_or_less_is_refused(
    db: Database, account_id: int, amount: int
) -> None:
    credit(db, account_id, 5, f"t{account_id}")

    with pytest.raises(ValueError, match="positive"):
        credit(db, account_id, amount, "other")
    with pytest.raises(ValueError, match="positive"):
        reverse(db, account_id, amount, f"t{account_id}")


def test_a_credit_is_taken_back_in_parts_each_of_them_once(db: Database, account_id: int) -> None:
    id_ = f"t{account_id}"
    credit(db, account_id, 500, id_)

    assert reverse(db, account_id, 200, id_, "one")
    assert not reverse(db, account_id, 200, id_, "one")
    assert reverse(db, account_id, 300, id_, "two")
    assert money(db, account_id) == (0, 0)
    found = books(db)
    assert found["zero_sum"]
    assert found["projections_match"]


def test_a_reversal_told_again_with_another_amount_is_refused(db: Database, account_id: int) -> None:
    credit(db, account_id, 500, f"t{account_id}")
    reverse(db, account_id, 200, f"t{account_id}")

    with pytest.raises(CreditDiffers):
        reverse(db, account_id, 201, f"t{account_id}")


def test_no_more_is_taken_back_than_was_credited(db: Database, account_id: int) -> None:
    topup(db, account_id, 1_000)
    credit(db, account_id, 500, f"t{account_id}")
    reverse(db, account_id, 200, f"t{account_id}", "one")

    with pytest.raises(OverReversed):
        reverse(db, account_id, 301, f"t{account_id}", "two")

    assert money(db, account_id) == (1_300, 0)


def test_fifty_refunds_at_once_never_exceed_the_payment(db: Database, account_id: int) -> None:
    topup(db, account_id, 1_000)
    credit(db, account_id, 500, f"t{account_id}")

    def refund(index: int) -> bool:
        try:
            return reverse(db, account_id, 70, f"t{account_id}", f"refund:{index}")
        except OverReversed:
            return False

    assert sum(map(bool, at_once(refund))) == 7
    assert money(db, account_id) == (1_010, 0)


def test_money_that_is_spent_or_held_cannot_be_taken_back(db: Database, account_id: int) -> None:
    credit(db, account_id, 500, f"t{account_id}")
    hold(db, account_id, 400)

    with pytest.raises(Spent):
        reverse(db, account_id, 101, f"t{account_id}")

    assert reverse(db, account_id, 100, f"t{account_id}")
    assert money(db, account_id) == (0, 400)


def test_what_was_never_credited_or_is_anothers_cannot_be_taken_back(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    one, two = new_account_id(), new_account_id()
    credit(db, one, 500, f"t{one}")

    for account_id, id_ in ((two, f"t{one}"), (one, "never")):
        with pytest.raises(UnknownCredit):
            reverse(db, account_id, 100, id_)


def test_a_payment_arms_the_low_balance_notice_again(db: Database, account_id: int) -> None:
    change_account(db, account_id, low_balance_level=100, low_balance_emails=["a@example.com"])
    credit(db, account_id, 200, f"t{account_id}")
    hold(db, account_id, 150)
    credit(db, account_id, 100, f"u{account_id}")
    hold(db, account_id, 100)

    assert len(told(db, account_id)) == 2


def test_a_voucher_comes_from_its_own_system_account(db: Database, account_id: int) -> None:
    before = books(db)["accounts"]
    credit(db, account_id, 500, f"v{account_id}", "voucher")
    after = books(db)["accounts"]

    assert after["vouchers"] - before["vouchers"] == -500
    assert after["payments"] == before["payments"]


def test_the_statement_names_the_payment(db: Database, account_id: int) -> None:
    credit(db, account_id, 500, f"t{account_id}")

    with db.transaction() as session:
        (entry,) = queries.statement(session, account_id, None, None, None, 10)["data"]

    assert (entry["kind"], entry["cause"]) == ("payment", f"payment:viva:t{account_id}")


def test_a_credit_row_cannot_claim_more_taken_back_than_it_brought(db: Database, account_id: int) -> None:
    credit(db, account_id, 500, f"t{account_id}")

    with db.transaction() as session:
        cursor = cursor_of(session)
        with pytest.raises(Exception, match="credits_not_over_reversed"):
            cursor.execute("UPDATE credits SET reversed = 501 WHERE account_id = %s", (account_id,))
        session.rollback()
