"""Shapes at the edge of payments: every argument of an RPC call is checked here."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from ..orders.schemas import an_id, cents, key, line
from .csvfile import ENCODINGS

PAYMENT_STATES = ("received", "credited", "review", "ignored", "dismissed")
FORMATS = ("camt053", "csv")
MAX_VOUCHERS = 10_000
MAX_VALUE = 10_000 * 1_000_000

_NAME = validate.Regexp(r"\A[a-z0-9][a-z0-9_-]{0,39}\Z", error="must be up to 40 of a-z 0-9 - _")


class Base64(fields.Field[bytes]):
    """Octets as base64."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise ValidationError("must be base64") from None


class Refund(Schema):
    """Of which order, how much (None: the rest), why."""

    order_id = an_id(required=True)
    amount_cents = cents(load_default=None, allow_none=True)
    reason = line(500, 1, required=True)
    key = key()


class Resolve(Schema):
    """What became of a refund in doubt."""

    refund_id = an_id(required=True)
    refunded = fields.Boolean(required=True)


class Page(Schema):
    """How many."""

    limit = fields.Integer(load_default=50, strict=True, validate=validate.Range(1, 500))


class Deposits(Page):
    """Which payments."""

    state = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(PAYMENT_STATES))
    provider = line(20, 1, load_default=None, allow_none=True)


class Confirm(Schema):
    """For an order, or for an account."""

    payment_id = an_id(required=True)
    order_id = an_id(load_default=None, allow_none=True)
    account_id = an_id(load_default=None, allow_none=True)
    note = line(500, load_default=None, allow_none=True)

    @validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if (data["order_id"] is None) == (data["account_id"] is None):
            raise ValidationError("Give either an order or an account.")


class Decide(Schema):
    """Which payment, and why."""

    payment_id = an_id(required=True)
    note = line(500, 1, required=True)


class NewStatement(Schema):
    """A bank's file."""

    data = Base64(required=True, data_key="data_b64")
    format_ = fields.String(required=True, data_key="format", validate=validate.OneOf(FORMATS))
    profile = fields.String(load_default=None, allow_none=True, validate=_NAME)
    filename = line(200, 1, required=True)
    imported_by = line(200, load_default="")


class CsvProfile(Schema):
    """How a bank's CSV is read (csvfile.CsvProfile)."""

    account = line(34, 1, required=True)
    booked_on = line(100, 1, required=True)
    text = fields.List(line(100, 1), required=True, validate=validate.Length(1, 10))
    amount = line(100, 1, load_default=None, allow_none=True)
    credit = line(100, 1, load_default=None, allow_none=True)
    debit = line(100, 1, load_default=None, allow_none=True)
    payer = line(100, 1, load_default=None, allow_none=True)
    bank_reference = line(100, 1, load_default=None, allow_none=True)
    currency = line(100, 1, load_default=None, allow_none=True)
    encoding = fields.String(load_default="utf-8-sig", validate=validate.OneOf(ENCODINGS))
    delimiter = fields.String(load_default=";", validate=validate.OneOf((";", ",", "\t", "|")))
    decimal = fields.String(load_default=",", validate=validate.OneOf((",", ".")))
    date_format = line(30, 1, load_default="%d/%m/%Y")
    skip = fields.Integer(load_default=0, strict=True, validate=validate.Range(0, 100))

    @validates_schema
    def _an_amount(self, data: dict[str, Any], **_: Any) -> None:
        if (data["amount"] is None) == (data["credit"] is None):
            raise ValidationError("Give either amount, or credit (and debit).")


class NamedProfile(Schema):
    """A profile's name."""

    name = fields.String(required=True, validate=_NAME)


class NewVouchers(Schema):
    """Vouchers to make."""

    name = line(100, 1, required=True)
    value = fields.Integer(required=True, strict=True, validate=validate.Range(1, MAX_VALUE))
    codes = fields.Integer(required=True, strict=True, validate=validate.Range(1, MAX_VOUCHERS))
    max_uses = fields.Integer(load_default=1, strict=True, validate=validate.Range(1, 1_000_000))
    expires_at = fields.AwareDateTime(load_default=None, allow_none=True, default_timezone=UTC)
    key = key()


class Redeem(Schema):
    """A code that somebody typed."""

    account_id = an_id(required=True)
    code = fields.String(required=True, validate=validate.Length(1, 100))
    key = key()


class Batch(Schema):
    """A batch of vouchers."""

    batch_id = an_id(required=True)
