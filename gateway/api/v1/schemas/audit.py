"""The audit."""

from __future__ import annotations

from marshmallow import Schema, fields

from gateway.fields import Id, Time
from gateway.paging import PageArgs

from .common import string


class AuditListArgs(PageArgs):
    """Which part of the audit."""

    action = string(60, 1, metadata={"example": "contact.updated"})
    object = string(60, 1, metadata={"example": "contact:12"})
    actor = string(60, 1, metadata={"example": "key:7"})


class AuditEntry(Schema):
    """Something that was done."""

    id = Id()
    at = Time()
    actor = fields.String(metadata={"description": "`key:<id>`, or empty for what nobody asked for"})
    action = fields.String()
    object = fields.String()
    details = fields.Dict()
    request_id = fields.String(attribute="correlation_id")
