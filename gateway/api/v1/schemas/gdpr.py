"""Everything about a number."""

from __future__ import annotations

from marshmallow import Schema, fields

from gateway.fields import Id, Time
from gateway.paging import page_of

from .common import shown_number
from .contacts import Consent, Contact
from .messages import Message


class DeletedContact(Schema):
    """A deleted contact that could still be restored."""

    contact = fields.Dict()
    numbers = fields.List(shown_number())


class Blacklisting(Schema):
    """On the blacklist, now or once."""

    active = fields.Boolean()
    reason = fields.String()
    source = fields.String()
    at = Time()


class Request(Schema):
    """A request to be left alone."""

    id = Id()
    channel = fields.String()
    campaign_id = Id(allow_none=True)
    wording = fields.String()
    state = fields.String()
    reason = fields.String()
    requested_at = Time()
    decided_at = Time(allow_none=True)


class FrozenAudience(Schema):
    """A recipient of a campaign, as its audience was frozen."""

    campaign_id = Id()
    frozen_at = Time()
    values = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        allow_none=True,
        data_key="fields",
        attribute="fields",
        metadata={
            "description": "Of the contact then, those that were not empty; null for a number without contact"
        },
    )


class PersonalData(Schema):
    """All that is kept about a number."""

    number = shown_number()
    contact = fields.Nested(Contact, allow_none=True)
    deleted_contacts = fields.List(fields.Nested(DeletedContact))
    consents = fields.List(fields.Nested(Consent))
    blacklist = fields.List(fields.Nested(Blacklisting))
    opt_outs = fields.List(fields.Nested(Request))
    audiences = fields.List(fields.Nested(FrozenAudience))
    messages = fields.Nested(page_of(Message), metadata={"description": "Sent to it, newest first"})


class Erased(Schema):
    """What was erased."""

    numbers = fields.Integer(metadata={"description": "The number, and the others of its contact"})
    opted_out = fields.Integer(metadata={"description": "Of these, kept as a hash because they opted out"})
