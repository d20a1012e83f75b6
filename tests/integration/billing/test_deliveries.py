"""Whatever is delivered, in whatever order, however often, at once: a payment is credited once, and only as it was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servicekit.database import Database, cursor_of
from services.billing.orders import ordering
from services.billing.payments import checkout, collect
from services.billing.payments.port import ForgedWebhook, OrderToPay, ProviderDown
from simulators.paypal.testing import PayPal as PayPalTill
from tests.integration.billing.shop import rows
from tests.integration.billing.support import books, money
from tests.integration.billing.tills import SHOP, Opened, Tills, open_tills

pytestmark = pytest.mark.integration

NEW_ACCOUNTS = iter(range(500_000, 600_000))
ON_SOCKETS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
both = pytest.mark.parametrize("method", ["viva", "paypal"])


@pytest.fixture(scope="module")
def tills(db: Database) -> Iterator[Tills]:
    with open_tills(db) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _calm(tills: Tills) -> None:
    for till in tills.tills.values():
        till.reset()
        till.webhooks(hold=True)


def state_of(tills: Tills, order_id: int) -> str:
    with tills.db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute("SELECT state FROM orders WHERE id = %s", (order_id,))
        return str(cursor.fetchone()[0])


def payments_of(tills: Tills, opened: Opened) -> list[tuple[str, str | None]]:
    """(state, reason) of everything that came for a provider's order."""
    with tills.db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(
            "SELECT state, reason FROM payments WHERE provider_order = %s ORDER BY id",
            (opened.provider_order,),
        )
        return list(cursor.fetchall())


def audited(tills: Tills, action: str) -> int:
    with tills.db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute("SELECT count(*) FROM audit WHERE action = %s", (action,))
        return int(cursor.fetchone()[0])


STORIES = ["pay", "decline, pay", "cancel, pay", "decline"]


@both
@ON_SOCKETS
@given(data=st.data())
def test_any_order_of_any_deliveries_gives_the_same_balance(tills: Tills, method: str, data: Any) -> None:
    account_id, till = next(NEW_ACCOUNTS), tills.tills[method]
    till.reset()
    till.webhooks(hold=True)
    opened = tills.order(method, account_id)
    story = data.draw(st.sampled_from(STORIES))
    backs = [till.click(opened.pay_url, action) for action in story.split(", ")]
    webhooks = till.webhooks()
    ways = [
        "sweep",
        *(f"webhook {n}" for n in range(len(webhooks))),
        *(f"back {n}" for n in range(len(backs))),
    ]
    for way in data.draw(st.permutations(ways * 2)):
        deliver(tills, method, way, webhooks, backs)
    # What came of the first deliveries brings webhooks of its own: PayPal's of our capture.
    for webhook in till.webhooks()[len(webhooks) :] * 2:
        tills.deliver(method, webhook)
    paid = story.endswith("pay")
    assert money(tills.db, account_id) == (opened.credit if paid else 0, 0)
    assert state_of(tills, opened.order_id) == ("paid" if paid else "awaiting_payment")
    assert [state for state, _ in payments_of(tills, opened)] == ["credited"] * paid


def deliver(tills: Tills, method: str, way: str, webhooks: list[dict[str, Any]], backs: list[str]) -> None:
    kind, _, index = way.partition(" ")
    if kind == "sweep":
        tills.make_due()
        collect.sweep(tills.db, tills.registry)
    elif kind == "back":
        tills.come_back(method, backs[int(index)])
    else:
        tills.deliver(method, webhooks[int(index)])


@both
def test_everything_at_once_credits_once(tills: Tills, method: str, account_id: int) -> None:
    opened = tills.order(method, account_id)
    back = tills.tills[method].click(opened.pay_url, "pay")
    (webhook, *_) = tills.tills[method].webhooks()
    tills.make_due()
    work: list[Callable[[], Any]] = [
        lambda: tills.deliver(method, webhook),
        lambda: tills.come_back(method, back),
        lambda: collect.sweep(tills.db, tills.registry),
    ] * 4
    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(one) for one in work]:
            done.result()
    assert money(tills.db, account_id) == (opened.credit, 0)
    assert payments_of(tills, opened) == [("credited", None)]
    assert books(tills.db)["zero_sum"]


