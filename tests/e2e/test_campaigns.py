"""Campaigns as customers run them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from openpyxl import Workbook

from deploy.local.demo.money import euro, micro
from tests.support.waiting import eventually

from .shop import PRICE, WINDOW, Keryx, numbers

pytestmark = pytest.mark.e2e

SLOW = {"latency_ms": {"min": 100, "max": 100}}  # with our window, 200 messages a second


def workbook(*rows: tuple[object, ...]) -> bytes:
    """An Excel file."""
    book = Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def test_an_excel_file_becomes_a_personalised_campaign_that_is_delivered(keryx: Keryx) -> None:
    shop = keryx.shop(custom_labels=["Κουπόνι", "", "", ""])
    file = workbook(
        ("Όνομα", "Κινητό", "Κουπόνι"),
        ("Νίκος", "694 000 0001", "Α1"),
        ("Μαρία", "+306940000002", "Α2"),
        ("Νίκος", "6940000001", "Α3"),
        ("Γιώργος", "δεν έχει", "Α4"),
    )
    job = shop.ask("POST", "/imports", 201, files={"file": ("πελάτες.xlsx", file)})
    assert {name: column["header"] for name, column in job["mapping"].items()} == {
        "first_name": "Όνομα", "number": "Κινητό", "custom1": "Κουπόνι",
    }  # fmt: skip
    group = shop.post("/groups", {"name": "Πελάτες"}, 201)
    done = shop.commit(job, group["id"])
    assert done["counts"] == {"rows": 4, "accepted": 2, "updated": 0, "duplicates": 1, "rejected": 1}

    text = "Γεια σου {%firstname:klitiki|φίλε}, κουπόνι {%Κουπόνι}"
    campaign = shop.draft({"group_ids": [group["id"]]}, text)
    assert shop.get(f"/campaigns/{campaign}/preflight")["recipients"] == 2
    shop.start(campaign)
    finished = shop.finished(campaign)
    assert (finished["counts"]["delivered"], finished["recipients"]) == (2, 2)
    assert {message.destination: message.text for message in keryx.smsc.messages()} == {
        "306940000001": "Γεια σου Νίκο, κουπόνι Α1",
        "306940000002": "Γεια σου Μαρία, κουπόνι Α2",
    }
    captured = euro(2 * PRICE)
    shop.until(campaign, lambda c: c["money"]["captured"] == captured, what="billed")


def test_a_scheduled_campaign_starts_at_its_time_and_not_before(keryx: Keryx) -> None:
    shop = keryx.shop()
    campaign = shop.draft({"numbers": numbers(3)})
    due = datetime.now(UTC) + timedelta(seconds=2)
    assert shop.post(f"/campaigns/{campaign}/schedule", {"at": due.isoformat()})["state"] == "scheduled"
    shop.finished(campaign)
    assert min(line["time"] for line in keryx.smsc.received()) >= due.timestamp()


def test_a_pause_stops_it_a_resume_goes_on_and_a_cancel_gives_the_money_back(keryx: Keryx) -> None:
    everybody = 2_000
    shop = keryx.shop(everybody * PRICE)
    keryx.smsc.faults(**SLOW)
    campaign = shop.draft({"numbers": numbers(everybody)})
    shop.start(campaign)
    keryx.smsc.wait(rok=100)
    assert shop.post(f"/campaigns/{campaign}/pause")["state"] == "paused"
    paused_at = time.time() + 1  # what was in the window may still go
    eventually(lambda: keryx.smsc.stats()["rok_waiting"] == 0 and time.time() > paused_at + 1, 10, 0.1)
    sent = sorted(line["time"] for line in keryx.smsc.received())
    assert sent[-1] <= paused_at
    assert len(sent) < everybody / 2

    assert shop.post(f"/campaigns/{campaign}/resume")["state"] == "running"
    keryx.smsc.wait(rok=len(sent) + 100)
    assert shop.post(f"/campaigns/{campaign}/cancel")["state"] == "cancelled"
    ended = shop.until(
        campaign, lambda c: micro(c["money"]["held"]) == 0 and c["finished_at"], what="all settled"
    )
    taken = keryx.smsc.stats()["rok"]
    assert keryx.smsc.stats()["distinct"] == taken < everybody
    assert micro(ended["money"]["captured"]) == taken * PRICE
    assert shop.money() == ((everybody - taken) * PRICE, 0)


def test_who_opts_out_while_it_is_sent_gets_nothing_and_is_not_paid_for(keryx: Keryx) -> None:
    *everybody, one_more = numbers(601)
    late = everybody[-50:]
    shop = keryx.shop((len(everybody) + 100) * PRICE)
    keryx.smsc.faults(**SLOW)
    campaign = shop.draft({"numbers": everybody})
    shop.start(campaign)
    shop.until(campaign, lambda c: c["counts"]["accepted"] == len(everybody), what="all accepted")
    keryx.smsc.wait(rok=100)
    keryx.smsc.faults(latency_ms={"min": 2_000, "max": 2_000})  # ten a second: the last are far away
    shop.post("/blacklist", {"numbers": [*late, one_more]})
    through = shop.blocked(one_more)  # told together, so those of the campaign are known too
    keryx.smsc.faults(preset="calm")
    finished = shop.finished(campaign)
    assert finished["counts"]["blocked"] == len(late)
    assert not {line["to"] for line in keryx.smsc.received()} & set(late)
    shop.settled((len(late) + 100 - through) * PRICE)


def test_who_is_on_the_blacklist_is_left_out_and_counted(keryx: Keryx) -> None:
    shop = keryx.shop()
    shop.post("/blacklist", {"numbers": ["+30 694 000 0001"]})
    campaign = shop.draft({"numbers": [*numbers(3), "6940000002"]})
    shop.start(campaign)
    finished = shop.finished(campaign)
    assert [finished[name] for name in ("recipients", "duplicates", "suppressed")] == [2, 1, 1]
    assert {line["to"] for line in keryx.smsc.received()} == {"306940000000", "306940000002"}


def test_without_money_it_pauses_and_after_a_top_up_it_is_finished(keryx: Keryx) -> None:
    shop = keryx.shop(500 * PRICE)
    campaign = shop.draft({"numbers": numbers(1_200)})
    shop.start(campaign)
    paused = shop.until(campaign, lambda c: c["state"] == "paused", what="paused for want of money")
    assert paused["pause_reason"] == "insufficient_funds"
    shop.top_up(700 * PRICE)
    shop.post(f"/campaigns/{campaign}/resume")
    finished = shop.finished(campaign)
    assert finished["counts"]["delivered"] == 1_200
    assert keryx.smsc.stats()["distinct"] == keryx.smsc.stats()["rok"] == 1_200
    shop.settled(0)


def test_what_operators_report_is_what_the_campaign_counts(keryx: Keryx) -> None:
    shop = keryx.shop()
    keryx.smsc.faults(preset="operator", seed=3, receipts={"delay_ms": {"min": 0, "max": 200}})
    campaign = shop.draft({"numbers": numbers(400)}, "Πολύ μεγάλο μήνυμα " * 6)
    shop.start(campaign)
    counts = shop.finished(campaign)["counts"]
    assert counts["submitted"] == 400
    assert counts["delivered"] + counts["undelivered"] + counts["expired"] + counts["rejected"] == 400
    assert counts["undelivered"] > 0
    stats = keryx.smsc.stats()
    assert (stats["rok"], stats["distinct"], stats["duplicates"]) == (800, 400, 0)


def test_a_connector_that_is_changed_while_it_sends_loses_nothing_and_doubts_nothing(keryx: Keryx) -> None:
    shop = keryx.shop()
    keryx.smsc.faults(**SLOW)
    campaign = shop.draft({"numbers": numbers(600)})
    shop.start(campaign)
    keryx.smsc.wait(rok=50)
    keryx.connector(window=WINDOW + 1)
    counts = shop.finished(campaign)["counts"]
    assert (counts["delivered"], counts["uncertain"]) == (600, 0)
    assert keryx.smsc.stats()["duplicates"] == 0
    keryx.connector(window=WINDOW)


@pytest.mark.parametrize("process", ["sender", "expander", "acceptor", "relay-dispatcher", "relay-campaigns"])
def test_a_killed_process_costs_nobody_a_message_or_a_cent(keryx: Keryx, process: str) -> None:
    everybody = 1_500
    shop = keryx.shop(everybody * PRICE)
    keryx.smsc.faults(latency_ms={"min": 20, "max": 20})
    campaign = shop.draft({"numbers": numbers(everybody)})
    shop.start(campaign)
    keryx.smsc.wait(rok=200)
    keryx.kill(process)
    counts = shop.finished(campaign, 60)["counts"]
    assert counts["delivered"] + counts["uncertain"] == everybody
    assert counts["uncertain"] <= (WINDOW if process == "sender" else 0)
    stats = keryx.smsc.stats()
    assert stats["duplicates"] == 0
    # What the operator took and could not answer any more is proven by its receipt.
    assert stats["distinct"] + stats["rok_lost"] >= everybody - counts["uncertain"]
    eventually(lambda: sum(shop.money()) == counts["uncertain"] * PRICE, 10, 0.1, "the books right")


def test_a_template_is_used_again_by_its_id(keryx: Keryx) -> None:
    shop = keryx.shop(custom_labels=["Κουπόνι", "", "", ""])
    text = "Γεια σου {%firstname:klitiki|φίλε}, κουπόνι {%Κουπόνι|ERMIS}"
    key = {"Idempotency-Key": "spring"}
    wanted = {"name": "Άνοιξη", "text": text, "encoding": "gsm", "sender": "SPRING"}
    made = shop.ask("POST", "/templates", 201, json=wanted, headers=key)
    assert shop.ask("POST", "/templates", 201, json=wanted, headers=key) == made
    assert (made["segment"]["encoding"], made["segment"]["parts"]) == ("gsm", 1)
    taken = shop.ask("POST", "/templates", 409, json={"name": "ΑΝΟΙΞΗ", "text": "x"})
    assert taken["code"] == "template_name_taken"
    refused = shop.ask("POST", "/templates", 422, json={"name": "b", "text": "Γεια {%Πόλη}"})
    assert (refused["errors"][0]["pointer"], "Πόλη" in refused["errors"][0]["detail"]) == ("/text", True)

    audience = {"numbers": ["6940000001"]}
    campaign = shop.post("/campaigns", {"template_id": made["id"], "audience": audience}, 201)
    assert (campaign["template_id"], campaign["name"], campaign["sender"]) == (made["id"], "Άνοιξη", "SPRING")
    shop.start(campaign["id"])
    shop.finished(campaign["id"])
    [message] = keryx.smsc.messages()
    assert (message.source, message.text) == ("SPRING", "ΓEIA ΣOY ΦIΛE, KOYΠONI ERMIS")

    [listed] = shop.get("/templates?search=ανοιξη&sort=-last_used")["data"]
    assert listed["last_used_at"] is not None
    stale = shop.ask(
        "PATCH", f"/templates/{made['id']}", 412, json={"text": "x"}, headers={"If-Match": '"7"'}
    )
    assert stale["current"]["text"] == text
    changed = shop.ask(
        "PATCH", f"/templates/{made['id']}", 200, json={"text": "Νέο"}, headers={"If-Match": '"1"'}
    )
    assert changed["text"] == "Νέο"
    shop.ask("DELETE", f"/templates/{made['id']}", 204)
    assert shop.ask("GET", f"/templates/{made['id']}", 404)["code"] == "unknown_template"
    assert shop.campaign(campaign["id"])["template_id"] == made["id"]
    missing = shop.ask("POST", "/campaigns", 422, json={"audience": audience})
    assert [error["pointer"] for error in missing["errors"]] == ["/name", "/text"]


def test_a_schedule_is_in_the_accounts_time_and_can_be_moved_and_taken_back(keryx: Keryx) -> None:
    shop = keryx.shop()
    campaign = shop.draft({"numbers": numbers(1)})
    path = f"/campaigns/{campaign}/schedule"
    assert shop.post(path, {"at": "2099-07-01T10:00"})["scheduled_at"] == "2099-07-01T07:00:00.000Z"
    for at, code in (("2099-03-29T03:30", "no_such_time"), ("2099-10-25T03:30", "ambiguous_time")):
        [error] = shop.post(path, {"at": at}, 422)["errors"]
        assert (error["pointer"], error["code"]) == ("/at", code)
    assert shop.post(path, {"at": "2099-10-25T03:30:00+02:00"})["scheduled_at"] == "2099-10-25T01:30:00.000Z"
    moved = shop.ask("PATCH", f"/campaigns/{campaign}", 200, json={"scheduled_at": "2099-12-24T10:00"})
    assert (moved["state"], moved["scheduled_at"]) == ("scheduled", "2099-12-24T08:00:00.000Z")
    draft = shop.post(f"/campaigns/{campaign}/unschedule")
    assert (draft["state"], draft["scheduled_at"]) == ("draft", None)
    shop.start(campaign)
    shop.finished(campaign)
    assert shop.post(f"/campaigns/{campaign}/unschedule", None, 409)["code"] == "wrong_state"
