"""Single messages, money and files, as customers use them."""

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import quote

import pytest

from deploy.local.demo.money import euro, micro
from tests.support.waiting import eventually

from .shop import PRICE, Keryx, Shop

pytestmark = pytest.mark.e2e

NUMBER = "306950000001"


def export(shop: Shop, **wanted: Any) -> bytes:
    """The file of an export."""
    job = shop.post("/exports", {"what": "messages", **wanted}, 202)
    eventually(lambda: shop.get(f"/exports/{job['id']}")["state"] == "done", 20, 0.1, "the export")
    file: bytes = shop.get(f"/exports/{job['id']}/file")
    return file


def test_the_same_request_twice_is_one_message(keryx: Keryx) -> None:
    shop = keryx.shop()
    first = shop.send(key="order-17", to=NUMBER, text="Η παραγγελία σας έφυγε")
    assert shop.send(key="order-17", to=NUMBER, text="Η παραγγελία σας έφυγε") == first
    problem = shop.send(409, key="order-17", to=NUMBER, text="Κάτι άλλο")
    assert problem["code"] == "idempotency_key_reused"
    shop.message(first["id"], "delivered")
    assert [message.text for message in keryx.smsc.messages()] == ["Η παραγγελία σας έφυγε"]
    assert shop.money()[0] == micro("100.00") - PRICE


def test_a_long_text_arrives_whole_and_costs_its_parts(keryx: Keryx) -> None:
    shop = keryx.shop()
    text = "Ωραία μέρα για έναν καφέ στην πλατεία. " * 5
    sent = shop.send(to=NUMBER, text=text.strip())
    assert (sent["parts"], sent["price"]) == (3, euro(3 * PRICE))
    message = shop.message(sent["id"], "delivered")
    assert [part["state"] for part in message["parts_detail"]] == ["delivered"] * 3
    (arrived,) = keryx.smsc.messages()
    assert arrived.text == text.strip()
    assert list(arrived.ids) == [part["smsc_id"] for part in message["parts_detail"]]


def test_what_the_operator_refuses_costs_nothing(keryx: Keryx) -> None:
    shop = keryx.shop()
    keryx.smsc.faults(errors={"ESME_RINVDSTADR": 1.0}, error_times=100)
    sent = shop.send(to=NUMBER, text="Καλημέρα")
    message = shop.message(sent["id"], "rejected")
    assert message["reason"]
    eventually(lambda: shop.money() == (micro("100.00"), 0), 10, 0.1, "the money back")


def test_a_receipt_says_why_it_was_not_delivered(keryx: Keryx) -> None:
    shop = keryx.shop()
    keryx.smsc.faults(receipts={"outcomes": {"UNDELIV": 1.0}, "errors": {"UNDELIV": ["027"]}})
    message = shop.message(shop.send(to=NUMBER, text="Καλημέρα")["id"], "undelivered")
    assert "027" in message["reason"]
    assert [step["state"] for step in message["history"]] == ["accepted", "submitted", "undelivered"]


def test_a_message_that_has_not_left_can_be_cancelled(keryx: Keryx) -> None:
    shop = keryx.shop()
    keryx.smsc.faults(refuse_binds="ESME_RBINDFAIL", disconnect={"now": True})
    eventually(lambda: keryx.operator.get("/operator/connectors/sim")["state"] != "up", 20, 0.1, "down")
    sent = shop.send(to=NUMBER, text="Καλημέρα")
    shop.post(f"/messages/{sent['id']}/cancel")
    keryx.smsc.faults(preset="calm")
    keryx.bound()
    shop.message(sent["id"], "cancelled")
    eventually(lambda: shop.money() == (micro("100.00"), 0), 10, 0.1, "the money back")
    assert keryx.smsc.stats()["submits"] == 0


def test_a_blacklisted_number_gets_no_single_message_either(keryx: Keryx) -> None:
    shop = keryx.shop()
    shop.post("/blacklist", {"numbers": [NUMBER]})
    through = shop.blocked(NUMBER)
    assert keryx.smsc.stats()["rok"] == through
    shop.settled(micro("100.00") - through * PRICE)


def test_nothing_is_sent_without_money(keryx: Keryx) -> None:
    shop = keryx.shop(PRICE)
    problem = shop.post("/messages", {"messages": [{"to": NUMBER, "text": "α"}] * 2}, 402)
    assert problem["code"] == "insufficient_funds"
    assert keryx.smsc.stats()["submits"] == 0


