"""Bank deposits on a real database: statements once, matched exactly, the rest decided by a person, and a kill in between."""

from __future__ import annotations

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contracts.errors import KeryxError
from servicekit import topology
from servicekit.database import Database, make_engine
from servicekit.rpcclient import Client
from services.billing.payments import importing, review, rf
from services.billing.payments.errors import BadStatement, DepositDecided, DepositDiffers, UnknownProfile
from tests.integration.billing.processes import start
from tests.integration.billing.shop import (
    SHOP,
    audited,
    deliver,
    new_order,
    order,
    paid_events,
    payment_of,
    rows,
    statement,
)
from tests.integration.billing.support import EURO, books, hold, money
from tests.support.statements import IBAN, Entry, camt053

pytestmark = pytest.mark.integration


def entry_for(order_id: int, cents: int = 124_00, **more: object) -> Entry:
    """A credit with the order's reference, as the bank books it."""
    return Entry(cents, reference=rf.reference(order_id), bank_reference=f"B{order_id}", **more)  # type: ignore[arg-type]


def under_review(db: Database, order_id: int | None = None) -> list[tuple[int, str]]:
    """(id, reason) of what waits for a person, of an order or of none."""
    where = "order_id = %s" if order_id else "order_id IS NULL AND %s::bigint IS NULL"
    found = rows(
        db, f"SELECT id, reason FROM payments WHERE state = 'review' AND {where} ORDER BY id", order_id
    )
    return [(row[0], row[1]) for row in found]


def confirm(db: Database, payment_id: int, **whom: int) -> dict[str, object]:
    with db.transaction() as session:
        named = {"order_id": None, "account_id": None, **whom}
        return review.confirm(session, SHOP.orders, payment_id, note=None, **named)


