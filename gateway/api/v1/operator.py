"""``/operator/…``: for keys with the scope operator."""

from __future__ import annotations

import base64
from typing import Any

from gateway import etag
from gateway.api.resource import CONDITIONAL, IDEMPOTENT, Resource, no_content
from gateway.clients import services
from gateway.download import XLSX, attachment
from gateway.paging import PageArgs, page_of
from gateway.request import idempotency_key
from gateway.upload import UPLOADED, uploaded

from .billing import with_texts
from .schemas import billing as money
from .schemas import operator as shapes

resource = Resource("operator", scope="operator", description="For who runs the installation")

SPENDER = "<string(maxlength=24):spender>"
MAX_PRICE_LIST = 2 * 1024 * 1024
CONNECTOR = "<string(maxlength=40):name>"


@resource.route("/operator/accounts", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(shapes.NewAccount)
@resource.response(201, shapes.CreatedAccount)
def create_account(data: dict[str, Any]) -> Any:
    """Make an account with a first user and a key; the key is shown this once."""
    return services().accounts.create_account(
        data["name"], data["email"], data["locale"], data["timezone"], idempotency_key()
    )


@resource.route("/operator/accounts")
@resource.arguments(PageArgs, location="query")
@resource.response(200, page_of(shapes.Account))
def list_accounts(args: dict[str, Any]) -> Any:
    """All accounts."""
    return services().accounts.list_accounts(**args)


@resource.route("/operator/accounts/<id:account_id>/keys", methods=["POST"])
@resource.arguments(shapes.NewApiKey)
@resource.response(201, shapes.CreatedApiKey)
def create_api_key(data: dict[str, Any], account_id: int) -> Any:
    """Make a key for an account; it is shown this once."""
    return services().accounts.create_api_key(account_id, data["name"], data["scopes"], data["expires_at"])


@resource.route("/operator/accounts/<id:account_id>/keys")
@resource.response(200, shapes.ApiKeys)
def list_api_keys(account_id: int) -> Any:
    """The keys of an account, without their secrets."""
    return services().accounts.list_api_keys(account_id)


@resource.route("/operator/accounts/<id:account_id>/keys/<id:key_id>", methods=["DELETE"])
@resource.response(204)
def revoke_api_key(account_id: int, key_id: int) -> Any:
    """Refuse a key from now on; it may work for five more seconds."""
    services().accounts.revoke_api_key(account_id, key_id)
    return no_content()


@resource.route("/operator/topups", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(shapes.NewTopup)
@resource.response(201, shapes.Topup)
def topup(data: dict[str, Any]) -> Any:
    """Add money to an account."""
    services().accounts.get_settings(data["account_id"])  # billing would open books for anybody
    booked = services().billing.topup(data["account_id"], data["amount"], data["reason"], idempotency_key())
    return {**data, **booked}


@resource.route("/operator/corrections", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(shapes.NewCorrection)
@resource.response(201, shapes.Correction)
def correct(data: dict[str, Any]) -> Any:
    """Put right what was booked wrongly: by a new entry, since history is never changed."""
    services().accounts.get_settings(data["account_id"])
    return {**data, **services().billing.correct(**data, idempotency_key=idempotency_key())}


@resource.route("/operator/accounts/<id:account_id>/credit")
@resource.response(200, shapes.Credit)
def get_credit(account_id: int) -> Any:
    """How far below zero an account may go, and where it stands."""
    services().accounts.get_settings(account_id)
    return etag.tagged(services().billing.credit(account_id))


@resource.route("/operator/accounts/<id:account_id>/credit", methods=["PUT"])
@resource.doc(**CONDITIONAL)
@resource.arguments(shapes.NewCreditLimit)
@resource.response(200, shapes.Credit)
def set_credit_limit(data: dict[str, Any], account_id: int) -> Any:
    """Let an account go below zero, down to its limit; "0.00" takes the credit away."""
    services().accounts.get_settings(account_id)
    return etag.tagged(
        services().billing.set_credit_limit(account_id, data["credit_limit"], etag.expected_version())
    )


@resource.route("/operator/accounts/<id:account_id>/spend-limits")
@resource.response(200, page_of(money.SpendLimit))
def list_spend_limits(account_id: int) -> Any:
    """What an account, its users and its keys may spend a day, and have today."""
    services().accounts.get_settings(account_id)
    return services().billing.spend_limits(account_id)


@resource.route(f"/operator/accounts/<id:account_id>/spend-limits/{SPENDER}", methods=["PUT"])
@resource.doc(**CONDITIONAL)
@resource.arguments(money.NewSpendLimit)
@resource.response(200, money.SpendLimit)
def set_spend_limit(data: dict[str, Any], account_id: int, spender: str) -> Any:
    """Let `account`, `key:<id>` or `user:<id>` spend so much a day, from now on."""
    services().accounts.get_settings(account_id)
    made = services().billing.set_spend_limit(account_id, spender, data["daily"], etag.expected_version())
    return etag.tagged(made)


@resource.route(f"/operator/accounts/<id:account_id>/spend-limits/{SPENDER}", methods=["DELETE"])
@resource.doc(**CONDITIONAL)
@resource.response(204)
def delete_spend_limit(account_id: int, spender: str) -> Any:
    """Take a spend limit away."""
    services().accounts.get_settings(account_id)
    services().billing.set_spend_limit(account_id, spender, None, etag.expected_version())
    return no_content()


@resource.route("/operator/accounts/<id:account_id>/balance")
@resource.response(200, money.Balance)
def account_balance(account_id: int) -> Any:
    """What an account may spend, what is held, how many messages it pays."""
    services().accounts.get_settings(account_id)
    return with_texts(services().billing.balance(account_id))


@resource.route("/operator/accounts/<id:account_id>/ledger")
@resource.arguments(money.LedgerArgs, location="query")
@resource.response(200, page_of(money.LedgerEntry))
def account_ledger(args: dict[str, Any], account_id: int) -> Any:
    """Every movement of an account's money, newest first."""
    services().accounts.get_settings(account_id)
    return services().billing.ledger(account_id, **args)


@resource.route("/operator/money/audit")
@resource.arguments(shapes.AuditArgs, location="query")
@resource.response(200, page_of(shapes.AuditLine))
def money_audit(args: dict[str, Any]) -> Any:
    """Who did what with money and prices, newest first."""
    return services().billing.audit(**args)


@resource.route("/operator/prices")
@resource.arguments(shapes.PriceListArgs, location="query")
@resource.response(200, money.Prices)
def list_prices(args: dict[str, Any]) -> Any:
    """The prices that hold now, for everybody or for one account."""
    return services().billing.list_prices(args["account_id"])


@resource.route("/operator/prices", methods=["POST"])
@resource.arguments(shapes.PricesToSet)
@resource.response(200, money.Prices)
def set_prices(data: dict[str, Any]) -> Any:
    """Set prices by prefix, from now or a later moment on; messages accepted before keep theirs."""
    rows = [[row["prefix"], row["price"]] for row in data["prices"]]
    services().billing.set_prices(data["price_class"], rows, data["account_id"], data["valid_from"])
    return services().billing.list_prices(data["account_id"])


@resource.route("/operator/prices/history")
@resource.arguments(shapes.PriceHistoryArgs, location="query")
@resource.response(200, page_of(shapes.PriceSaid))
def price_history(args: dict[str, Any]) -> Any:
    """Everything that was ever said in everybody's list or an account's own, newest first."""
    return services().billing.price_history(**args)


@resource.route("/operator/prices/import", methods=["POST"])
@resource.doc(requestBody=UPLOADED)
@resource.arguments(shapes.PriceImportArgs, location="query")
@resource.response(200, shapes.PriceImport)
def import_prices(args: dict[str, Any]) -> Any:
    """Take a price list over from .xlsx or .csv: all of it, or with 422 `price_list_refused` nothing.

    Columns: `price_class`; `prefix`, or `country` (two letters) and `network`; `price` in euro (`-` ends one);
    `valid_from` (empty: now).
    """
    if args["account_id"] is not None:
        services().accounts.get_settings(args["account_id"])
    return services().billing.import_prices(uploaded(MAX_PRICE_LIST), **args)


@resource.route("/operator/prices/export")
@resource.arguments(shapes.PriceListArgs, location="query")
@resource.response(200, content_type=XLSX, description="The list, as it can be imported again")
def export_prices(args: dict[str, Any]) -> Any:
    """The prices in force of everybody's list, or of an account's own, as .xlsx."""
    if args["account_id"] is not None:
        services().accounts.get_settings(args["account_id"])
    file = services().billing.export_prices(args["account_id"])
    return attachment(base64.b64decode(file["data_b64"]), "prices.xlsx", XLSX)


@resource.route("/operator/connectors", methods=["POST"])
@resource.arguments(shapes.NewConnector)
@resource.response(201, shapes.Connector)
def create_connector(data: dict[str, Any]) -> Any:
    """Add a connection to an operator's SMSC."""
    return etag.tagged(services().dispatcher.create_connector(data))


@resource.route("/operator/connectors")
@resource.response(200, page_of(shapes.Connector))
def list_connectors() -> Any:
    """All connectors with their state."""
    return services().dispatcher.list_connectors()


@resource.route(f"/operator/connectors/{CONNECTOR}")
@resource.response(200, shapes.Connector)
def get_connector(name: str) -> Any:
    """One connector: state, rates."""
    return etag.tagged(services().dispatcher.get_connector(name))


@resource.route(f"/operator/connectors/{CONNECTOR}", methods=["PATCH"])
@resource.doc(**CONDITIONAL)
@resource.arguments(shapes.ConnectorFields)
@resource.response(200, shapes.Connector)
def update_connector(changes: dict[str, Any], name: str) -> Any:
    """Change a connector; senders follow within seconds."""
    wanted = {**changes, "version": etag.expected_version()}
    return etag.tagged(services().dispatcher.update_connector(name, wanted))


@resource.route("/operator/routes", methods=["POST"])
@resource.arguments(shapes.NewRoute)
@resource.response(201, shapes.Route)
def create_route(data: dict[str, Any]) -> Any:
    """Say which connector carries what."""
    return services().dispatcher.create_route(data)


@resource.route("/operator/routes")
@resource.response(200, page_of(shapes.Route))
def list_routes() -> Any:
    """All routes."""
    return services().dispatcher.list_routes()


@resource.route("/operator/routes/<id:route_id>", methods=["DELETE"])
@resource.response(204)
def delete_route(route_id: int) -> Any:
    """Take a route away; what is queued keeps its connector."""
    services().dispatcher.delete_route(route_id)
    return no_content()


@resource.route("/operator/books")
@resource.response(200, shapes.Books)
def books() -> Any:
    """Whether the ledger sums to zero and every projection agrees with it."""
    return services().billing.books()


@resource.route("/operator/overview")
@resource.response(200, shapes.Overview)
def overview() -> Any:
    """What is queued, parked, open, waiting."""
    return services().dispatcher.overview()
