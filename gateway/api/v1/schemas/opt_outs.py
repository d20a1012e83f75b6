"""Requests to be left alone."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from gateway.fields import Id, Time
from gateway.paging import PageArgs

from .common import number, shown_number, string

STATES = ("pending", "approved", "rejected", "withdrawn")


class OptOutListArgs(PageArgs):
    """Which requests."""

    state = fields.String(validate=validate.OneOf(STATES))
    number = number()


class OptOut(Schema):
    """A request."""

    id = Id()
    number = shown_number()
    channel = fields.String(metadata={"description": "`link` in a message, or `keyword` sent back"})
    campaign_id = Id(allow_none=True, metadata={"description": "Whose message they answer to, if known"})
    text = fields.String(metadata={"description": "What they wrote, by keyword"})
    state = fields.String(
        metadata={"description": "`pending`, `approved` (blacklisted), `rejected`, `withdrawn` by themselves"}
    )
    automatic = fields.Boolean(metadata={"description": "Approved at once, by the setting"})
    reason = fields.String(metadata={"description": "Why it was rejected"})
    requested_at = Time()
    decided_at = Time(allow_none=True)


class Rejection(Schema):
    """Why a request is not followed."""

    reason = string(500, 1, required=True)


class OptOutSettings(Schema):
    """What the account does with requests."""

    auto_approve = fields.Boolean(
        metadata={
            "description": "Blacklist at once (the default); otherwise each request waits to be approved"
        }
    )
