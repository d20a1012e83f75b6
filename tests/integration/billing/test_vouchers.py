"""Vouchers on a real database: once an account, as often as they may be, never by guessing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.errors import KeryxError
from servicekit.database import Database
from services.billing.payments import vouchers
from services.billing.payments.errors import (
    TooManyGuesses,
    UnknownVoucher,
    VoucherOver,
    VoucherSpent,
)
from tests.integration.billing.shop import audited, rows
from tests.integration.billing.support import EURO, books, money

pytestmark = pytest.mark.integration


def batch(
    db: Database, codes: int = 1, max_uses: int = 1, key: str | None = None, **more: Any
) -> dict[str, Any]:
    wanted = {"expires_at": None, "value": 5 * EURO, **more}
    with db.transaction() as session:
        return vouchers.make(session, "fair", codes=codes, max_uses=max_uses, key=key, **wanted)


def test_a_voucher_credits_once_however_it_is_typed(db: Database, account_id: int) -> None:
    (code,) = batch(db)["secrets"]
    typed = f" {code.lower().replace('0', 'o').replace('1', 'l')} "
    assert vouchers.redeem(db, account_id, typed, "k")["amount"] == 5 * EURO
    assert vouchers.redeem(db, account_id, typed, "k")["amount"] == 5 * EURO
    with pytest.raises(VoucherSpent):
        vouchers.redeem(db, account_id, code, None)
    assert money(db, account_id) == (5 * EURO, 0)
    assert audited(db, account_id) == ["voucher_redeemed", "voucher_refused"]


def test_codes_are_kept_as_hashes_and_shown_once(db: Database) -> None:
    made = batch(db, codes=3, key="k-once")
    assert len(set(made["secrets"])) == 3
    assert batch(db, codes=3, key="k-once") == {**made, "secrets": None}
    kept = rows(db, "SELECT code_hash, hint FROM vouchers WHERE batch_id = %s ORDER BY id", made["id"])
    assert [hint for _, hint in kept] == [code[-4:] for code in made["secrets"]]
    assert all(len(bytes(code_hash)) == 32 for code_hash, _ in kept)


def redeemed(db: Database, account_id: int, code: str) -> bool:
    try:
        vouchers.redeem(db, account_id, code, None)
    except VoucherSpent:
        return False
    return True


def test_many_at_once_redeem_it_as_often_as_it_may_be(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    made = batch(db, max_uses=3)
    (code,) = made["secrets"]
    accounts = [new_account_id() for _ in range(8)]
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda account: redeemed(db, account, code), accounts * 2))
    assert sum(won) == 3
    assert sum(money(db, account)[0] for account in accounts if rows(
        db, "SELECT 1 FROM balances WHERE account_id = %s", account)) == 15 * EURO  # fmt: skip
    with db.transaction() as session:
        found = vouchers.uses(session, made["id"], None, 10)
    assert len({use["account_id"] for use in found["data"]}) == 3


def test_expired_and_revoked_ones_are_worth_nothing(db: Database, account_id: int) -> None:
    (old,) = batch(db, expires_at=datetime.now(UTC) - timedelta(seconds=1))["secrets"]
    revoked = batch(db)
    with db.transaction() as session:
        vouchers.revoke(session, revoked["id"])
    for code in (old, revoked["secrets"][0]):
        with pytest.raises(VoucherOver):
            vouchers.redeem(db, account_id, code, None)
    assert rows(db, "SELECT 1 FROM balances WHERE account_id = %s AND available > 0", account_id) == []


def test_guessing_ends_after_ten_wrong_codes_and_right_ones_do_not_count(
    db: Database, account_id: int
) -> None:
    codes = batch(db, codes=12)["secrets"]
    for code in codes[:11]:
        vouchers.redeem(db, account_id, code, None)
    for _ in range(vouchers.GUESSES):
        with pytest.raises(UnknownVoucher):
            vouchers.redeem(db, account_id, "0000-0000-0000-0000", None)
    with pytest.raises(TooManyGuesses) as refused:
        vouchers.redeem(db, account_id, codes[11], None)
    assert refused.value.errors[0]["code"] == "retry_at"
    with db.transaction() as session:
        vouchers.cursor_of(session).execute(
            "UPDATE voucher_guesses SET since = since - interval '16 minutes' WHERE account_id = %s",
            (account_id,),
        )
    assert vouchers.redeem(db, account_id, codes[11], None)["amount"] == 5 * EURO


def test_many_guesses_at_once_are_all_counted(db: Database, account_id: int) -> None:
    def guess(number: int) -> str:
        try:
            vouchers.redeem(db, account_id, f"guess {number}", None)
        except KeryxError as error:
            return error.code
        return "redeemed"

    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(guess, range(40)))
    assert codes.count("unknown_voucher") == vouchers.GUESSES
    assert codes.count("too_many_guesses") == 40 - vouchers.GUESSES


def test_the_books_are_right_after_all_this(db: Database) -> None:
    found = books(db)
    assert (found["zero_sum"], found["projections_match"]) == (True, True)
