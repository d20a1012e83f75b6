"""Bulk actions on contacts."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gateway.fields import Id, Time

from .common import ids, string
from .contacts import ContactFilter

BULK_ACTIONS = ("add_to_groups", "remove_from_groups", "blacklist", "unblacklist", "delete")
STATES = ("queued", "running", "done", "failed", "undoing", "undone")


class Selection(Schema):
    """Named contacts, or all that a filter finds."""

    ids = ids(50_000, 1)
    filter = fields.Nested(ContactFilter)

    @validates_schema
    def _one_of_them(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Give either ids or filter.")


class BulkArgs(Schema):
    """What to do with a selection."""

    action = fields.String(required=True, validate=validate.OneOf(BULK_ACTIONS))
    selection = fields.Nested(Selection, required=True)
    group_ids = ids(100, 1, metadata={"description": "For the actions on groups"})
    reason = string(200, metadata={"description": "For blacklist"})

    @validates_schema
    def _groups_where_needed(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("action", "").endswith("_groups") and not data.get("group_ids"):
            raise ValidationError("Missing data for required field.", "group_ids")


class BulkProgress(Schema):
    """How far it is, in contacts."""

    done = fields.Integer()
    total = fields.Integer(metadata={"description": "0 until they are selected"})


class BulkJob(Schema):
    """A bulk action as shown."""

    id = Id()
    action = fields.String()
    state = fields.String(metadata={"enum": list(STATES)})
    progress = fields.Nested(BulkProgress)
    matched = fields.Integer(metadata={"description": "Contacts selected"})
    changed = fields.Integer(metadata={"description": "Contacts that it changed"})
    kept = fields.Integer(
        metadata={"description": "Of an undoing: left as they are, because somebody has changed them since"}
    )
    undoable = fields.Boolean()
    why = fields.String(
        allow_none=True,
        metadata={
            "description": "Why it is not: not_finished, nothing_changed, too_late, failed, undoing, undone"
        },
    )
    undo_until = Time(allow_none=True)
    error = fields.String(allow_none=True, metadata={"description": "Code, when it failed"})
    actor = fields.String(metadata={"description": "Who asked for it, as in the audit"})
    created_at = Time()
    finished_at = Time(allow_none=True)