def test_a_low_balance_is_told_once_and_after_a_top_up_again(keryx: Keryx) -> None:
    shop = keryx.shop(10 * PRICE)
    settings = {"low_balance": {"level": euro(8 * PRICE), "emails": [shop.email]}}
    shop.ask("PATCH", "/settings", json=settings)
    for _ in range(4):
        shop.message(shop.send(to=NUMBER, text="Καλημέρα")["id"], "delivered")
    (mail,) = keryx.mailbox.wait(to=shop.email, count=1)
    assert "υπόλοιπ" in mail["subject"]

    shop.top_up(10 * PRICE)
    for _ in range(9):
        shop.send(to=NUMBER, text="Καλημέρα")
    assert len(keryx.mailbox.wait(to=shop.email, count=2)) == 2


def test_a_paste_becomes_contacts(keryx: Keryx) -> None:
    shop = keryx.shop()
    job = shop.post("/imports", {"text": "6940000001, 694-000-0002; 6940000001\nδεν έχει, 2101234567"}, 201)
    group = shop.post("/groups", {"name": "Επικόλληση"}, 201)
    counts = shop.commit(job, group["id"])["counts"]
    assert counts["rows"] == sum(counts[name] for name in ("accepted", "updated", "duplicates", "rejected"))
    assert (counts["accepted"], counts["duplicates"]) == (2, 1)
    found = shop.get("/contacts", group_id=group["id"])["data"]
    assert {contact["numbers"][0]["number"] for contact in found} == {"306940000001", "306940000002"}


def test_the_history_comes_as_csv_and_nothing_in_it_is_a_formula(keryx: Keryx) -> None:
    shop = keryx.shop()
    sent = [shop.send(to=NUMBER, text=text, reference=f"r{n}") for n, text in enumerate(("Καλημέρα", "=1+1"))]
    for message in sent:
        shop.message(message["id"], "delivered")
    file = export(shop, format="csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(file)))
    assert [(row["id"], row["recipient"], row["text"], row["status"]) for row in rows] == [
        (sent[0]["id"], NUMBER, "Καλημέρα", "delivered"),
        (sent[1]["id"], NUMBER, "'=1+1", "delivered"),
    ]


def test_a_file_is_fetched_in_parts_named_in_greek_and_removed(keryx: Keryx) -> None:
    shop = keryx.shop()
    shop.send(to=NUMBER, text="Καλημέρα")
    job = shop.post("/exports", {"what": "messages", "format": "xlsx"}, 202)
    path = f"/exports/{job['id']}"
    eventually(lambda: shop.get(path)["state"] == "done", 20, 0.1, "the export")
    shown, file = shop.get(path), shop.get(f"{path}/file")
    assert (shown["rows"], shown["total"], shown["size"], shown["failure"]) == (1, 1, len(file), None)

    part = shop.http.get(f"/api/v1{path}/file", headers={"Range": "bytes=2-"})
    assert (part.status_code, part.content) == (206, file[2:])
    assert part.headers["Content-Disposition"].endswith(f"{quote('Μηνύματα')}-{job['id']}.xlsx")
    again = shop.http.get(f"/api/v1{path}/file", headers={"If-None-Match": part.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    behind = shop.http.get(f"/api/v1{path}/file", headers={"Range": f"bytes={len(file)}-"})
    assert (behind.status_code, behind.json()["code"]) == (416, "range_not_satisfiable")

    keryx.shop(0).ask("DELETE", path, 404)
    shop.ask("DELETE", path, 204)
    for gone in (path, f"{path}/file"):
        assert shop.get(gone, 404)["code"] == "unknown_export"


def test_what_is_another_s_is_not_there(keryx: Keryx) -> None:
    shop, stranger = keryx.shop(), keryx.shop(0)
    sent = shop.send(to=NUMBER, text="Καλημέρα")
    group = shop.group_of("6940000001")
    campaign = shop.draft({"group_ids": [group["id"]]})
    for path in (f"/messages/{sent['id']}", f"/groups/{group['id']}", f"/campaigns/{campaign}"):
        assert shop.get(path)["id"] == path.rpartition("/")[2]
        stranger.get(path, 404)
    assert stranger.get("/messages")["data"] == []
    shop.message(sent["id"], "delivered")
