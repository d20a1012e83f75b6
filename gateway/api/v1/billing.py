"""``/balance``, ``/ledger``, ``/prices``, ``/quote``."""

from __future__ import annotations

from typing import Any

from gateway import auth
from gateway.api.resource import Resource
from gateway.clients import services
from gateway.localised import shown
from gateway.paging import page_of
from gateway.segmenting import segmented

from .schemas.billing import Balance, LedgerArgs, LedgerEntry, PriceArgs, Prices, Quote, QuoteArgs, SpendLimit

resource = Resource("billing", description="Balance, ledger, prices")

CURRENCY = "EUR"


@resource.route("/balance")
@resource.response(200, Balance)
def balance() -> Any:
    """What may be spent, what is held, how many messages it pays."""
    return with_texts(services().billing.balance(auth.account_id()))


def with_texts(balance: dict[str, Any]) -> dict[str, Any]:
    """A balance with its amounts for people."""
    return balance | {f"{name}_text": shown(balance[name]) for name in ("available", "held")}


@resource.route("/ledger")
@resource.arguments(LedgerArgs, location="query")
@resource.response(200, page_of(LedgerEntry))
def ledger(args: dict[str, Any]) -> Any:
    """Every movement of the account's money, newest first."""
    return services().billing.ledger(auth.account_id(), **args)


@resource.route("/spend-limits")
@resource.response(200, page_of(SpendLimit))
def spend_limits() -> Any:
    """What the account, its users and its keys may spend a day, and have today."""
    return services().billing.spend_limits(auth.account_id())


@resource.route("/prices")
@resource.arguments(PriceArgs, location="query")
@resource.response(200, Prices)
def prices(args: dict[str, Any]) -> Any:
    """The prices that hold for this account now."""
    found = services().billing.list_prices(auth.account_id())
    wanted = args.get("price_class")
    rows = [
        row | {"price_text": shown(row["price"])}
        for row in found["data"]
        if wanted in (None, row["price_class"])
    ]
    return {**found, "data": rows}


@resource.route("/quote", methods=["POST"])
@resource.arguments(QuoteArgs)
@resource.response(200, Quote)
def quote(data: dict[str, Any]) -> Any:
    """What messages would cost, without sending them."""
    price_class = data.get("price_class") or auth.identity().settings["price_class"]
    items = [_priced_item(index, item) for index, item in enumerate(data["items"])]
    found = services().billing.quote(auth.account_id(), price_class, items)
    priced = [
        {"to": msisdn, "parts": parts, "price": price}
        for (msisdn, parts), price in zip(items, found["prices"], strict=True)
    ]
    total = {"total": found["total"], "total_text": shown(found["total"])}
    return {"price_class": price_class, "currency": CURRENCY, **total, "items": priced}


def _priced_item(index: int, item: dict[str, Any]) -> list[Any]:
    if "parts" in item:
        return [item["to"], item["parts"]]
    return [item["to"], segmented(item["text"], item["encoding"], f"/items/{index}/text").parts]
