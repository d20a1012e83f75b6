"""Exports: long work whose result is a file."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from gateway.fields import Id, Time

from .messages import MessageFilter

WHAT = ("messages", "contacts", "lookups", "ledger")
FORMATS = ("xlsx", "csv")


class NewExport(Schema):
    """What to export."""

    what = fields.String(required=True, validate=validate.OneOf(WHAT))
    format = fields.String(load_default="xlsx", validate=validate.OneOf(FORMATS))
    filter = fields.Nested(MessageFilter, load_default=dict)


class Export(Schema):
    """An export as shown."""

    id = Id()
    what = fields.String()
    format = fields.String()
    state = fields.String(metadata={"enum": ["queued", "running", "done", "failed"]})
    progress = fields.Float(metadata={"description": "0 to 1"})
    rows = fields.Integer(allow_none=True)
    error = fields.String(allow_none=True, metadata={"description": "Code, when it failed"})
    created_at = Time()
    finished_at = Time(allow_none=True)
