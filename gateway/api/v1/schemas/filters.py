"""Saved filters."""

from __future__ import annotations

from marshmallow import Schema, fields

from gateway.fields import Id, Time

from .common import string
from .contacts import ContactFilter


class FilterChanges(Schema):
    """What may change of a saved filter; `filter` is replaced as a whole."""

    name = string(100, 1)
    filter = fields.Nested(ContactFilter)


class NewFilter(FilterChanges):
    """A filter to be saved."""

    name = string(100, 1, required=True)
    filter = fields.Nested(ContactFilter, required=True)


class SavedFilter(Schema):
    """A saved filter as shown."""

    id = Id()
    name = fields.String()
    filter = fields.Nested(ContactFilter)
    created_at = Time()
    updated_at = Time()
