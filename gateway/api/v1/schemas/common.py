"""Pieces that several resources share."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from gateway.fields import Id
from smstext import InvalidNumber, parse_msisdn

PRICE_CLASSES = ("normal", "low")
ENCODINGS = ("auto", "gsm", "unicode")
MAX_IDS = 10_000


def price_class(**options: Any) -> fields.String:
    """ "normal" or "low"; without it the account's setting is used."""
    return fields.String(validate=validate.OneOf(PRICE_CLASSES), **options)


def encoding(**options: Any) -> fields.String:
    """How a text is sent; without it the account's setting is used."""
    return fields.String(validate=validate.OneOf(ENCODINGS), **options)


def string(most: int, least: int = 0, **options: Any) -> fields.String:
    """A string of ``least`` to ``most`` characters."""
    return fields.String(validate=validate.Length(min=least, max=most), **options)


def ids(most: int = MAX_IDS, least: int = 0, **options: Any) -> fields.List[Any]:
    """A list of ids."""
    return fields.List(Id(), validate=validate.Length(min=least, max=most), **options)


def number(**options: Any) -> fields.String:
    """A phone number in any shape people write one."""
    options.setdefault("metadata", {"example": "+30 691 234 5678"})
    return fields.String(validate=validate.Length(min=1, max=40), **options)


class Msisdn(fields.String):
    """A mobile number in any shape, read as E.164 digits: where a service wants it read."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return parse_msisdn(super()._deserialize(value, attr, data, **kwargs)[:40])
        except InvalidNumber as error:
            raise ValidationError(f"Not a valid mobile number: {error.reason}.") from None


def numbers(most: int, least: int = 0, **options: Any) -> fields.List[Any]:
    """A list of phone numbers in any shape."""
    return fields.List(number(), validate=validate.Length(min=least, max=most), **options)


def shown_number(**options: Any) -> fields.String:
    """A phone number as shown."""
    metadata = {"description": "E.164 digits without +", "example": "306912345678"}
    return fields.String(metadata=metadata, **options)
