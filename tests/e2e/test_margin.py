"""The operator's margin, from a purchase to the report: revenue is what was captured, cost is parts times cost."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import uuid4

import openpyxl
import pytest

from deploy.local.demo.money import euro, micro
from simulators.payer import Till
from tests.support.waiting import eventually

from .shop import CONNECTOR, PRICE, WINDOW, Keryx, Shop, numbers

pytestmark = pytest.mark.e2e

GERMAN = "4915900000001"
COST = {CONNECTOR: micro("0.0285"), "other": micro("0.031")}


def switch(keryx: Keryx, name: str, on: bool) -> None:
    """Switch a connector on or off, and wait until it is."""
    path = f"/operator/connectors/{name}"
    keryx.operator.ask("PATCH", path, json={"enabled": on})
    state = "up" if on else "down"
    eventually(lambda: keryx.operator.get(path)["state"] == state, 30, 0.1, f"{name} {state}")


@contextmanager
def carried_by_another(keryx: Keryx) -> Iterator[str]:
    """The name of a second connector that takes the place of the first for German numbers.

    One at a time: both have the simulator's only login, and it sends receipts to any bind of a login.
    """
    name = f"other-{uuid4().hex[:8]}"
    login = {"host": keryx.smsc.host, "port": keryx.smsc.port}
    login |= {"system_id": keryx.smsc.system_id, "password": keryx.smsc.password}
    wanted = {"price_class": "normal", "prefix": GERMAN[:7], "connector": name}
    switch(keryx, CONNECTOR, on=False)
    try:
        keryx.operator.post(
            "/operator/connectors", {"name": name, "window": WINDOW, "enabled": False, **login}, 201
        )
        route = keryx.operator.post("/operator/routes", wanted, 201)
        switch(keryx, name, on=True)
        yield name
        keryx.operator.ask("DELETE", f"/operator/routes/{route['id']}", 204)
        switch(keryx, name, on=False)
    finally:
        switch(keryx, CONNECTOR, on=True)


def bought(keryx: Keryx, viva: str) -> Shop:
    """A shop that paid for its credit."""
    shop = keryx.shop(money=0)
    order = shop.post("/orders", {"amount": "10.00", "method": "viva"}, 201)
    Till(viva).click(order["pay_url"], "pay")
    eventually(lambda: shop.get(f"/orders/{order['id']}")["state"] == "paid", 20, 0.1, "the order paid")
    return shop


def set_cost(keryx: Keryx, connector: str, prefix: str, cost: int) -> None:
    """A cost that counts for the days before as well: sales of midnight are not without one."""
    body = {
        "connector": connector,
        "costs": [{"prefix": prefix, "cost": euro(cost)}],
        "valid_from": "2020-01-01",
    }
    assert keryx.operator.post("/operator/costs", body)["changed"] in (0, 1)


def margin(keryx: Keryx, shop: Shop, by: str, began: str) -> dict[str, Any]:
    found: dict[str, Any] = keryx.operator.get(
        "/operator/margin", **{"account_id": shop.id, "by": by, "from": began}
    )
    return found


def test_a_purchase_becomes_messages_over_two_connectors_and_a_margin(
    keryx: Keryx, told: dict[str, str]
) -> None:
    shop = bought(keryx, told["KERYX_VIVA_URL"])
    began = keryx.operator.get("/operator/margin")["until"]
    set_cost(keryx, CONNECTOR, "30", COST[CONNECTOR])
    campaign = shop.draft({"numbers": numbers(5)})
    shop.start(campaign)
    shop.finished(campaign)
    with carried_by_another(keryx) as other:
        sent = shop.send(to=GERMAN, text="Γεια")
        shop.message(sent["id"], "delivered")
    eventually(lambda: shop.money()[1] == 0, 20, 0.1, "settled")
    german = micro(sent["price"])
    captured = 5 * PRICE + german
    assert shop.money()[0] == micro("10.00") - captured

    before = margin(keryx, shop, "connector", began)
    assert before["totals"]["parts_without_cost"] == 1
    assert (before["totals"]["complete"], before["totals"]["revenue"]) == (False, euro(captured))
    set_cost(keryx, other, "", COST["other"])

    totals = {"parts": 6, "revenue": euro(captured), "cost": euro(5 * COST[CONNECTOR] + COST["other"])}
    for by in ("connector", "account", "destination", "day"):
        found = margin(keryx, shop, by, began)
        assert {name: found["totals"][name] for name in totals} == totals, by
        assert found["totals"]["complete"], by
        assert sum(micro(row["revenue"]) for row in found["data"]) == captured, by
        assert sum(row["parts"] for row in found["data"]) == 6, by

    rows = {row["connector"]: row for row in margin(keryx, shop, "connector", began)["data"]}
    assert (rows[CONNECTOR]["parts"], rows[CONNECTOR]["cost"]) == (5, euro(5 * COST[CONNECTOR]))
    assert rows[CONNECTOR]["margin"] == euro(5 * (PRICE - COST[CONNECTOR]))
    assert rows[CONNECTOR]["margin_percent"] == "36.67"
    assert (rows[other]["revenue"], rows[other]["margin"]) == (
        euro(german),
        euro(german - COST["other"]),
    )
    places = {row["destination"]: row["country"] for row in margin(keryx, shop, "destination", began)["data"]}
    assert places == {"30694": "GR", GERMAN[:5]: "DE"}
    (mine,) = margin(keryx, shop, "account", began)["data"]
    assert mine["account_id"] == shop.id
    assert all(date.fromisoformat(row["day"]) for row in margin(keryx, shop, "day", began)["data"])
    assert file_total(keryx, shop, began) == (6, captured)
    assert keryx.operator.get("/operator/books")["sales_match"]


def file_total(keryx: Keryx, shop: Shop, began: str) -> tuple[int, int]:
    """(parts, revenue) in the last row of the workbook."""
    query = {"account_id": shop.id, "from": began}
    book = openpyxl.load_workbook(io.BytesIO(keryx.operator.get("/operator/margin.xlsx", **query)))
    header, *rows = book.worksheets[0].iter_rows(values_only=True)
    total = dict(zip(map(str, header), rows[-1], strict=True))
    return int(str(total["parts"])), round(float(str(total["revenue"])) * 1_000_000)
