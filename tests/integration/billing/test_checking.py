"""The nightly check of the books and the command that does it at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from servicekit.database import Database, cursor_of
from services.billing import checking, ledger
from tests.integration.billing.processes import ROOT
from tests.integration.billing.support import hold, topup

pytestmark = pytest.mark.integration


@pytest.fixture
def url(module_database: Callable[[str], str]) -> str:
    return module_database("billing")


def test_right_books_are_right_and_wrong_ones_name_who(db: Database, account_id: int) -> None:
    topup(db, account_id, 1_000)
    hold(db, account_id, 10)
    with db.transaction() as session:
        ledger.credit_payment(session, account_id, 100, "viva", f"t{account_id}")
        assert checking.check(session)["right"]

        cursor_of(session).execute("UPDATE credits SET amount = 101 WHERE account_id = %s", (account_id,))
        found = checking.check(session)
        session.rollback()

    assert (found["right"], found["credits_match"], found["wrong"]) == (False, False, [account_id])


def checks(db: Database) -> int:
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute("SELECT count(*) FROM book_checks")
        return int(cursor.fetchone()[0])


def test_a_night_has_one_check_and_it_is_kept_and_told(db: Database) -> None:
    for _ in range(3):
        with db.transaction() as session:
            checking.check_nightly(session)
    assert checks(db) == 1
    assert REGISTRY.get_sample_value("keryx_books_right") == 1

    with db.transaction() as session:
        cursor_of(session).execute("UPDATE book_checks SET checked_at = checked_at - interval '1 day'")
        checking.check_nightly(session)
    assert checks(db) == 2


def test_two_replicas_do_not_check_at_once(db: Database) -> None:
    with db.transaction() as first, db.transaction() as second:
        cursor_of(first).execute("UPDATE book_checks SET checked_at = checked_at - interval '2 days'")
        first.commit()
    with db.transaction() as first, db.transaction() as second:
        assert checking.is_due(first)
        assert not checking.is_due(second)


def run(url: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KERYX_DATABASE_URL_BILLING": url, "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}"}
    command = [sys.executable, "-m", "services.billing.check"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_command_says_by_its_exit_status_whether_the_books_are_right(
    db: Database, url: str, account_id: int
) -> None:
    topup(db, account_id, 1_000)
    right = run(url)
    with db.transaction() as session:
        cursor_of(session).execute("UPDATE balances SET available = 999 WHERE account_id = %s", (account_id,))
    wrong = run(url)
    with db.transaction() as session:
        cursor_of(session).execute(
            "UPDATE balances SET available = 1000 WHERE account_id = %s", (account_id,)
        )
    nowhere = run(f"{url}_that_is_not_there")

    assert (right.returncode, wrong.returncode, nowhere.returncode) == (0, 1, 2)
    assert json.loads(right.stdout)["right"] is True
    assert json.loads(wrong.stdout)["wrong"] == [account_id]
    assert "Traceback" not in nowhere.stderr
