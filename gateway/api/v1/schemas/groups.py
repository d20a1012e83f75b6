"""Groups of contacts."""

from __future__ import annotations

from marshmallow import Schema, fields

from contracts.limits import GROUP_NAME
from gateway.fields import Id, Time

from .common import ids, string


class NewGroup(Schema):
    """A group to be made."""

    name = string(GROUP_NAME, 1, required=True)
    description = string(1_000, load_default="")


class GroupChanges(Schema):
    """What may change of a group."""

    name = string(GROUP_NAME, 1)
    description = string(1_000)


class Group(Schema):
    """A group as shown."""

    id = Id()
    name = fields.String()
    description = fields.String(allow_none=True)
    members = fields.Integer(metadata={"description": "How many contacts are in it"})
    created_at = Time()
    updated_at = Time()


class Members(Schema):
    """Contacts to put in or take out."""

    contact_ids = ids(10_000, 1, required=True)


class MembersResult(Schema):
    """How many memberships were made or ended."""

    changed = fields.Integer()
