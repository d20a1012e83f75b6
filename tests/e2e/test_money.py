"""Money as an operator and a customer see it: what is quoted is billed, limits hold, the statement tells all of it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest

from deploy.local.demo.money import euro, micro
from tests.support.waiting import eventually

from .shop import PRICE, Keryx, Shop, numbers

pytestmark = pytest.mark.e2e

NUMBER = "306950000001"


def own_price(keryx: Keryx, shop: Shop, price: str) -> None:
    """A price of the account's own, from now on."""
    table = f"price_class;country;price\nnormal;GR;{price}\n".encode()
    path = f"/operator/prices/import?account_id={shop.id}"
    assert keryx.operator.ask("POST", path, files={"file": ("prices.csv", table)})["added"] == 1


def key_of(shop: Shop) -> str:
    """The name of the shop's key as a spender."""
    return f"key:{shop.get('/me')['key_id']}"


def limit(keryx: Keryx, shop: Shop, spender: str, daily: int) -> None:
    """Let a spender of the shop spend so much a day."""
    path = f"/operator/accounts/{shop.id}/spend-limits/{spender}"
    keryx.operator.ask("PUT", path, json={"daily": euro(daily)})


def entries(shop: Shop, **filters: Any) -> list[dict[str, Any]]:
    """The shop's ledger, newest first."""
    found: list[dict[str, Any]] = shop.get("/ledger", **filters)["data"]
    return found


def test_what_is_quoted_is_billed_at_the_accounts_own_price(keryx: Keryx) -> None:
    shop = keryx.shop()
    own_price(keryx, shop, "0,0317")
    text = "Ωραία μέρα για έναν καφέ στην πλατεία. " * 3
    quoted = shop.post("/quote", {"items": [{"to": NUMBER, "text": text}]})

    sent = shop.send(to=NUMBER, text=text)

    assert (sent["price"], quoted["total_text"]) == (quoted["total"], "0,0634 €")
    shop.message(sent["id"], "delivered")
    eventually(lambda: shop.money() == (micro("100.00") - micro(quoted["total"]), 0), 10, 0.1, "billed")


def workbook(**cells: Any) -> bytes:
    """An .xlsx with these cells."""
    book, file = openpyxl.Workbook(), io.BytesIO()
    for place, value in cells.items():
        book.worksheets[0][place] = value
    book.save(file)
    return file.getvalue()


def test_a_price_list_that_ends_whoever_reads_it_is_refused_and_billing_goes_on(keryx: Keryx) -> None:
    shop = keryx.shop()
    path = f"/operator/prices/import?account_id={shop.id}"
    hostile = {"file": ("prices.xlsx", workbook(A1="price_class", XFD1048576=1))}
    good = {"A1": "price_class", "B1": "prefix", "C1": "price", "A2": "normal", "B2": 30, "C2": 0.03}

    refused = [keryx.operator.ask("POST", path, 422, files=hostile)["code"] for _ in range(2)]

    assert refused == ["file_unreadable"] * 2
    assert keryx.operator.ask("POST", path, files={"file": ("prices.xlsx", workbook(**good))})["added"] == 1
    assert shop.post("/quote", {"items": [{"to": NUMBER, "text": "a"}]})["total"] == "0.03"


def test_a_campaign_keeps_the_prices_it_started_with(keryx: Keryx) -> None:
    shop = keryx.shop()
    own_price(keryx, shop, "0,03")
    keryx.connector(parts_per_second=20)
    try:
        campaign = shop.draft({"numbers": numbers(60)})
        shop.start(campaign)
        shop.until(campaign, lambda found: found["counts"]["submitted"] > 0, what="the first has left")
        own_price(keryx, shop, "0,09")
        shop.finished(campaign)
    finally:
        keryx.connector(parts_per_second=None)

    billed = {"held": "0.00", "captured": euro(60 * micro("0.03")), "released": "0.00"}
    shop.until(campaign, lambda found: found["money"] == billed, what="billed")


def test_a_spend_limit_stops_single_messages_until_the_next_day(keryx: Keryx) -> None:
    shop = keryx.shop()
    limit(keryx, shop, key_of(shop), 2 * PRICE)
    for _ in range(2):
        shop.send(to=NUMBER, text="α")

    refused = shop.http.post("/api/v1/messages", json={"to": NUMBER, "text": "α"})

    assert (refused.status_code, refused.json()["code"]) == (429, "spend_limit_reached")
    until = datetime.fromisoformat(refused.json()["errors"][0]["detail"])
    left = (until - datetime.now(UTC)).total_seconds()
    assert abs(int(refused.headers["Retry-After"]) - left) < 60
    (shown,) = shop.get("/spend-limits")["data"]
    assert shown["spent"] == shown["daily"] == euro(2 * PRICE)


