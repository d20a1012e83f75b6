"""Templates: texts to be used again."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from gateway.fields import Id, Time
from gateway.paging import PageArgs

from .campaigns import MAX_TEXT
from .common import encoding, price_class, string

SORTS = ("name", "-name", "last_used", "-last_used")
_OF_SETTINGS = {"description": "null: the account's setting when it is used"}


class TemplateChanges(Schema):
    """What may change of a template."""

    name = string(200, 1, metadata={"description": "Unique in the account, whatever its case and accents"})
    text = string(MAX_TEXT, 1, metadata={"example": "Αγαπητέ {%firstname:klitiki|φίλε}, …"})
    encoding = encoding()
    sender = string(16, allow_none=True, metadata=_OF_SETTINGS)
    price_class = price_class(allow_none=True, metadata=_OF_SETTINGS)
    unsubscribe = fields.Boolean(metadata={"description": "Add the line with the unsubscribe link"})


class NewTemplate(TemplateChanges):
    """A template to be made; without encoding it takes the account's."""

    name = string(200, 1, required=True)
    text = string(MAX_TEXT, 1, required=True, metadata={"example": "Αγαπητέ {%firstname:klitiki|φίλε}, …"})
    sender = string(16, load_default=None, allow_none=True, metadata=_OF_SETTINGS)
    price_class = price_class(load_default=None, allow_none=True, metadata=_OF_SETTINGS)
    unsubscribe = fields.Boolean(load_default=False)


class TemplateSegment(Schema):
    """How the text counts, the unsubscribe line included, for somebody of whom nothing is known."""

    encoding = fields.String(metadata={"enum": ["gsm", "unicode"]})
    units = fields.Integer(metadata={"description": "Septets in GSM, UTF-16 units in Unicode"})
    parts = fields.Integer()
    remaining = fields.Integer(metadata={"description": "Units still free in the last part"})


class Template(Schema):
    """A template as shown."""

    id = Id()
    name = fields.String()
    text = fields.String()
    encoding = fields.String()
    sender = fields.String(allow_none=True, metadata=_OF_SETTINGS)
    price_class = fields.String(allow_none=True, metadata=_OF_SETTINGS)
    unsubscribe = fields.Boolean()
    segment = fields.Nested(TemplateSegment)
    created_at = Time()
    updated_at = Time()
    last_used_at = Time(allow_none=True, metadata={"description": "When a campaign was last made from it"})


class TemplateListArgs(PageArgs):
    """Which templates, in which order."""

    search = string(
        200,
        load_default=None,
        metadata={"description": "Words in name or text, whatever their case and accents"},
    )
    sort = fields.String(load_default="name", validate=validate.OneOf(SORTS))
