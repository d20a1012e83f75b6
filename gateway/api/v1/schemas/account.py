"""Who am I, and my settings."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from gateway.fields import Id, Money

from .common import encoding, price_class, string


class LowBalance(Schema):
    """When to tell of a low balance, and whom."""

    level = Money(allow_none=True, metadata={"description": "null: never", "example": "10.00"})
    emails = fields.List(fields.Email(), validate=validate.Length(max=10))


class Settings(Schema):
    """What an account may set for itself."""

    default_sender = string(16, allow_none=True)
    price_class = price_class()
    encoding = encoding()
    timezone = string(64, metadata={"example": "Europe/Athens"})
    locale = fields.String(validate=validate.OneOf(("el", "en")))
    custom_labels = fields.List(
        string(40), validate=validate.Length(equal=4), metadata={"description": "Names of custom1 to custom4"}
    )
    low_balance = fields.Nested(LowBalance)


class Me(Schema):
    """The holder of the key."""

    account_id = Id()
    account_name = fields.String()
    key_id = Id()
    key_name = fields.String()
    scopes = fields.List(fields.String())
