"""The operator's side: accounts, money in, prices, connectors, routes."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from gateway.fields import Id, Money, SignedMoney, Time
from gateway.paging import PageArgs

from .common import PRICE_CLASSES, string

SCOPES = ("client", "operator")
BINDS = ("transceiver", "transmitter", "receiver")
PREFIX = validate.Regexp(r"\A[1-9][0-9]{0,14}\Z", error="Not a valid prefix: 1 to 15 digits are expected.")
ROUTE_PREFIX = validate.Regexp(r"\A([1-9][0-9]{0,14})?\Z", error="Not a valid prefix: up to 15 digits.")
NAME = validate.Regexp(r"\A[a-z0-9][a-z0-9_-]{0,39}\Z", error="Not a valid name: up to 40 of a-z 0-9 - _.")


class NewAccount(Schema):
    """An account with its first user."""

    name = string(100, 1, required=True)
    email = fields.Email(required=True)
    locale = fields.String(load_default="el", validate=validate.OneOf(("el", "en")))
    timezone = string(64, 1, load_default="Europe/Athens")


class CreatedAccount(Schema):
    """A new account and the only sight of its key (null when the request was a repeated one)."""

    account_id = Id()
    key_id = Id()
    prefix = fields.String()
    api_key = fields.String(allow_none=True)


class Account(Schema):
    """An account as the operator sees it."""

    id = Id()
    name = fields.String()
    email = fields.String(allow_none=True)
    locale = fields.String()
    timezone = fields.String()
    created_at = Time()


class NewApiKey(Schema):
    """A key for an account."""

    name = string(100, 1, required=True)
    scopes = fields.List(
        fields.String(validate=validate.OneOf(SCOPES)), required=True, validate=validate.Length(min=1, max=2)
    )
    expires_at = Time(load_default=None, allow_none=True)


class ApiKey(Schema):
    """A key as shown: its prefix, never its secret."""

    id = Id()
    name = fields.String()
    prefix = fields.String()
    scopes = fields.List(fields.String())
    created_at = Time()
    expires_at = Time(allow_none=True)
    revoked_at = Time(allow_none=True)
    last_used_at = Time(allow_none=True)


class CreatedApiKey(ApiKey):
    """A new key, with the only sight of it."""

    api_key = fields.String()


class ApiKeys(Schema):
    """All keys of an account."""

    data = fields.List(fields.Nested(ApiKey))
    next_cursor = fields.String(allow_none=True)


class NewTopup(Schema):
    """Money that came in."""

    account_id = Id(required=True)
    amount = Money(required=True, metadata={"example": "100.00"})
    reason = string(500, 1, required=True)


class Topup(Schema):
    """What was booked."""

    entry_id = Id()
    account_id = Id()
    amount = Money()
    available = Money()
    held = Money()
    currency = fields.String()


class NewCorrection(Schema):
    """What is put right: more, or with a minus less; `corrects` is the entry that was wrong."""

    account_id = Id(required=True)
    amount = SignedMoney(required=True, metadata={"example": "-12.50"})
    reason = string(500, 1, required=True)
    corrects = Id(load_default=None, allow_none=True)


class Correction(NewCorrection):
    """What was booked."""

    available = Money()
    held = Money()
    currency = fields.String()


class NewCreditLimit(Schema):
    """How far below zero the account may go."""

    credit_limit = Money(required=True, metadata={"example": "500.00"})


class Credit(Schema):
    """An account's credit, and where it stands."""

    account_id = Id()
    credit_limit = Money()
    available = Money(metadata={"description": "Below zero when credit is used"})
    held = Money()
    spendable = Money(metadata={"description": "What may still be held"})
    currency = fields.String()


class AuditArgs(PageArgs):
    """Which lines of the audit."""

    account_id = Id(load_default=None)
    action = string(50, 1, load_default=None)


class AuditLine(Schema):
    """Who did what with money or prices."""

    id = Id()
    at = Time()
    actor = fields.String(metadata={"description": "`key:<id>`, `user:<id>`; empty for the system itself"})
    action = fields.String()
    account_id = Id(allow_none=True)
    details = fields.Dict(metadata={"description": "Amounts in micro-euro"})


class PriceToSet(Schema):
    """A price of one part by prefix; null takes it back."""

    prefix = fields.String(required=True, validate=PREFIX)
    price = Money(required=True, allow_none=True)