def test_what_the_operator_refused_can_be_spent_again(keryx: Keryx) -> None:
    shop = keryx.shop()
    limit(keryx, shop, "account", PRICE)
    keryx.smsc.faults(errors={"ESME_RINVDSTADR": 1.0}, error_times=100)
    shop.message(shop.send(to=NUMBER, text="α")["id"], "rejected")
    keryx.smsc.faults(preset="calm", seed=1)
    eventually(lambda: shop.money()[1] == 0, 10, 0.1, "the money back")

    shop.message(shop.send(to=NUMBER, text="α")["id"], "delivered")
    assert shop.send(429, to=NUMBER, text="α")["code"] == "spend_limit_reached"


def test_a_campaign_beyond_the_limit_does_not_start_and_one_that_grew_is_paused(keryx: Keryx) -> None:
    shop = keryx.shop()
    spender = key_of(shop)
    limit(keryx, shop, spender, 10 * PRICE)
    campaign = shop.draft({"numbers": numbers(11)})
    assert shop.post(f"/campaigns/{campaign}/start", None, 429)["code"] == "spend_limit_reached"
    limit(keryx, shop, spender, 11 * PRICE)
    shop.start(campaign)
    shop.finished(campaign)

    limit(keryx, shop, spender, 15 * PRICE)
    grown = shop.draft({"numbers": numbers(5)})
    shop.post(f"/campaigns/{grown}/schedule", {"at": "2090-01-01T00:00:00Z"})
    limit(keryx, shop, spender, 5 * PRICE - 1)
    refused = shop.post(f"/campaigns/{grown}/schedule", {"at": "2090-01-01T00:00:00Z"}, 429)
    assert (refused["code"], "0.225" in refused["detail"]) == ("spend_limit_reached", 5 * PRICE == 225_000)
    limit(keryx, shop, spender, 15 * PRICE)
    soon = datetime.now(UTC).timestamp() + 2
    at = datetime.fromtimestamp(soon, UTC).isoformat()
    warned = shop.post(f"/campaigns/{grown}/schedule", {"at": at})["warnings"]
    assert [warning["code"] for warning in warned] == ["spend_limit_reached"]
    paused = shop.until(grown, lambda found: found["state"] == "paused", what="paused by its limit")
    assert paused["pause_reason"] == "spend_limit_reached"
    assert shop.money()[0] == micro("100.00") - 11 * PRICE


def test_credit_is_spent_and_a_correction_is_a_new_entry(keryx: Keryx) -> None:
    shop = keryx.shop(0)
    credit = f"/operator/accounts/{shop.id}/credit"
    keryx.operator.ask("PUT", credit, json={"credit_limit": euro(2 * PRICE)})
    for _ in range(2):
        shop.message(shop.send(to=NUMBER, text="α")["id"], "delivered")
    assert shop.send(402, to=NUMBER, text="α")["code"] == "insufficient_funds"
    assert shop.get("/balance")["available"] == euro(-2 * PRICE)

    body = {"account_id": shop.id, "amount": euro(2 * PRICE), "reason": "a gift"}
    keryx.operator.post("/operator/corrections", body, 201)

    eventually(lambda: shop.money() == (0, 0), 10, 0.1, "settled")
    (correction,) = entries(shop, kind="correction")
    assert correction["reason"] == "a gift"
    assert keryx.operator.get("/operator/books")["right"]


def test_the_statement_is_the_file_and_the_balance(keryx: Keryx) -> None:
    shop = keryx.shop()
    for _ in range(3):
        shop.message(shop.send(to=NUMBER, text="α")["id"], "delivered")
    eventually(lambda: shop.money()[1] == 0, 10, 0.1, "settled")
    holds, rows = exported(shop, kind="hold"), exported(shop)

    assert [row["kind"] for row in holds] == ["hold"] * 3
    assert [str(int(row["id"])) for row in rows] == [entry["id"] for entry in entries(shop, limit=500)]
    assert round(sum(row["available"] for row in rows) * 1_000_000) == shop.money()[0]
    assert (
        shop.post("/exports", {"what": "ledger", "filter": {"sender": "X"}}, 422)["code"] == "invalid_fields"
    )


def exported(shop: Shop, **filters: Any) -> list[dict[str, Any]]:
    """The rows of the ledger's file."""
    job = shop.post("/exports", {"what": "ledger", "filter": filters}, 202)
    eventually(lambda: shop.get(f"/exports/{job['id']}")["state"] == "done", 20, 0.1, "the file")
    book = openpyxl.load_workbook(io.BytesIO(shop.get(f"/exports/{job['id']}/file")))
    header, *rows = book.worksheets[0].iter_rows(values_only=True)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def test_a_schedule_that_the_balance_cannot_pay_yet_is_told_and_stands(keryx: Keryx) -> None:
    shop = keryx.shop(4 * PRICE)
    campaign = shop.draft({"numbers": numbers(5)})
    later = {"at": "2090-01-01T00:00:00Z"}
    told = shop.post(f"/campaigns/{campaign}/schedule", later)
    assert (told["state"], [warning["code"] for warning in told["warnings"]]) == (
        "scheduled",
        ["insufficient_funds"],
    )
    shop.ask("PATCH", f"/campaigns/{campaign}", 200, json={"audience": {"numbers": numbers(4)}})
    assert shop.post(f"/campaigns/{campaign}/schedule", later)["warnings"] == []