@both
def test_the_sweep_finds_what_nobody_told(tills: Tills, method: str, account_id: int) -> None:
    opened = tills.order(method, account_id)
    tills.tills[method].click(opened.pay_url, "pay")
    tills.make_due()
    assert collect.sweep(tills.db, tills.registry) >= 1
    assert money(tills.db, account_id) == (opened.credit, 0)


@both
@pytest.mark.parametrize(
    ("how", "reason"), [({"amount": 100}, "amount_differs"), ({"amount": 10**7}, "amount_differs"), ({}, "currency_differs")]
)  # fmt: skip
def test_another_amount_or_currency_waits_for_a_person(
    tills: Tills, method: str, account_id: int, how: dict[str, Any], reason: str
) -> None:
    opened = tills.order(method, account_id)
    asked = how or {"currency": "826" if method == "viva" else "GBP"}
    back = tills.tills[method].pay_as_told(opened.provider_order, **asked)
    assert tills.deliver(method, tills.tills[method].webhooks()[0]) == "review"
    assert tills.come_back(method, back)["state"] == "waiting"
    assert money(tills.db, account_id) == (0, 0)
    assert payments_of(tills, opened) == [("review", reason)]


def test_viva_paid_twice_is_credited_once_and_the_other_kept_for_review(
    tills: Tills, account_id: int
) -> None:
    opened, till = tills.order("viva", account_id), tills.tills["viva"]
    till.click(opened.pay_url, "pay")
    till.pay_as_told(opened.provider_order)
    for webhook in till.webhooks() * 2:
        tills.deliver("viva", webhook)
    assert money(tills.db, account_id) == (opened.credit, 0)
    assert payments_of(tills, opened) == [("credited", None), ("review", "order_paid_already")]


def test_a_viva_webhook_about_what_viva_does_not_know_credits_nothing(tills: Tills, account_id: int) -> None:
    opened, till = tills.order("viva", account_id), tills.tills["viva"]
    till.click(opened.pay_url, "decline")
    (webhook,) = till.webhooks()
    true = webhook["body"]
    lies = [
        true.replace('"StatusId": "E"', '"StatusId": "F"').replace("1798", "1796"),
        true.replace(opened.provider_order, "9999999999999999").replace("1798", "1796"),
    ]
    for lie in lies:
        assert tills.deliver("viva", {"headers": {}, "body": lie}) in ("failed", "nothing")
    assert money(tills.db, account_id) == (0, 0)
    assert state_of(tills, opened.order_id) == "awaiting_payment"


SPELLINGS: list[Callable[[str], str]] = [
    str.upper,
    lambda one: one.replace("-", ""),
]


@pytest.mark.parametrize("event", ["1796", "1797", "1798"])
@pytest.mark.parametrize("spell", SPELLINGS)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_viva_webhook_that_spells_a_payment_otherwise_makes_no_other_payment_of_it(
    tills: Tills, account_id: int, spell: Callable[[str], str], event: str, is_first: bool
) -> None:
    opened, till = tills.order("viva", account_id), tills.tills["viva"]
    till.click(opened.pay_url, "pay")
    (true,) = till.webhooks()
    (paid,) = tills.registry.get("viva").fetch(opened.provider_order)
    body = true["body"].replace(paid.transaction_id, spell(paid.transaction_id)).replace("1796", event)
    lie = {"headers": {}, "body": body}
    for webhook in (lie, true) if is_first else (true, lie):
        tills.deliver("viva", webhook)
    assert money(tills.db, account_id) == (opened.credit, 0)
    assert payments_of(tills, opened) == [("credited", None)]


def test_a_viva_webhook_that_names_another_order_with_a_payment_tells_nothing_new_of_it(
    tills: Tills, account_id: int
) -> None:
    opened, till = tills.order("viva", account_id), tills.tills["viva"]
    tills.come_back("viva", till.click(opened.pay_url, "pay"))
    (paid,) = tills.registry.get("viva").fetch(opened.provider_order)
    tills.registry.get("viva").refund(paid.transaction_id, 300, "EUR", "by hand")
    webhook = till.webhooks()[-1]
    tills.deliver("viva", webhook)
    other = tills.order("viva", account_id)
    body = webhook["body"].replace(opened.provider_order, other.provider_order)
    tills.deliver("viva", {"headers": {}, "body": body})
    assert payments_of(tills, opened) == [("credited", None), ("review", "refunded_at_provider")]
    assert payments_of(tills, other) == []


