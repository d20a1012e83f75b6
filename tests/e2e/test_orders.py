"""Buying credit by bank deposit and by voucher, to the campaign that is paid by it."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.local.demo.money import euro, micro
from tests.support.statements import IBAN, Entry, camt053
from tests.support.waiting import eventually

from .shop import PRICE, Keryx, Shop, numbers

pytestmark = pytest.mark.e2e


def deposit(keryx: Keryx, *entries: Entry, version: str = "02") -> Any:
    """The operator imports a statement with these entries."""
    files = {"file": ("statement.xml", camt053(entries, version), "application/xml")}
    return keryx.operator.ask("POST", "/operator/statements", 201, files=files)


def campaign_of_everything(keryx: Keryx, shop: Shop, recipients: int) -> None:
    """Send a campaign that costs what it costs, and see it paid."""
    before = shop.money()[0]
    group = shop.group_of(" ".join(numbers(recipients)))
    campaign = shop.draft({"group_ids": [group["id"]]})
    shop.start(campaign)
    shop.finished(campaign)
    eventually(lambda: shop.money() == (before - recipients * PRICE, 0), 20, 0.1, "the campaign paid")
    assert len(keryx.smsc.messages()) == recipients


def test_a_bank_deposit_becomes_credit_a_receipt_and_a_campaign(keryx: Keryx) -> None:
    shop = keryx.shop(money=0)
    profile = {"name": "Ανθοπωλείο Άνθη", "country": "GR", "vat_number": "094014201", "email": shop.email}
    assert shop.ask("PUT", "/billing-profile", json=profile)["vat_number"] == "EL094014201"
    wanted = {"amount": "10.00", "method": "bank"}
    order = shop.post("/orders", wanted, 201, headers={"Idempotency-Key": "credit-1"})
    assert shop.post("/orders", wanted, 201, headers={"Idempotency-Key": "credit-1"})["id"] == order["id"]
    assert (order["net"], order["vat"], order["gross"]) == ("10.00", "2.40", "12.40")
    assert (order["state"], order["bank"]["iban"]) == ("awaiting_payment", IBAN)
    assert shop.get(f"/orders/{order['id']}/receipt.pdf", 409)["code"] == "no_receipt"

    paid = Entry(
        12_40, text=f"ΠΛΗΡΩΜΗ {order['bank']['reference_printed']}", bank_reference=f"B{order['id']}"
    )
    first = deposit(keryx, paid)
    again = deposit(keryx, paid, Entry(-1_50, text=f"fee {order['id']}"), version="08")
    assert (first["credited"], first["duplicates"]) == (1, 0)
    assert (again["credited"], again["duplicates"], again["ignored"]) == (0, 1, 1)

    assert shop.money() == (micro("10.00"), 0)
    found = shop.get(f"/orders/{order['id']}")
    assert (found["state"], found["method"], found["invoice"]["issued"]) == ("paid", "bank", False)
    assert shop.get(f"/orders/{order['id']}/receipt.pdf", lang="en").startswith(b"%PDF-")
    assert [one["id"] for one in shop.get("/orders", state="paid")["data"]] == [order["id"]]
    (mail,) = keryx.mailbox.wait(to=shop.email, subject=found["receipts"][0]["number"])
    source = keryx.mailbox.source(mail["n"])
    assert b"application/pdf" in source
    assert found["receipts"][0]["number"].encode() in source

    campaign_of_everything(keryx, shop, 5)


def test_a_deposit_that_does_not_match_waits_for_the_operator(keryx: Keryx) -> None:
    shop = keryx.shop(money=0)
    order = shop.post("/orders", {"amount": "10.00", "method": "bank"}, 201)
    deposit(
        keryx, Entry(50_00, text=order["bank"]["reference"], payer="ΑΝΘΗ", bank_reference=f"X{order['id']}")
    )
    waiting = keryx.operator.get("/operator/deposits")["data"]
    (mine,) = [one for one in waiting if one["order_id"] == order["id"]]
    assert (mine["reason"], mine["amount"], shop.money()) == ("amount_differs", "50.00", (0, 0))

    address = f"/operator/deposits/{mine['id']}"
    assert (
        keryx.operator.post(f"{address}/confirm", {"order_id": order["id"]}, 409)["code"] == "deposit_differs"
    )
    confirmed = keryx.operator.post(f"{address}/confirm", {"account_id": shop.id, "note": "said so"})
    assert (confirmed["state"], shop.money()) == ("credited", (micro("40.32"), 0))
    assert keryx.operator.post(f"{address}/reverse", {"note": "another's"})["reason"] == "reversed"
    assert shop.money() == (0, 0)
    assert keryx.operator.post(f"{address}/dismiss", {"note": "sent back"})["state"] == "dismissed"


@pytest.mark.parametrize("data", [b"<Document", camt053([Entry(1_00)])[:-30], b""])
def test_a_broken_statement_is_refused_whole(keryx: Keryx, data: bytes) -> None:
    files = {"file": ("statement.xml", data, "application/xml")}
    assert keryx.operator.ask("POST", "/operator/statements", 422, files=files)["code"] == "bad_statement"


def test_a_voucher_pays_a_campaign_once(keryx: Keryx) -> None:
    shop = keryx.shop(money=0)
    batch = keryx.operator.post("/operator/vouchers", {"name": "fair", "value": "5.00", "codes": 2}, 201)
    code = batch["secrets"][0].lower()
    assert shop.post("/vouchers/redeem", {"code": code}) == {"amount": "5.00", "currency": "EUR"}
    assert shop.post("/vouchers/redeem", {"code": code}, 409)["code"] == "voucher_used"
    assert shop.money() == (micro("5.00"), 0)
    uses = keryx.operator.get(f"/operator/vouchers/{batch['id']}/uses")["data"]
    assert [(use["account_id"], use["hint"]) for use in uses] == [(shop.id, code[-4:].upper())]
    campaign_of_everything(keryx, shop, 3)


def test_guessing_vouchers_ends_soon(keryx: Keryx) -> None:
    shop = keryx.shop(money=0)
    codes = [
        shop.http.post("/api/v1/vouchers/redeem", json={"code": f"WRONG-{n}"}).json()["code"]
        for n in range(12)
    ]
    assert codes == ["unknown_voucher"] * 10 + ["too_many_guesses"] * 2


def test_a_refund_takes_credit_back(keryx: Keryx) -> None:
    shop = keryx.shop(money=0)
    order = shop.post("/orders", {"amount": "10.00", "method": "bank"}, 201)
    deposit(keryx, Entry(12_40, reference=order["bank"]["reference"], bank_reference=f"R{order['id']}"))
    refund = keryx.operator.post(
        f"/operator/orders/{order['id']}/refund", {"amount": "6.20", "reason": "half"}, 201
    )
    assert (refund["state"], refund["amount"], shop.money()) == ("done", "6.20", (micro("5.00"), 0))
    found = keryx.operator.get(f"/operator/orders/{order['id']}")
    assert (found["account_id"], [one["state"] for one in found["refunds"]]) == (shop.id, ["done"])
    assert (found["state"], found["refunded"]) == ("partly_refunded", "6.20")
    note = found["receipts"][1]
    assert note["kind"] == "credit_note"
    assert shop.get(f"/orders/{order['id']}/receipts/{note['id']}.pdf").startswith(b"%PDF-")
    assert euro(shop.money()[0]) == "5.00"
