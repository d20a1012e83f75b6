"""What PostgreSQL itself refuses, whatever the code above it does."""

from __future__ import annotations

from collections.abc import Callable

import psycopg2.errors
import pytest

from servicekit.database import Database, cursor_of
from services.billing import ledger
from services.billing.domain import Entry, topup_entry
from tests.integration.billing.support import books, money, topup

pytestmark = pytest.mark.integration


def entry_of(account_id: int, cause: str, **postings: int) -> Entry:
    codes = {"available": f"{account_id}:available", "held": f"{account_id}:held"}
    return Entry("topup", cause, account_id, {codes.get(k, k): v for k, v in postings.items()}, {})


@pytest.mark.parametrize(
    "postings",
    [{"topups": -5, "available": 6}, {"available": 5}, {"topups": -5, "nowhere": 5}],
    ids=["unequal", "one-sided", "to an unknown account"],
)
def test_an_entry_that_does_not_balance_is_refused_at_commit(
    db: Database, account_id: int, postings: dict[str, int]
) -> None:
    topup(db, account_id, 10)

    with pytest.raises(psycopg2.errors.CheckViolation) as refused, db.transaction() as session:  # noqa: PT012
        ledger.post(session, [entry_of(account_id, f"bad:{account_id}:{postings}", **postings)])
        raise_deferred(session)

    assert refused.value.diag.constraint_name == "entry_balances"
    assert money(db, account_id) == (10, 0)


def raise_deferred(session: object) -> None:
    """Check now what is checked at commit, where SQLAlchemy would wrap the error."""
    cursor_of(session).execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_an_entry_without_postings_is_refused_at_commit(db: Database, account_id: int) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation), db.transaction() as session:  # noqa: PT012
        cursor_of(session).execute(
            "INSERT INTO entries (kind, cause, account_id, details) VALUES ('topup', %s, %s, '{}')",
            (f"empty:{account_id}", account_id),
        )
        raise_deferred(session)


def test_a_balanced_pair_cannot_be_added_to_an_old_entry(db: Database, account_id: int) -> None:
    topup(db, account_id, 10, key="old")

    with pytest.raises(psycopg2.errors.RestrictViolation), db.transaction() as session:  # noqa: PT012
        cursor_of(session).execute(
            "INSERT INTO postings SELECT id, code, amount FROM entries,"
            " (VALUES ('revenue', -5), (%s, 5)) AS p (code, amount) WHERE cause = %s",
            (f"{account_id}:held", f"topup:{account_id}:old"),
        )
        raise_deferred(session)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET account_id = 1",
        "UPDATE postings SET amount = amount * 2",
        "UPDATE ledger_accounts SET account_id = 1",
        "DELETE FROM entries",
        "DELETE FROM postings",
        "DELETE FROM ledger_accounts",
        "TRUNCATE entries, postings",
        "TRUNCATE ledger_accounts",
    ],
)
def test_history_cannot_be_changed(db: Database, statement: str) -> None:
    with (
        pytest.raises(psycopg2.errors.RestrictViolation, match="only ever added to"),
        db.transaction() as session,
    ):
        cursor_of(session).execute(statement)


def test_nobody_is_overdrawn(db: Database, account_id: int) -> None:
    topup(db, account_id, 10)

    with pytest.raises(psycopg2.errors.CheckViolation, match="never_overdrawn"), db.transaction() as session:
        ledger.post(session, [entry_of(account_id, f"over:{account_id}", available=-11, held=11)])


def test_credit_reaches_to_its_limit_and_no_further(db: Database, account_id: int) -> None:
    topup(db, account_id, 10)
    with db.transaction() as session:
        cursor_of(session).execute(
            "UPDATE balances SET credit_limit = 5 WHERE account_id = %s", (account_id,)
        )

    with db.transaction() as session:
        ledger.post(session, [entry_of(account_id, f"credit:{account_id}", available=-15, revenue=15)])
    with pytest.raises(psycopg2.errors.CheckViolation), db.transaction() as session:
        ledger.post(session, [entry_of(account_id, f"too far:{account_id}", available=-1, revenue=1)])

    assert money(db, account_id) == (-5, 0)


def test_a_cause_has_its_effect_once(db: Database, account_id: int) -> None:
    topup(db, account_id, 10, key="once")

    with pytest.raises(psycopg2.errors.UniqueViolation), db.transaction() as session:
        ledger.post(session, [topup_entry(account_id, 10, "deposit", "once")])


def test_the_projection_is_what_was_posted(db: Database, new_account_id: Callable[[], int]) -> None:
    one, two = new_account_id(), new_account_id()
    with db.transaction() as session:
        for account_id in (one, two):
            ledger.open_account(session, account_id)
        moved = ledger.post(
            session,
            [topup_entry(one, 10, "a", "k"), topup_entry(two, 20, "b", "k"), topup_entry(one, 5, "c", "l")],
        )

    assert (moved[one].available, moved[two].available) == (15, 20)
    assert books(db)["projections_match"]