def test_a_refund_of_viva_s_named_as_a_payment_is_none(tills: Tills, account_id: int) -> None:
    opened, till = tills.order("viva", account_id), tills.tills["viva"]
    tills.come_back("viva", till.click(opened.pay_url, "pay"))
    (paid,) = tills.registry.get("viva").fetch(opened.provider_order)
    made = tills.registry.get("viva").refund(paid.transaction_id, 300, "EUR", "by hand")
    assert [p.transaction_id for p in tills.registry.get("viva").fetch(None, made.refund_id)] == [
        paid.transaction_id
    ]


def test_a_paypal_webhook_that_is_forged_or_replayed_with_changes_is_refused_and_audited(
    tills: Tills, account_id: int
) -> None:
    opened, till = tills.order("paypal", account_id), tills.tills["paypal"]
    till.click(opened.pay_url, "pay")
    (webhook,) = till.webhooks()
    before = audited(tills, "webhook_refused")
    with pytest.raises(ForgedWebhook):
        tills.deliver("paypal", {"headers": {}, "body": webhook["body"]})
    with pytest.raises(ForgedWebhook):
        tills.deliver("paypal", {**webhook, "body": webhook["body"].replace("APPROVED", "VOIDED")})
    assert audited(tills, "webhook_refused") > before
    assert money(tills.db, account_id) == (0, 0)


def test_paypal_s_pending_capture_is_credited_when_it_is_decided_and_not_before(
    tills: Tills, account_id: int
) -> None:
    opened, till = tills.order("paypal", account_id), tills.tills["paypal"]
    assert isinstance(till, PayPalTill)
    till.next_capture("PENDING")
    back = till.click(opened.pay_url, "pay")
    assert tills.come_back("paypal", back)["state"] == "waiting"
    assert money(tills.db, account_id) == (0, 0)
    (found,) = tills.registry.get("paypal").fetch(opened.provider_order)
    till.decide(found.transaction_id, "COMPLETED")
    assert tills.deliver("paypal", till.webhooks()[-1]) == "credited"
    assert money(tills.db, account_id) == (opened.credit, 0)


def approve_and_hear_all_ways(tills: Tills, opened: Opened) -> dict[str, Any]:
    """The payer agrees at PayPal, and everything that makes us look happens; what the payer is shown."""
    till = tills.tills["paypal"]
    back = till.click(opened.pay_url, "pay")
    for webhook in till.webhooks():
        if opened.provider_order in webhook["body"]:
            tills.deliver("paypal", webhook)
    tills.make_due()
    collect.sweep(tills.db, tills.registry)
    return tills.come_back("paypal", back)


def captures_of(tills: Tills, opened: Opened) -> list[Any]:
    return tills.registry.get("paypal").fetch(opened.provider_order)


def test_paypal_takes_no_money_for_an_order_that_was_cancelled(tills: Tills, account_id: int) -> None:
    opened = tills.order("paypal", account_id)
    with tills.db.transaction() as session:
        ordering.cancel(session, account_id, opened.order_id)
    shown = approve_and_hear_all_ways(tills, opened)
    assert (shown["state"], shown["pay_url"]) == ("not_paid", None)
    assert (captures_of(tills, opened), payments_of(tills, opened)) == ([], [])


def test_paypal_takes_no_money_for_an_order_that_was_paid_at_viva(tills: Tills, account_id: int) -> None:
    opened, viva = tills.order("paypal", account_id), tills.tills["viva"]
    checkout.ask(tills.db, tills.registry, SHOP, account_id, opened.order_id, "viva")
    with tills.db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(
            "SELECT pay_url FROM checkouts WHERE order_id = %s AND provider = 'viva'", (opened.order_id,)
        )
        page = str(cursor.fetchone()[0])
    assert tills.come_back("viva", viva.click(page, "pay"))["state"] == "paid"
    assert approve_and_hear_all_ways(tills, opened)["state"] == "paid"
    assert (captures_of(tills, opened), payments_of(tills, opened)) == ([], [])
    assert money(tills.db, account_id) == (opened.credit, 0)