class PricesToSet(Schema):
    """Prices of a class, for everybody or for one account."""

    price_class = fields.String(required=True, validate=validate.OneOf(PRICE_CLASSES))
    account_id = Id(load_default=None, allow_none=True)
    prices = fields.List(fields.Nested(PriceToSet), required=True, validate=validate.Length(min=1, max=5_000))
    valid_from = Time(
        load_default=None, allow_none=True, metadata={"description": "Now without it; never in the past"}
    )


class PriceListArgs(Schema):
    """Whose prices; without it, everybody's."""

    account_id = Id(load_default=None)


class PriceImportArgs(PriceListArgs):
    """Whose list; `dry_run` only tells what would be done."""

    dry_run = fields.Boolean(load_default=False)


class PriceImport(Schema):
    """What was taken over: prices that the file says, those that are new, those that held already."""

    prices = fields.Integer()
    added = fields.Integer()
    unchanged = fields.Integer()
    dry_run = fields.Boolean()


class PriceHistoryArgs(PageArgs):
    """Which lines of a list's history."""

    account_id = Id(load_default=None)
    price_class = fields.String(load_default=None, validate=validate.OneOf(PRICE_CLASSES))
    prefix = fields.String(load_default=None, validate=PREFIX)


class PriceSaid(Schema):
    """What was said of a price, and from when it counts; null ended what was said before."""

    id = Id()
    price_class = fields.String()
    prefix = fields.String()
    price = Money(allow_none=True)
    valid_from = Time()


class ConnectorFields(Schema):
    """How an operator is reached."""

    host = string(253, 1)
    port = fields.Integer(validate=validate.Range(1, 65_535))
    system_id = string(15, 1)
    password = string(64, load_only=True)
    bind = fields.String(validate=validate.OneOf(BINDS))
    window = fields.Integer(validate=validate.Range(1, 2_000))
    parts_per_second = fields.Integer(allow_none=True, validate=validate.Range(1, 100_000))
    response_timeout = fields.Integer(validate=validate.Range(1, 600), metadata={"description": "Seconds"})
    receipt_ids = fields.String(
        validate=validate.OneOf(("as_is", "hex_to_decimal", "decimal_to_hex")),
        metadata={"description": "How ids in receipts differ from those in responses"},
    )
    enabled = fields.Boolean()


class NewConnector(ConnectorFields):
    """A connector to be made."""

    name = fields.String(required=True, validate=NAME)
    host = string(253, 1, required=True)
    port = fields.Integer(required=True, validate=validate.Range(1, 65_535))
    system_id = string(15, 1, required=True)
    password = string(64, required=True, load_only=True)


class Rates(Schema):
    """What its binds do now."""

    submits_per_second = fields.Integer()
    receipts_per_second = fields.Integer()
    in_flight = fields.Integer(metadata={"description": "Parts without an answer yet"})


class Connector(ConnectorFields):
    """A connector as shown: never its password."""

    name = fields.String()
    state = fields.String(metadata={"enum": ["down", "binding", "up", "open"]})
    reason = fields.String(allow_none=True)
    rates = fields.Nested(Rates)
    created_at = Time()

    class Meta:
        """The password stays inside."""

        exclude = ("password",)


class NewRoute(Schema):
    """Which connector carries a price class to a prefix ("" is any)."""

    price_class = fields.String(required=True, validate=validate.OneOf(PRICE_CLASSES))
    prefix = fields.String(load_default="", validate=ROUTE_PREFIX)
    connector = fields.String(required=True, validate=NAME)
    priority = fields.Integer(load_default=0, validate=validate.Range(0, 1_000))
    weight = fields.Integer(load_default=1, validate=validate.Range(1, 1_000))


class Route(NewRoute):
    """A route as shown."""

    id = Id()
    created_at = Time()


class Books(Schema):
    """Whether the books are right."""

    zero_sum = fields.Boolean()
    ledger_sum = Money()
    projections_match = fields.Boolean()
    holds_match = fields.Boolean()
    credits_match = fields.Boolean()
    sales_match = fields.Boolean()
    right = fields.Boolean(metadata={"description": "All of the above"})
    wrong = fields.List(Id(), metadata={"description": "Accounts at fault"})
    accounts = fields.Dict(keys=fields.String(), values=Money())


class Overview(Schema):
    """What the dispatcher has in hand."""

    queued_batches = fields.Integer()
    parked_batches = fields.Integer()
    open_messages = fields.Integer()
    waiting_receipts = fields.Integer()
    doubtful_parts = fields.Integer()
