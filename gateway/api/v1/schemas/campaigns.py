"""Campaigns: one text to an audience."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gateway.fields import Id, Money, Time
from gateway.localtime import LocalTime
from gateway.paging import PageArgs

from .common import encoding, ids, numbers, price_class, string

STATES = ("draft", "scheduled", "running", "paused", "finished", "cancelled")
MAX_TEXT = 2_000
_LOCAL = {
    "description": "RFC 3339; without an offset a time of the account's zone",
    "example": "2026-12-24T10:00",
}


class Audience(Schema):
    """Who gets it: groups, saved filters, contacts and numbers, minus groups. `all` is everybody."""

    all = fields.Boolean()
    group_ids = ids(1_000)
    minus_group_ids = ids(1_000)
    filter_ids = ids(20, metadata={"description": "Saved filters; their contacts as of the start"})
    contact_ids = ids(10_000)
    numbers = numbers(10_000)


class CampaignChanges(Schema):
    """What may change while it is a draft."""

    name = string(200, 1)
    text = string(MAX_TEXT, 1, metadata={"example": "Αγαπητέ {%firstname:klitiki|φίλε}, …"})
    sender = string(16)
    price_class = price_class()
    encoding = encoding()
    audience = fields.Nested(Audience)
    unsubscribe = fields.Boolean(metadata={"description": "Add the line with the unsubscribe link"})
    scheduled_at = LocalTime(allow_none=True, metadata=_LOCAL)
    pace = fields.Integer(
        allow_none=True, validate=validate.Range(1, 10_000_000), metadata={"description": "Messages a minute"}
    )


class NewCampaign(CampaignChanges):
    """A campaign to be made; name and text unless it has a template. What is not given comes from the account's settings."""

    template_id = Id(
        load_default=None,
        allow_none=True,
        metadata={"description": "The template from which it takes over what is not given here"},
    )
    audience = fields.Nested(Audience, required=True)
    scheduled_at = LocalTime(load_default=None, allow_none=True, metadata=_LOCAL)
    pace = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 10_000_000))

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _says_something(self, _: dict[str, Any], given: Any, **__: Any) -> None:
        if isinstance(given, dict) and given.get("template_id") is None:
            missing = [name for name in ("name", "text") if name not in given]
            if missing:
                raise ValidationError({name: ["Missing data for required field."] for name in missing})


class CampaignCounts(Schema):
    """Messages by what became of them."""

    recipients = fields.Integer()
    accepted = fields.Integer()
    submitted = fields.Integer()
    delivered = fields.Integer()
    undelivered = fields.Integer()
    expired = fields.Integer()
    rejected = fields.Integer()
    blocked = fields.Integer()
    cancelled = fields.Integer()
    uncertain = fields.Integer()


class CampaignMoney(Schema):
    """What it holds, cost, and gave back."""

    held = Money()
    captured = Money()
    released = Money()


class CampaignProgress(Schema):
    """How far the sending is."""

    expanded = fields.Integer(metadata={"description": "Recipients whose message is made"})
    left = fields.Integer(metadata={"description": "Messages that have left or were refused"})
    total = fields.Integer(allow_none=True)


class Campaign(Schema):
    """A campaign as shown."""

    id = Id()
    name = fields.String()
    text = fields.String()
    sender = fields.String(allow_none=True)
    price_class = fields.String()
    encoding = fields.String()
    audience = fields.Nested(Audience)
    unsubscribe = fields.Boolean()
    scheduled_at = Time(allow_none=True)
    pace = fields.Integer(allow_none=True)
    labels = fields.Dict(keys=fields.String(), values=fields.String())
    template_id = Id(allow_none=True, metadata={"description": "The template it was made from"})
    state = fields.String(metadata={"enum": list(STATES)})
    phase = fields.String(allow_none=True, metadata={"description": "freezing, expanding, sending"})
    pause_reason = fields.String(allow_none=True, metadata={"description": "Code, when it is paused"})
    recipients = fields.Integer(
        allow_none=True, metadata={"description": "Exact once the audience is frozen"}
    )
    duplicates = fields.Integer(allow_none=True)
    suppressed = fields.Integer(allow_none=True)
    counts = fields.Nested(CampaignCounts)
    progress = fields.Nested(CampaignProgress)
    money = fields.Nested(
        CampaignMoney, allow_none=True, metadata={"description": "null when billing does not answer now"}
    )
    created_at = Time()
    updated_at = Time()
    started_at = Time(allow_none=True)
    expanded_at = Time(allow_none=True)
    sent_at = Time(allow_none=True, metadata={"description": "Every message has left or was refused"})
    finished_at = Time(allow_none=True, metadata={"description": "Every message is final"})


class CampaignListArgs(PageArgs):
    """Which campaigns."""

    state = fields.String(load_default=None, validate=validate.OneOf(STATES))


class Schedule(Schema):
    """When to start; without it, the campaign's own `scheduled_at`."""

    at = LocalTime(load_default=None, allow_none=True, metadata=_LOCAL)


class Sample(Schema):
    """A message as one recipient will get it."""

    to = fields.String()
    text = fields.String()
    encoding = fields.String()
    parts = fields.Integer()


class Country(Schema):
    """A destination's share."""

    country = fields.String()
    recipients = fields.Integer()
    parts = fields.Integer()
    price = Money()


class PriceByClass(Schema):
    """What it costs in each price class; null where a destination has no price."""

    normal = Money(allow_none=True)
    low = Money(allow_none=True)


class Savings(Schema):
    """What forcing GSM (Greek as capitals) would save."""

    encoding = fields.String()
    parts = fields.Integer()
    price = Money(allow_none=True)
    saved_parts = fields.Integer()
    saved_price = Money(allow_none=True)


class PreflightWarning(Schema):
    """Something to know before sending."""

    code = fields.String()
    field = fields.String()
    count = fields.Integer(allow_none=True)
    detail = fields.String()


class ScheduledCampaign(Campaign):
    """A campaign that was scheduled, and what could come in its way."""

    warnings = fields.List(fields.Nested(PreflightWarning))


class Preflight(Schema):
    """What would happen if it started now."""

    recipients = fields.Integer()
    duplicates = fields.Integer()
    suppressed = fields.Integer()
    parts = fields.Integer()
    price = fields.Nested(PriceByClass)
    by_country = fields.List(fields.Nested(Country))
    samples = fields.List(fields.Nested(Sample))
    savings = fields.Nested(Savings, allow_none=True)
    warnings = fields.List(fields.Nested(PreflightWarning))
    estimated = fields.Boolean(
        metadata={
            "description": "The sums stand for more than 20,000 recipients and come from a sample of them"
        }
    )
    margin_percent = fields.Float(
        allow_none=True,
        metadata={
            "description": "How far the price may be off, 95 times of 100; 0 when nothing is estimated"
        },
    )
