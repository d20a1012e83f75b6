"""Numbers that are never sent to."""

from __future__ import annotations

from marshmallow import Schema, fields

from gateway.fields import Time

from .common import numbers, shown_number, string


class Suppress(Schema):
    """Numbers to blacklist."""

    numbers = numbers(10_000, 1, required=True)
    reason = string(200, load_default="")


class InvalidNumber(Schema):
    """What could not be read as a mobile number."""

    index = fields.Integer(metadata={"description": "Its place in the list that was sent, from 0"})
    code = fields.String()


class SuppressResult(Schema):
    """What came of it."""

    suppressed = fields.Integer(metadata={"description": "New on the blacklist"})
    known = fields.Integer(metadata={"description": "Were on it already"})
    invalid = fields.List(fields.Nested(InvalidNumber))


class Suppressed(Schema):
    """A blacklisted number."""

    number = shown_number()
    reason = fields.String(allow_none=True)
    source = fields.String(allow_none=True)
    at = Time()
