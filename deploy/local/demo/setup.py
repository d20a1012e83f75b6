"""Step 1 and 2: what the operator sets up, the shop's account, and how the simulated operator behaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from .api import Api, Refused
from .waiting import Deadline

CONNECTOR = "sim"
WINDOW = 200
SHOP = "Καφεκοπτείο Ερμής"
SENDER = "ERMIS"
LOW_LEVEL = "50.00"
LABELS = ("Πόλη", "Πόντοι", "Τελευταία επίσκεψη", "Κουπόνι")
ROUTES = tuple((price_class, prefix) for price_class in ("normal", "low") for prefix in ("30", ""))


@dataclass(frozen=True)
class Account:
    """The shop: made anew for every run, so that every figure is of this run alone."""

    id: str
    name: str
    client: Api
    low_balance_email: str


def connect(
    operator: Api, host: str, port: int, system_id: str, password: str, deadline: Deadline
) -> dict[str, Any]:
    """Have the connector and its routes as wanted, whatever was there before; returns it once it is bound."""
    wanted = {
        "host": host,
        "port": port,
        "system_id": system_id,
        "password": password,
        "window": WINDOW,
        "enabled": True,
    }
    known = {connector["name"] for connector in operator.get("/operator/connectors")["data"]}
    if CONNECTOR in known:
        operator.patch(f"/operator/connectors/{CONNECTOR}", wanted)
    else:
        operator.post("/operator/connectors", {"name": CONNECTOR, **wanted})
    _route(operator)
    return deadline.wait(lambda: _bound(operator), f"connector {CONNECTOR} bound")


def _route(operator: Api) -> None:
    rows = operator.get("/operator/routes")["data"]
    known = {(row["price_class"], row["prefix"]) for row in rows if row["connector"] == CONNECTOR}
    for price_class, prefix in ROUTES:
        if (price_class, prefix) not in known:
            operator.post(
                "/operator/routes", {"price_class": price_class, "prefix": prefix, "connector": CONNECTOR}
            )


def _bound(operator: Api) -> dict[str, Any] | None:
    connector: dict[str, Any] = operator.get(f"/operator/connectors/{CONNECTOR}")
    return connector if connector["state"] == "up" else None


def open_account(operator: Api, url: str) -> Account:
    """A new account with its settings. Raises Refused when a setting did not come back as it was set."""
    mark = uuid4().hex[:8]
    made = operator.post("/operator/accounts", {"name": SHOP, "email": f"demo-{mark}@example.gr"})
    client = Api(url, made["api_key"])
    email = f"logistirio-{mark}@example.gr"
    wanted = {
        "default_sender": SENDER,
        "custom_labels": list(LABELS),
        "low_balance": {"level": LOW_LEVEL, "emails": [email]},
    }
    stored = client.patch("/settings", wanted)
    if {name: stored[name] for name in wanted} != wanted:
        raise Refused(f"PATCH /settings: stored as {stored}")
    return Account(made["account_id"], SHOP, client, email)