def test_statements_that_overlap_in_two_versions_credit_each_line_once(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    first, second = new_order(db, new_account_id()), new_order(db, new_account_id())
    entries = [entry_for(first["id"]), Entry(-1_50, text=f"fee {first['id']}")]
    one = statement(db, entries)
    again = statement(db, entries, version="08")
    more = statement(db, [*entries, entry_for(second["id"])])
    assert [(s["credited"], s["ignored"], s["duplicates"]) for s in (one, again, more)] == [
        (1, 1, 0),
        (0, 0, 2),
        (1, 0, 2),
    ]
    for found in (first, second):
        assert order(db, found["id"])["state"] == "paid"
        assert money(db, found["account_id"]) == (100 * EURO, 0)
        assert len(paid_events(db, found["account_id"])) == 1


def test_what_does_not_match_exactly_waits_with_its_reason(db: Database, account_id: int) -> None:
    found = new_order(db, account_id)
    wrong = {
        "amount_differs": entry_for(found["id"], 123_99),
        "currency_differs": entry_for(found["id"], currency="USD"),
        "reversed_by_bank": entry_for(found["id"], -124_00, reversal=True),
        "debit_with_reference": entry_for(found["id"], -5_00),
    }
    nobodys = {
        "no_reference": Entry(5_00, text="thanks"),
        "unknown_order": entry_for(9_999_999_999),
        "several_references": Entry(5_00, text=f"{rf.reference(1)} {rf.reference(2)}"),
    }
    told = statement(db, [*wrong.values(), *nobodys.values()])
    assert (told["review"], told["credited"]) == (7, 0)
    reasons = rows(db, "SELECT reason FROM payments WHERE statement_id = %s", told["id"])
    assert {reason for (reason,) in reasons} == {*wrong, *nobodys}
    assert money(db, account_id) == (0, 0)
    assert order(db, found["id"])["state"] == "awaiting_payment"


@pytest.mark.parametrize("data", [b"", camt053([Entry(100)])[:200], b"\xff\xfe<"])
def test_a_broken_statement_changes_nothing_but_the_audit(db: Database, data: bytes) -> None:
    before = rows(db, "SELECT count(*) FROM payments")
    refusals = "SELECT count(*) FROM audit WHERE action = 'statement_refused'"
    ((refused,),) = rows(db, refusals)
    with pytest.raises(BadStatement):
        importing.take_in(db, data, "camt053", None, "broken.xml", "test")
    assert rows(db, "SELECT count(*) FROM payments") == before
    assert rows(db, refusals) == [(refused + 1,)]


def test_a_csv_is_imported_by_its_profile(db: Database, account_id: int) -> None:
    found = new_order(db, account_id)
    data = f"Ημ/νία;Αιτιολογία;Ποσό\n20/11/2026;{rf.reference(found['id'])};124,00\n".encode("cp1253")
    with pytest.raises(UnknownProfile):
        importing.take_in(db, data, "csv", "no-such-bank", "x.csv", "test")
    profile = {
        "account": IBAN, "booked_on": "Ημ/νία", "text": ["Αιτιολογία"], "amount": "Ποσό", "encoding": "cp1253",
    }  # fmt: skip
    with db.transaction() as session:
        importing.put_profile(session, "piraeus", profile)
    told = [importing.take_in(db, data, "csv", "piraeus", "x.csv", "test") for _ in range(2)]
    assert [(one["credited"], one["duplicates"]) for one in told] == [(1, 0), (0, 1)]
    assert money(db, account_id) == (100 * EURO, 0)


def test_a_person_confirms_reverses_and_confirms_for_whom_it_was(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    wrong, right = new_order(db, new_account_id()), new_order(db, new_account_id())
    statement(db, [Entry(124_00, text="no reference", bank_reference=f"N{right['id']}")])
    payment_id = under_review(db)[-1][0]

    assert confirm(db, payment_id, order_id=wrong["id"])["state"] == "credited"
    with pytest.raises(DepositDecided):
        confirm(db, payment_id, order_id=right["id"])
    with db.transaction() as session:
        assert review.reverse(session, payment_id, "another's")["reason"] == "reversed"
    assert confirm(db, payment_id, order_id=right["id"])["state"] == "credited"

    assert (money(db, wrong["account_id"]), money(db, right["account_id"])) == ((0, 0), (100 * EURO, 0))
    assert order(db, wrong["id"])["state"] == "refunded"
    assert [one["kind"] for one in order(db, wrong["id"])["receipts"]] == ["receipt", "credit_note"]
    assert audited(db, wrong["account_id"])[-3:] == ["deposit_confirmed", "order_paid", "deposit_reversed"]


def test_another_amount_is_confirmed_for_the_account_by_an_order_over_what_came(
    db: Database, account_id: int
) -> None:
    found = new_order(db, account_id)
    statement(db, [entry_for(found["id"], 62_00)])
    ((payment_id, _),) = under_review(db, found["id"])
    with pytest.raises(DepositDiffers):
        confirm(db, payment_id, order_id=found["id"])
    confirmed = confirm(db, payment_id, account_id=account_id)
    made = order(db, int(str(confirmed["order_id"])))
    assert (made["net_cents"], made["vat_cents"], made["gross_cents"]) == (50_00, 12_00, 62_00)
    assert money(db, account_id) == (50 * EURO, 0)


def test_another_currency_and_money_that_went_out_can_only_be_dismissed(
    db: Database, account_id: int
) -> None:
    found = new_order(db, account_id)
    statement(db, [entry_for(found["id"], currency="USD"), entry_for(found["id"], -124_00, reversal=True)])
    waiting = [
        payment_id for payment_id, _ in rows(db, "SELECT id, 1 FROM payments ORDER BY id DESC LIMIT 2")
    ]
    for payment_id in waiting:
        with pytest.raises(DepositDiffers):
            confirm(db, payment_id, account_id=account_id)
        with db.transaction() as session:
            assert review.dismiss(session, payment_id, "sent back")["state"] == "dismissed"
    assert money(db, account_id) == (0, 0)


def test_what_is_spent_is_not_reversed(db: Database, account_id: int) -> None:
    found = new_order(db, account_id)
    statement(db, [entry_for(found["id"])])
    assert hold(db, account_id, EURO)
    ((payment_id,),) = rows(db, "SELECT id FROM payments WHERE order_id = %s", found["id"])
    with db.transaction() as session, pytest.raises(KeryxError) as refused:
        review.reverse(session, payment_id, "another's")
    assert refused.value.code == "insufficient_funds"
    assert order(db, found["id"])["state"] == "paid"


def test_lines_that_the_importer_does_not_wait_for_are_settled_later(
    db: Database, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = new_order(db, account_id)
    monkeypatch.setattr(importing, "_AT_ONCE", 0)
    told = statement(db, [entry_for(found["id"])])
    assert (told["waiting"], told["credited"], money(db, account_id)) == (1, 0, (0, 0))
    assert importing.settle_received(db) == 1
    assert money(db, account_id) == (100 * EURO, 0)


KINDS = (
    "exact",
    "exact again",
    "short",
    "bank",
    "bank short",
    "other currency",
    "refunded",
    "pending",
    "failed",
)


def hand_over(db: Database, found: dict[str, object], kind: str) -> None:
    """One delivery about an order: by a provider, or by a statement of one line."""
    made = payment_of(dict(found), provider_order=f"P-viva-order-{found['id']}-1")
    changes: dict[str, dict[str, object]] = {
        "exact": {},
        "exact again": {"transaction_id": f"second-{found['id']}"},
        "short": {"transaction_id": f"short-{found['id']}", "amount_cents": 1},
        "other currency": {"transaction_id": f"usd-{found['id']}", "currency": "USD"},
        "refunded": {"state": "refunded", "refunded_cents": 5_00},
        "pending": {"state": "pending"},
        "failed": {"state": "failed", "transaction_id": f"failed-{found['id']}"},
    }
    order_id = int(str(found["id"]))
    if kind.startswith("bank"):
        statement(db, [entry_for(order_id, 1_00 if kind == "bank short" else 124_00)])
    else:
        deliver(db, payment_of(dict(found), **{
            "transaction_id": f"first-{order_id}", "provider_order": made.provider_order, **changes[kind],
        }))  # fmt: skip


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(deliveries=st.lists(st.tuples(st.integers(0, 1), st.sampled_from(KINDS)), max_size=12))
def test_any_order_of_any_deliveries_gives_the_same_balances(
    db: Database, new_account_id: Callable[[], int], deliveries: list[tuple[int, str]]
) -> None:
    orders = [new_order(db, new_account_id(), method="viva") for _ in range(2)]
    for index, kind in [*deliveries, *deliveries[::2]]:
        hand_over(db, orders[index], kind)
    for index, found in enumerate(orders):
        paying = {kind for at, kind in deliveries if at == index} & {"exact", "exact again", "bank"}
        assert money(db, found["account_id"]) == (100 * EURO if paying else 0, 0), deliveries
        assert len(paid_events(db, found["account_id"])) == bool(paying)
    kept = "SELECT count(*) FROM payments WHERE state NOT IN ('credited', 'review')"
    assert rows(db, kept + " AND provider <> 'bank'") == [(0,)]


def test_the_same_statement_and_payment_from_many_at_once_credit_once(db: Database, account_id: int) -> None:
    found = new_order(db, account_id, method="viva")
    payment = payment_of(found)
    with ThreadPoolExecutor(16) as pool:
        told = [pool.submit(deliver, db, payment) for _ in range(8)]
        told += [pool.submit(statement, db, [entry_for(found["id"])]) for _ in range(8)]  # type: ignore[arg-type]
        for one in told:
            one.result()
    assert money(db, account_id) == (100 * EURO, 0)
    assert len(order(db, found["id"])["receipts"]) == 1
    assert [reason for _, reason in under_review(db, found["id"])] == ["order_paid_already"]


@pytest.mark.parametrize(
    ("point", "after"), [("billing.statement_stored", 1), ("billing.paying", 3), ("billing.line_settled", 2)]
)
def test_killed_while_it_credits_it_loses_and_doubles_nothing(
    fresh_database: Callable[[str], str], fresh_broker: str, tmp_path: Path, point: str, after: int
) -> None:
    topology.declare(fresh_broker)
    url = fresh_database("billing")
    points = tmp_path / "points"
    points.mkdir()
    (points / point).write_text(f"kill after={after}")
    environment = {
        "KERYX_AMQP_URI": fresh_broker,
        "KERYX_DATABASE_URL_BILLING": url,
        "KERYX_CRASH_POINTS": str(points),
        "KERYX_BANK_IBAN": IBAN,
    }
    service = start("services.billing.main", environment=environment, log=tmp_path / "first.log")
    client = Client(fresh_broker, 60)
    waiting = [client.call("billing", "create_order", 100 + n, 100_00, None, "bank") for n in range(5)]
    told = {
        "data_b64": base64.b64encode(camt053([entry_for(one["id"]) for one in waiting])).decode(),
        "format": "camt053",
        "filename": "statement.xml",
    }
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.call, "billing", "import_statement", told)
        service.process.wait(30)
        again = start("services.billing.main", environment=environment, log=tmp_path / "second.log")
        asked.result(60)
    assert (points / f"{point}.fired").exists()
    client.close()
    again.terminate()

    database = Database(make_engine(url, "test"))
    assert [money(database, one["account_id"]) for one in waiting] == [(100 * EURO, 0)] * 5
    assert [len(paid_events(database, one["account_id"])) for one in waiting] == [1] * 5
    assert rows(database, "SELECT number FROM receipts ORDER BY id") == [(n,) for n in range(1, 6)]
    assert rows(database, "SELECT state, count(*) FROM payments GROUP BY state") == [("credited", 5)]
    found = books(database)
    assert (found["zero_sum"], found["projections_match"]) == (True, True)
    database.engine.dispose()


def test_the_books_are_right_after_all_this(db: Database) -> None:
    found = books(db)
    assert (found["zero_sum"], found["projections_match"], found["holds_match"]) == (True, True, True)