def test_paypal_takes_no_money_for_an_order_that_is_not_ours(tills: Tills) -> None:
    asked = OrderToPay("RF18ELSEWHERE", 1240, "EUR", "Another shop", "en", "elsewhere-1")
    there = tills.registry.get("paypal").open(asked)
    opened = Opened(0, there.provider_order, there.pay_url, 1240, 0)
    assert approve_and_hear_all_ways(tills, opened)["state"] == "unknown"
    assert (captures_of(tills, opened), payments_of(tills, opened)) == ([], [])


def test_paypal_takes_what_was_agreed_to_after_the_order_expired(tills: Tills, account_id: int) -> None:
    opened = tills.order("paypal", account_id)
    with tills.db.transaction() as session:
        cursor_of(session).execute(
            "UPDATE orders SET expires_at = now() - interval '1 hour' WHERE id = %s", (opened.order_id,)
        )
        ordering.expire(session)
    assert state_of(tills, opened.order_id) == "expired"
    assert approve_and_hear_all_ways(tills, opened)["state"] == "paid"
    assert money(tills.db, account_id) == (opened.credit, 0)


@both
def test_a_provider_that_is_down_leaves_the_order_payable_and_is_told_to_send_again(
    tills: Tills, method: str, account_id: int
) -> None:
    opened, till = tills.order(method, account_id), tills.tills[method]
    back = till.click(opened.pay_url, "pay")
    (webhook, *_) = till.webhooks()
    till.faults(refuse=3)
    with pytest.raises(ProviderDown):
        tills.deliver(method, webhook)
    till.faults(refuse=0)
    assert state_of(tills, opened.order_id) == "awaiting_payment"
    assert tills.come_back(method, back)["state"] == "paid"
    assert tills.deliver(method, webhook) in ("known", "credited")


def test_paypal_need_not_repeat_what_it_refuses_to_capture(tills: Tills, account_id: int) -> None:
    opened, till = tills.order("paypal", account_id), tills.tills["paypal"]
    till.click(opened.pay_url, "decline")
    assert tills.deliver("paypal", till.webhooks()[0]) == "refused"
    assert state_of(tills, opened.order_id) == "awaiting_payment"


@both
def test_a_payer_who_was_declined_is_shown_the_page_again(tills: Tills, method: str, account_id: int) -> None:
    opened = tills.order(method, account_id)
    back = tills.tills[method].click(opened.pay_url, "decline")
    shown = tills.come_back(method, back)
    assert (shown["state"], shown["pay_url"], shown["order_id"]) == (
        "not_paid",
        opened.pay_url,
        opened.order_id,
    )


def test_a_return_for_nobody_s_order_tells_nothing_and_asks_nobody(tills: Tills) -> None:
    tills.tills["viva"].faults(refuse=100)
    shown = tills.come_back("viva", "http://x/payments/viva/return?s=1234567890123456")
    assert (shown["state"], shown["order_id"]) == ("unknown", None)


@both
def test_money_that_was_given_back_at_the_provider_itself_waits_for_a_person_once(
    tills: Tills, method: str, account_id: int
) -> None:
    opened, till = tills.order(method, account_id), tills.tills[method]
    tills.come_back(method, till.click(opened.pay_url, "pay"))
    (paid,) = tills.registry.get(method).fetch(opened.provider_order)
    tills.registry.get(method).refund(paid.transaction_id, 300, "EUR", f"by hand {account_id}")
    for _ in range(2):
        tills.deliver(method, till.webhooks()[-1])
    assert money(tills.db, account_id) == (opened.credit, 0)
    assert payments_of(tills, opened) == [("credited", None), ("review", "refunded_at_provider")]


@both
def test_parts_that_were_given_back_at_the_provider_itself_wait_each_as_the_part_it_is(
    tills: Tills, method: str, account_id: int
) -> None:
    opened, till = tills.order(method, account_id), tills.tills[method]
    tills.come_back(method, till.click(opened.pay_url, "pay"))
    (paid,) = tills.registry.get(method).fetch(opened.provider_order)
    for part in (300, 200):
        tills.registry.get(method).refund(paid.transaction_id, part, "EUR", f"by hand {account_id} {part}")
        tills.deliver(method, till.webhooks()[-1])
    assert rows(
        tills.db,
        "SELECT amount_cents FROM payments WHERE provider_order = %s ORDER BY id",
        opened.provider_order,
    ) == [(opened.gross_cents,), (-300,), (-200,)]
