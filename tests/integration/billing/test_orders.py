"""Orders on a real database: made, paid once, given back, receipted without gaps."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from contracts.errors import Conflict, KeryxError
from servicekit.database import Database, cursor_of
from services.billing.errors import InvalidFields
from services.billing.orders import ordering, profiles, queries
from services.billing.payments import checkout, collect, refunds
from services.billing.payments.errors import NothingToRefund, RefundInProgress
from services.billing.payments.port import ProviderDown, ProviderRefused
from tests.integration.billing.shop import (
    SHOP,
    Killed,
    Told,
    audited,
    deliver,
    new_order,
    order,
    paid_events,
    paid_order,
    payment_of,
    registry,
    rows,
)
from tests.integration.billing.support import EURO, books, change_account, hold, money

pytestmark = pytest.mark.integration

PROFILE = {
    "name": "Anthi GmbH", "address": "Weg 1", "city": "Berlin", "postcode": "10115", "country": "DE",
    "vat_number": "DE123456789", "tax_office": None, "email": "books@anthi.example",
}  # fmt: skip


def test_an_order_is_taxed_paid_credited_receipted_and_told_once(db: Database, account_id: int) -> None:
    change_account(db, account_id, low_balance_emails=["a@anthi.example"])
    found = new_order(db, account_id, 100_00, "viva")
    assert (found["net_cents"], found["vat_cents"], found["gross_cents"]) == (100_00, 24_00, 124_00)
    assert (found["state"], found["pay_url"]) == (
        "awaiting_payment",
        f"https://pay.example/viva-order-{found['id']}-1",
    )
    payment = payment_of(found)

    assert [deliver(db, payment).state for _ in range(3)] == ["credited", "known", "known"]

    assert money(db, account_id) == (100 * EURO, 0)
    paid = order(db, found["id"])
    assert (paid["state"], paid["pay_url"], len(paid["receipts"])) == ("paid", None, 1)
    (event,) = paid_events(db, account_id)
    assert (event["order_id"], event["emails"], event["buyer"]) == (found["id"], ["a@anthi.example"], "Άνθη")
    assert event["receipt"] == paid["receipts"][0]["number"]
    assert audited(db, account_id) == ["order_created", "payment_asked", "order_paid"]
    assert paid["invoice"] == {
        "issued": False,
        "reason": "no_certified_provider",
        "detail": "Legal e-invoicing (myDATA) needs a certified provider; the receipt is not a tax document.",
        "mark": None,
    }


def test_the_billing_profile_decides_the_tax_of_new_orders_only(db: Database, account_id: int) -> None:
    before = new_order(db, account_id)
    with db.transaction() as session:
        assert profiles.put(session, account_id, dict(PROFILE), 0)["version"] == 1
    after = new_order(db, account_id)
    assert (after["vat_treatment"], after["vat_cents"], after["gross_cents"]) == ("reverse_charge", 0, 100_00)
    assert after["buyer"]["vat_number"] == "DE123456789"
    assert order(db, before["id"])["vat_treatment"] == "domestic"


def test_a_profile_is_checked_and_not_overwritten_unseen(db: Database, account_id: int) -> None:
    with db.transaction() as session:
        profiles.put(session, account_id, dict(PROFILE), None)
    with db.transaction() as session, pytest.raises(InvalidFields) as wrong:
        profiles.put(session, account_id, {**PROFILE, "vat_number": "DE12"}, 1)
    assert wrong.value.errors[0]["pointer"] == "/vat_number"
    with db.transaction() as session, pytest.raises(KeryxError) as changed:
        profiles.put(session, account_id, dict(PROFILE), 0)
    assert changed.value.code == "version_mismatch"


@pytest.mark.parametrize("net", [0, 499, 1_000_001])
def test_amounts_out_of_bounds_are_refused(db: Database, account_id: int, net: int) -> None:
    with db.transaction() as session, pytest.raises(InvalidFields) as refused:
        ordering.create(session, SHOP.orders, account_id, net, None, "bank", None)
    assert refused.value.errors[0]["pointer"] == "/amount"


def test_a_package_credits_what_it_says(db: Database, account_id: int) -> None:
    wanted = {"name_el": "Μεγάλο", "name_en": "Large", "net_cents": 100_00, "credit": 110 * EURO}
    with db.transaction() as session:
        package = ordering.add_package(session, wanted)
        order_id = ordering.create(session, SHOP.orders, account_id, None, package["id"], "viva", None)
    checkout.ask(db, registry(Told()), SHOP, account_id, order_id, "viva")
    deliver(db, payment_of(order(db, order_id)))
    assert money(db, account_id) == (110 * EURO, 0)
    with db.transaction() as session:
        ordering.retire_package(session, package["id"])
        assert package["id"] not in [
            one["id"] for one in queries.options(session, SHOP, ["viva"])["packages"]
        ]


def test_the_same_key_is_the_same_order(db: Database, account_id: int) -> None:
    def make(net: int) -> int:
        with db.transaction() as session:
            return ordering.create(session, SHOP.orders, account_id, net, None, None, "key-1")

    assert make(100_00) == make(100_00)
    with pytest.raises(Conflict):
        make(200_00)


def test_a_page_that_could_not_be_opened_is_opened_under_the_same_key(db: Database, account_id: int) -> None:
    provider = Told(failure=ProviderDown("away"))
    with pytest.raises(ProviderDown):
        new_order(db, account_id, method="viva", provider=provider)
    ((order_id,),) = rows(db, "SELECT id FROM orders WHERE account_id = %s", account_id)
    assert order(db, order_id)["pay_url"] is None
    provider.failure = None
    for _ in range(2):
        checkout.ask(db, registry(provider), SHOP, account_id, order_id, "viva")
    assert [one.key for one in provider.opened] == [f"viva-order-{order_id}-1"]


def test_two_pages_opened_at_once_both_lead_to_the_order(db: Database, account_id: int) -> None:
    second = Told(prefix="other-")
    first = Told()

    def meanwhile() -> None:
        first.meanwhile = lambda: None
        checkout.ask(db, registry(second), SHOP, account_id, waiting["id"], "viva")

    waiting = new_order(db, account_id, method="bank")
    first.meanwhile = meanwhile
    checkout.ask(db, registry(first), SHOP, account_id, waiting["id"], "viva")
    found = order(db, waiting["id"])
    assert (
        deliver(db, payment_of(found, provider_order=f"other-viva-order-{found['id']}-1")).state == "credited"
    )
    assert deliver(db, payment_of(found)).reason == "order_paid_already"


def test_what_is_not_credited_exactly_waits_for_a_person(db: Database, account_id: int) -> None:
    found = new_order(db, account_id, method="viva")
    wrong = [
        payment_of(found, amount_cents=1),
        payment_of(found, currency="USD"),
        payment_of(found, provider_order="nobody's"),
        payment_of(found, order_reference="RF0000"),
        payment_of(found, amount_cents=-12_400),
    ]
    reasons = [deliver(db, payment).reason for payment in wrong]
    assert reasons == [
        "amount_differs", "currency_differs", "unknown_order", "reference_differs", "not_a_payment",
    ]  # fmt: skip
    assert [deliver(db, payment).state for payment in wrong] == ["known"] * 5
    assert [deliver(db, payment_of(found, state=state)).state for state in ("pending", "failed")] == [
        "open",
        "failed",
    ]
    assert order(db, found["id"])["state"] == "awaiting_payment"
    assert deliver(db, payment_of(found)).state == "credited"
    assert money(db, account_id) == (100 * EURO, 0)


def test_an_expired_order_that_is_paid_late_is_credited_and_a_cancelled_one_is_looked_at(
    db: Database, new_account_id: Callable[[], int]
) -> None:
    late, gone = (
        new_order(db, new_account_id(), method="viva"),
        new_order(db, new_account_id(), method="viva"),
    )
    with db.transaction() as session:
        cursor_of(session).execute("UPDATE orders SET expires_at = now() WHERE id = %s", (late["id"],))
    with db.transaction() as session:
        assert ordering.expire(session) == 1
        ordering.cancel(session, gone["account_id"], gone["id"])
    assert order(db, late["id"])["state"] == "expired"
    assert deliver(db, payment_of(late)).state == "credited"
    assert deliver(db, payment_of(gone)).reason == "order_cancelled"


def test_an_order_nobody_told_about_is_asked_for(db: Database, account_id: int) -> None:
    provider = Told()
    found = new_order(db, account_id, method="viva", provider=provider)
    provider.payments.append(payment_of(found))
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute("UPDATE checkouts SET next_check_at = NULL WHERE order_id <> %s", (found["id"],))
        cursor.execute("UPDATE checkouts SET next_check_at = now() WHERE order_id = %s", (found["id"],))
    assert collect.sweep(db, registry(provider)) == 1
    assert order(db, found["id"])["state"] == "paid"
    assert rows(db, "SELECT next_check_at FROM checkouts WHERE order_id = %s", found["id"]) == [(None,)]


def test_a_refund_takes_the_credit_back_and_leaves_a_credit_note(db: Database, account_id: int) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)

    first = refunds.refund(db, registry(provider), found["id"], 31_00, "half used", "k1")
    again = refunds.refund(db, registry(provider), found["id"], 31_00, "half used", "k1")

    assert first == again
    assert first["state"] == "done"
    assert provider.refunded == [(f"T-{found['id']}", 31_00, f"refund-{first['id']}")]
    assert money(db, account_id) == (75 * EURO, 0)
    now = order(db, found["id"])
    assert (now["state"], now["refunded_cents"]) == ("partly_refunded", 31_00)
    rest = refunds.refund(db, registry(provider), now["id"], None, "closed", None)
    assert (rest["amount_cents"], money(db, account_id)) == (93_00, (0, 0))
    assert [one["kind"] for one in order(db, now["id"])["receipts"]] == ["receipt", *["credit_note"] * 2]
    with pytest.raises(NothingToRefund):
        refunds.refund(db, registry(provider), now["id"], 1, "more", None)


def test_a_refund_that_is_refused_frees_the_credit_again(db: Database, account_id: int) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    provider.failure = ProviderRefused("too late")
    refused = refunds.refund(db, registry(provider), found["id"], None, "closed", None)
    assert (refused["state"], refused["error"]) == ("failed", "too late")
    assert money(db, account_id) == (100 * EURO, 0)
    assert order(db, found["id"])["state"] == "paid"


@pytest.mark.parametrize(("refunded", "left"), [(True, 0), (False, 100 * EURO)])
def test_a_refund_in_doubt_holds_the_credit_until_a_person_says(
    db: Database, account_id: int, refunded: bool, left: int
) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    provider.failure = ProviderDown("no answer")
    doubtful = refunds.refund(db, registry(provider), found["id"], None, "closed", None)
    assert (doubtful["state"], money(db, account_id)) == ("in_doubt", (0, 100 * EURO))
    with pytest.raises(RefundInProgress):
        refunds.refund(db, registry(provider), found["id"], None, "closed", None)
    with db.transaction() as session:
        refunds.resolve(session, doubtful["id"], refunded)
    assert money(db, account_id) == (left, 0)


def test_a_refund_whose_process_is_killed_is_in_doubt_and_never_sent_again_by_itself(
    db: Database, account_id: int
) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    provider.failure = Killed()
    with pytest.raises(Killed):
        refunds.refund(db, registry(provider), found["id"], None, "closed", "k2")
    with db.transaction() as session:
        assert refunds.doubt_abandoned(session) == 0
        cursor_of(session).execute("UPDATE refunds SET created_at = created_at - interval '3 minutes'")
        assert refunds.doubt_abandoned(session) == 1
    provider.failure = None
    again = refunds.refund(db, registry(provider), found["id"], None, "closed", "k2")
    assert (again["state"], provider.refunded) == ("in_doubt", [])
    assert money(db, account_id) == (0, 100 * EURO)


def test_what_is_spent_is_not_given_back(db: Database, account_id: int) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    assert hold(db, account_id, 60 * EURO)
    with pytest.raises(KeryxError) as refused:
        refunds.refund(db, registry(provider), found["id"], None, "closed", None)
    assert refused.value.code == "insufficient_funds"
    assert provider.refunded == []


def test_a_refund_made_at_the_provider_is_put_down_for_review_and_ours_is_not(
    db: Database, account_id: int
) -> None:
    provider = Told()
    found = paid_order(db, account_id, provider)
    transaction = f"T-{found['id']}"
    elsewhere = payment_of(found, transaction_id=transaction, state="refunded", refunded_cents=10_00)
    assert [deliver(db, elsewhere).reason for _ in range(2)] == ["refunded_at_provider", None]
    refunds.refund(db, registry(provider), found["id"], 20_00, "part", None)
    ours = payment_of(found, transaction_id=transaction, state="refunded", refunded_cents=30_00)
    assert deliver(db, ours).state == "known"
    disputed = payment_of(found, transaction_id=transaction, state="disputed")
    assert deliver(db, disputed).reason == "disputed_at_provider"


def test_receipts_have_no_gaps_and_come_as_pdf_in_both_languages(db: Database, account_id: int) -> None:
    for _ in range(3):
        found = new_order(db, account_id, method="viva")
        deliver(db, payment_of(found))
    numbers = [number for (number,) in rows(db, "SELECT number FROM receipts WHERE kind = 'receipt'")]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    with db.transaction() as session:
        files = [
            queries.receipt_pdf(session, SHOP, account_id, found["id"], locale) for locale in ("el", "en")
        ]
    greek, english = (base64.b64decode(file["data_b64"]) for file in files)
    assert greek.startswith(b"%PDF-")
    assert greek != english
    assert b"DejaVuSans" in greek


def test_the_books_are_right_after_all_this(db: Database) -> None:
    found = books(db)
    assert found["zero_sum"]
    assert found["projections_match"]
    assert found["holds_match"]
