"""``/balance``, ``/ledger``, ``/prices``, ``/quote``."""

from __future__ import annotations

from typing import Any

from gateway import auth
from gateway.api.resource import Resource
from gateway.clients import services
from gateway.paging import page_of
from gateway.segmenting import segmented

from .schemas.billing import Balance, LedgerArgs, LedgerEntry, PriceArgs, Prices, Quote, QuoteArgs, SpendLimit

resource = Resource("billing", description="Balance, ledger, prices")

CURRENCY = "EUR"


@resource.route("/balance")
@resource.response(200, Balance)
def balance() -> Any:
    """What may be spent, what is held, how many messages it pays."""
    return services().billing.balance(auth.account_id())


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
    rows = [row for row in found["data"] if wanted in (None, row["price_class"])]
    return {**found, "data": rows}


@resource.route("/quote", methods=["POST"])
@resource.arguments(QuoteArgs)
@resource.response(200, Quote)
def quote(data: dict[str, Any]) -> Any:
    """What messages would cost, without sending them."""
    price_class = data.get("price_class") or auth.identity().settings["price_class"]
    items = [_priced_item(index, item) for index, item in enumerate(data["items"])]
    found = services().billing.quote(auth.account_id(), price_class, items)
    shown = [
        {"to": msisdn, "parts": parts, "price": price}
        for (msisdn, parts), price in zip(items, found["prices"], strict=True)
    ]
    return {"price_class": price_class, "currency": CURRENCY, "total": found["total"], "items": shown}


def _priced_item(index: int, item: dict[str, Any]) -> list[Any]:
    if "parts" in item:
        return [item["to"], item["parts"]]
    return [item["to"], segmented(item["text"], item["encoding"], f"/items/{index}/text").parts]
