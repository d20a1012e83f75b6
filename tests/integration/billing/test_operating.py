"""Corrections, credit limits, and the audit of what the operator does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.errors import Conflict
from servicekit import context
from servicekit.database import Database, cursor_of
from services.billing import audit, operating, queries
from services.billing.errors import CreditInUse, LimitChanged, Spent, UnknownEntry
from tests.integration.billing.support import books, hold, money, topup
from tests.integration.billing.test_concurrency import at_once

pytestmark = pytest.mark.integration


def correct(db: Database, account_id: int, amount: int, corrects: int | None = None, key: str = "k") -> Any:
    with db.transaction() as session:
        return operating.correct(session, account_id, amount, "typing error", corrects, key)


def limit(db: Database, account_id: int, amount: int, expected: int | None = None) -> Any:
    with db.transaction() as session:
        return operating.set_credit_limit(session, account_id, amount, expected)


def entries(db: Database, account_id: int, **filters: Any) -> list[dict[str, Any]]:
    with db.transaction() as session:
        page = queries.statement(session, account_id, None, None, None, 50, **filters)
    return list(page["data"])


def lines(db: Database, account_id: int) -> list[dict[str, Any]]:
    with db.transaction() as session:
        return list(audit.page(session, account_id, None, None, 50)["data"])


def test_a_wrong_entry_is_put_right_by_another_that_names_it(db: Database, account_id: int) -> None:
    topup(db, account_id, 1_000)
    (wrong,) = entries(db, account_id)

    correct(db, account_id, -900, wrong["id"])

    assert money(db, account_id) == (100, 0)
    newest, oldest = entries(db, account_id)
    assert (newest["kind"], newest["available"], newest["reason"]) == ("correction", -900, "typing error")
    assert oldest == wrong
    assert books(db)["zero_sum"]


def test_a_correction_counts_once_per_key(db: Database, account_id: int) -> None:
    first = correct(db, account_id, 500)

    assert correct(db, account_id, 500) == first
    with pytest.raises(Conflict):
        correct(db, account_id, 600)
    assert money(db, account_id) == (500, 0)


def test_no_more_is_taken_away_than_can_be_spent(db: Database, account_id: int) -> None:
    topup(db, account_id, 100)
    hold(db, account_id, 40)

    with pytest.raises(Spent):
        correct(db, account_id, -61)

    limit(db, account_id, 1)
    correct(db, account_id, -61)
    assert money(db, account_id) == (-1, 40)


def test_an_entry_of_another_account_cannot_be_corrected_here(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    mine, theirs = new_account_id(), new_account_id()
    topup(db, theirs, 100)
    (entry,) = entries(db, theirs)

    with pytest.raises(UnknownEntry):
        correct(db, mine, 5, entry["id"])


def test_credit_lets_an_account_go_below_zero_and_no_further(db: Database, account_id: int) -> None:
    shown = limit(db, account_id, 100)

    assert (shown["credit_limit"], shown["spendable"]) == (100, 100)
    assert hold(db, account_id, 60)
    assert hold(db, account_id, 41) is None
    assert hold(db, account_id, 40)
    assert money(db, account_id) == (-100, 100)


def test_fifty_clients_at_the_edge_of_a_credit_limit_never_exceed_it(db: Database, account_id: int) -> None:
    limit(db, account_id, 100)

    made = at_once(lambda _: hold(db, account_id, 7))

    assert len([id_ for id_ in made if id_]) == 14
    assert money(db, account_id) == (-98, 98)


def test_credit_that_is_used_cannot_be_taken_away(db: Database, account_id: int) -> None:
    limit(db, account_id, 100)
    hold(db, account_id, 60)

    with pytest.raises(CreditInUse):
        limit(db, account_id, 59)

    assert limit(db, account_id, 60)["spendable"] == 0


def test_a_limit_that_somebody_else_changed_meanwhile_is_not_overwritten(
    db: Database, account_id: int
) -> None:
    read = limit(db, account_id, 100)["version"]
    limit(db, account_id, 200, expected=read)

    with pytest.raises(LimitChanged):
        limit(db, account_id, 300, expected=read)

    assert limit(db, account_id, 200)["credit_limit"] == 200


def test_the_audit_says_who_did_what_and_only_what_happened(db: Database, account_id: int) -> None:
    context.act_as("key:7")
    topup(db, account_id, 100, key="t")
    topup(db, account_id, 100, key="t")
    limit(db, account_id, 50)
    limit(db, account_id, 50)
    with pytest.raises(Spent):
        correct(db, account_id, -1_000)
    correct(db, account_id, -10)
    context.act_as("")

    found = lines(db, account_id)

    assert [line["action"] for line in found] == ["corrected", "credit_limit_set", "topped_up"]
    assert {line["actor"] for line in found} == {"key:7"}
    assert found[1]["details"] == {"before": 0, "after": 50}


def test_the_audit_cannot_be_changed(db: Database, account_id: int) -> None:
    topup(db, account_id, 100)
    with db.transaction() as session:
        with pytest.raises(Exception, match="only ever added to"):
            cursor_of(session).execute("UPDATE audit SET actor = 'nobody'")
        session.rollback()


def test_the_statement_can_be_cut_by_kind_and_cause(db: Database, account_id: int) -> None:
    topup(db, account_id, 100, key="one")
    topup(db, account_id, 200, key="two")
    hold(db, account_id, 50)

    assert [entry["available"] for entry in entries(db, account_id, kind="topup")] == [200, 100]
    (found,) = entries(db, account_id, cause=f"topup:{account_id}:one")
    assert found["available"] == 100
    assert entries(db, account_id, kind="release") == []
