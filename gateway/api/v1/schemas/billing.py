"""Money as a client sees it."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gateway.fields import Id, Money, Time
from gateway.paging import PageArgs

from .common import Msisdn, encoding, price_class, shown_number, string


def shown_text() -> fields.String:
    """An amount for people."""
    return fields.String(metadata={"description": "In the language of the calling account, as `1.234,50 €`"})


class Remaining(Schema):
    """How many one-part messages to a Greek mobile the balance pays, by price class; null without a price."""

    normal = fields.Integer(allow_none=True)
    low = fields.Integer(allow_none=True)


class Balance(Schema):
    """What may be spent, and what is set aside for messages on their way."""

    available = Money()
    held = Money()
    currency = fields.String()
    available_text = shown_text()
    held_text = shown_text()
    remaining = fields.Nested(Remaining)


KINDS = ("topup", "hold", "settlement", "release", "payment", "reversal", "correction")


class LedgerFilter(Schema):
    """Which entries: `from` ≤ time < `until`, of a kind or of a cause."""

    since = Time(data_key="from", load_default=None)
    until = Time(load_default=None)
    kind = fields.String(load_default=None, validate=validate.OneOf(KINDS))
    cause = string(300, 1, load_default=None)


class LedgerArgs(PageArgs, LedgerFilter):
    """A page of them."""


class LedgerEntry(Schema):
    """An entry: what it did to the money available and held."""

    id = Id()
    at = Time()
    kind = fields.String(metadata={"enum": list(KINDS)})
    cause = fields.String(metadata={"description": "What made it; each has one entry, ever"})
    reason = fields.String(allow_none=True)
    holds = fields.Integer()
    available = Money()
    held = Money()


class SpendLimit(Schema):
    """What the account, a user or a key may set aside a day, and has today."""

    spender = fields.String(metadata={"description": "`account` for all together, `key:<id>` or `user:<id>`"})
    daily = Money()
    spent = Money(metadata={"description": "Set aside today, less what came back"})
    until = Time(metadata={"description": "When the account's day ends"})
    currency = fields.String()


class NewSpendLimit(Schema):
    """What may be set aside a day."""

    daily = Money(required=True, metadata={"example": "25.00"})


class Price(Schema):
    """The price of one part to numbers with a prefix; the longest prefix wins."""

    price_class = fields.String()
    prefix = fields.String()
    price = Money()
    price_text = shown_text()
    own = fields.Boolean(metadata={"description": "Agreed for this account"})
    valid_from = Time()


class PriceArgs(Schema):
    """Which prices."""

    price_class = price_class()


class Prices(Schema):
    """A price list."""

    currency = fields.String()
    data = fields.List(fields.Nested(Price))
    next_cursor = fields.String(allow_none=True)


class QuoteItem(Schema):
    """A message to price: its parts, or its text to be counted."""

    to = Msisdn(required=True)
    parts = fields.Integer(validate=validate.Range(1, 255))
    text = string(2_000)
    encoding = encoding(load_default="auto")

    @validates_schema
    def _parts_or_text(self, data: dict[str, Any], **_: Any) -> None:
        if ("parts" in data) == ("text" in data):
            raise ValidationError("Give either parts or text.")


class QuoteArgs(Schema):
    """What to price."""

    price_class = price_class()
    items = fields.List(fields.Nested(QuoteItem), required=True, validate=validate.Length(min=1, max=1_000))


class QuotedItem(Schema):
    """A price, null when the destination has none."""

    to = shown_number()
    parts = fields.Integer()
    price = Money(allow_none=True)


class Quote(Schema):
    """What it would cost."""

    price_class = fields.String()
    currency = fields.String()
    total = Money()
    total_text = shown_text()
    items = fields.List(fields.Nested(QuotedItem))
