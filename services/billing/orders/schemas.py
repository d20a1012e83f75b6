"""Shapes at the edge of orders: every argument of an RPC call is checked here. Prices in cents, credit in micro-euro."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from ..schemas import MAX_ID
from . import countries
from .domain import STATES

MAX_CENTS = 1_000_000_000
LOCALES = ("el", "en")


def an_id(**options: Any) -> fields.Integer:
    """An id."""
    return fields.Integer(strict=True, validate=validate.Range(1, MAX_ID), **options)


def cents(**options: Any) -> fields.Integer:
    """An amount that is more than nothing."""
    return fields.Integer(strict=True, validate=validate.Range(1, MAX_CENTS), **options)


def line(most: int, least: int = 0, **options: Any) -> fields.String:
    """One line of text."""
    pattern = rf"\A[^\x00-\x1f\x7f]{{{least},{most}}}\Z"
    error = f"must be one line of {least} to {most} characters"
    return fields.String(validate=validate.Regexp(pattern, error=error), **options)


def key() -> fields.String:
    """An Idempotency-Key, or none."""
    return fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 255))


def method(**options: Any) -> fields.String:
    """How somebody pays."""
    return fields.String(validate=validate.Regexp(r"\A[a-z]{2,20}\Z", error="must be a method"), **options)


class Country(fields.String):
    """A country by its two capitals; EL and UK become what ISO 3166 calls them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        try:
            return countries.iso(str(super()._deserialize(value, attr, data, **options)))
        except countries.UnknownCountry:
            raise ValidationError("must be the two capitals of a country, ISO 3166, as GR") from None


class NewOrder(Schema):
    """A free net amount, or a package; and perhaps how it will be paid."""

    account_id = an_id(required=True)
    net_cents = cents(load_default=None, allow_none=True)
    package_id = an_id(load_default=None, allow_none=True)
    method = method(load_default=None, allow_none=True)
    key = key()

    @validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if (data["net_cents"] is None) == (data["package_id"] is None):
            raise ValidationError("Give either an amount or a package.")


class OrderOf(Schema):
    """An order of an account."""

    account_id = an_id(required=True)
    order_id = an_id(required=True)


class Pay(OrderOf):
    """And how it is paid."""

    method = method(required=True)


class ReceiptOf(OrderOf):
    """Its receipt, or one of its credit notes, in a language."""

    locale = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(LOCALES))
    receipt_id = an_id(load_default=None, allow_none=True)


class Orders(Schema):
    """Which orders: ``since`` ≤ made < ``until``."""

    account_id = an_id(load_default=None, allow_none=True)
    state = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(STATES))
    since = fields.AwareDateTime(load_default=None, allow_none=True, default_timezone=UTC)
    until = fields.AwareDateTime(load_default=None, allow_none=True, default_timezone=UTC)
    limit = fields.Integer(load_default=50, strict=True, validate=validate.Range(1, 500))


class Profile(Schema):
    """Who receipts are made out to."""

    name = line(200, 1, required=True)
    address = line(200, load_default="")
    city = line(100, load_default="")
    postcode = line(20, load_default="")
    country = Country(required=True)
    vat_number = line(30, load_default=None, allow_none=True)
    tax_office = line(100, load_default=None, allow_none=True)
    email = fields.Email(load_default=None, allow_none=True, validate=validate.Length(max=254))


class NewPackage(Schema):
    """A package to sell; without ``credit`` it is worth its net price."""

    name_el = line(100, 1, required=True)
    name_en = line(100, 1, required=True)
    net_cents = cents(required=True)
    credit = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, MAX_CENTS * 10_000)
    )
