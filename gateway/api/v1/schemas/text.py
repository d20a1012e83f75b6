"""Counting a text."""

from __future__ import annotations

from marshmallow import Schema, fields

from .common import encoding, string


class SegmentArgs(Schema):
    """A text to count."""

    text = string(10_000, required=True)
    encoding = encoding(load_default="auto")


class Forcing(Schema):
    """A character that GSM 03.38 does not have."""

    character = fields.String()
    name = fields.String()
    times = fields.Integer()
    replacement = fields.String(allow_none=True, metadata={"description": "What folding makes of it"})


class Option(Schema):
    """A way to send the text in fewer parts."""

    kind = fields.String(metadata={"enum": ["replace", "capitals", "remove"]})
    text = fields.String()
    parts = fields.Integer()
    saves = fields.Integer(metadata={"description": "Parts"})


class Advice(Schema):
    """Why it is Unicode, if it is, and what would make it cheaper."""

    forcing = fields.List(fields.Nested(Forcing))
    in_links = fields.Boolean(metadata={"description": "A link forces Unicode; folding leaves links alone"})
    options = fields.List(fields.Nested(Option))


class Segmentation(Schema):
    """How it would be sent and billed."""

    encoding = fields.String(metadata={"enum": ["gsm", "unicode"]})
    units = fields.Integer(metadata={"description": "Septets in GSM, UTF-16 units in Unicode"})
    parts = fields.Integer()
    remaining = fields.Integer(metadata={"description": "Units still free in the last part"})
    advice = fields.Nested(Advice)
