"""Contacts and what is done to many of them at once."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from contracts.limits import CONTACT_NUMBERS, CONTACT_TEXTS
from gateway.fields import Id, Time
from gateway.paging import PageArgs

from .common import ids, number, shown_number, string

SORTS = ("created", "-created", "name", "-name")
NOT_RESTORED = (
    "number_taken", "group_deleted", "field_changed", "already_restored", "deleted_since", "gone",
)  # fmt: skip


class NewNumber(Schema):
    """A number of a contact."""

    number = number(required=True)
    primary = fields.Boolean(load_default=False)


class ContactFields(Schema):
    """What a contact is made from; of a change, only what is sent."""

    title = string(CONTACT_TEXTS["title"])
    first_name = string(CONTACT_TEXTS["first_name"])
    last_name = string(CONTACT_TEXTS["last_name"])
    email = string(CONTACT_TEXTS["email"])
    custom1 = string(CONTACT_TEXTS["custom1"])
    custom2 = string(CONTACT_TEXTS["custom2"])
    custom3 = string(CONTACT_TEXTS["custom3"])
    custom4 = string(CONTACT_TEXTS["custom4"])
    vocative = string(
        CONTACT_TEXTS["vocative"],
        metadata={"description": "How to address them, where the rules get it wrong"},
    )
    note = string(CONTACT_TEXTS["note"])
    numbers = fields.List(fields.Nested(NewNumber), validate=validate.Length(min=1, max=CONTACT_NUMBERS))
    group_ids = ids(100)


class NewContact(ContactFields):
    """A contact to be made."""

    numbers = fields.List(
        fields.Nested(NewNumber), required=True, validate=validate.Length(min=1, max=CONTACT_NUMBERS)
    )


class Number(Schema):
    """A number as shown."""

    number = shown_number()
    primary = fields.Boolean()
    blacklisted = fields.Boolean()


class Contact(Schema):
    """A contact as shown."""

    id = Id()
    title = fields.String(allow_none=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(allow_none=True)
    email = fields.String(allow_none=True)
    custom1 = fields.String(allow_none=True)
    custom2 = fields.String(allow_none=True)
    custom3 = fields.String(allow_none=True)
    custom4 = fields.String(allow_none=True)
    vocative = fields.String(allow_none=True)
    note = fields.String(allow_none=True)
    numbers = fields.List(fields.Nested(Number))
    group_ids = fields.List(Id())
    blacklisted = fields.Boolean()
    created_at = Time()
    updated_at = Time()


class NewConsent(Schema):
    """A consent to be written down on the card."""

    number = number(metadata={"description": "Which of the contact's numbers; the primary one if left out"})
    how = string(40, 1, required=True, metadata={"example": "form"})
    wording = string(2_000, metadata={"description": "What was said or signed"})
    source = string(500, metadata={"description": "Where that can be looked up"})
    at = Time(metadata={"description": "When, not later than now; now if left out"})


class Consent(Schema):
    """A consent as written down; it is never changed."""

    id = Id()
    number = shown_number()
    how = fields.String()
    wording = fields.String()
    source = fields.String()
    at = Time()
    actor = fields.String(metadata={"description": "Who wrote it down, as in the audit"})
    recorded_at = Time()


class ContactFilter(Schema):
    """Which contacts."""

    search = string(
        200,
        metadata={
            "description": "Words, each part of any field, whatever their case and accents; or part of a number. "
            "One or two characters are looked for where a word begins."
        },
    )
    group_id = Id()
    blacklisted = fields.Boolean()
    created_from = Time(metadata={"description": "Made at or after"})
    created_until = Time(metadata={"description": "Made before"})


class ContactListArgs(ContactFilter, PageArgs):
    """Which contacts, in which order, which page."""

    sort = fields.String(load_default="created", validate=validate.OneOf(SORTS))


class Merge(Schema):
    """Which contacts another one takes over."""

    others = fields.List(Id(), data_key="with", required=True, validate=validate.Length(min=1, max=20))


class DuplicatesArgs(PageArgs):
    """By what contacts are compared, which page."""

    by = fields.String(
        load_default="email",
        validate=validate.OneOf(("email", "name")),
        metadata={"description": "`name`: first and last together, or a company's; two words at least"},
    )
    limit = fields.Integer(
        load_default=20, validate=validate.Range(1, 100), metadata={"description": "Groups a page"}
    )


class Duplicates(Schema):
    """Contacts that may be one."""

    value = fields.String(
        metadata={"description": "The e-mail or name they have in common, as the oldest has it"}
    )
    count = fields.Integer(metadata={"description": "How many there are, 10,000 at most"})
    contacts = fields.List(fields.Nested(Contact), metadata={"description": "The oldest ten"})


class MergedContact(Contact):
    """A contact that took over others."""

    merge_id = Id(metadata={"description": "Undoes it: POST /contacts/merges/{merge_id}/undo"})


class NotRestored(Schema):
    """Something that undoing a merge left as it is."""

    contact_id = Id()
    code = fields.String(metadata={"enum": list(NOT_RESTORED)})
    taken_by = Id(metadata={"description": "The contact that has a number of it now"})
    group_id = Id(metadata={"description": "The group that is no more"})
    field = fields.String(metadata={"description": "What somebody has written since"})


class MergeRecord(Schema):
    """A merge as shown."""

    id = Id()
    contact_id = Id(metadata={"description": "The contact that stayed"})
    merged = fields.List(Id(), metadata={"description": "Those it took over"})
    undoable = fields.Boolean()
    why = fields.String(
        allow_none=True,
        metadata={"description": "Why it is not: undone, too_late, changed, contact_gone"},
    )
    not_restored = fields.List(
        fields.Nested(NotRestored), metadata={"description": "What undoing could not bring back"}
    )
    actor = fields.String(metadata={"description": "Who asked for it, as in the audit"})
    created_at = Time()
    undo_until = Time()
    undone_at = Time(allow_none=True)
