"""Numbers that are never sent to."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gateway.fields import Time
from gateway.paging import PageArgs

from .common import numbers, shown_number, string

MAX_TEXT = 1_000_000


class Suppress(Schema):
    """Numbers to blacklist: ``numbers`` or ``text``."""

    numbers = numbers(10_000, 1)
    text = string(MAX_TEXT, 1, metadata={"description": "A paste of any shape instead of `numbers`"})
    reason = string(200, load_default="")
    source = fields.String(
        validate=validate.OneOf(("api", "hand", "paste")),
        metadata={"description": "How they came; without it `api`, and `paste` for a text"},
    )

    @validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("numbers" in data) == ("text" in data):
            raise ValidationError("Give numbers or text.", "numbers")


class SuppressedArgs(PageArgs):
    """Which part of the blacklist."""

    search = string(40, metadata={"description": "The first digits of a number, three or more"})
    source = string(
        50,
        metadata={
            "description": "`api`, `hand`, `paste`, `link`, `keyword`; `import` or `bulk`, also one of them: `import 12`"
        },
    )


class InvalidNumber(Schema):
    """What could not be read as a mobile number."""

    index = fields.Integer(metadata={"description": "Its place in the list that was sent, from 0"})
    line = fields.Integer(metadata={"description": "Its line in the text that was sent, from 1"})
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
