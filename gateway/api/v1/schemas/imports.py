"""Imports of contacts from a file or a paste."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from contracts.limits import GROUP_NAME
from gateway.fields import Id, Time

from .common import ids, string

STATES = ("receiving", "analysing", "analysed", "running", "done", "failed", "cancelled")
POLICIES = ("skip", "fill", "overwrite")
MAX_COLUMNS = 16_384


class Paste(Schema):
    """Numbers (and names) pasted in any shape."""

    text = string(4_000_000, 1, required=True)


class Column(fields.Field[Any]):
    """A column: its number from 0, or its letter; null for none."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int | str:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_COLUMNS:
            return value
        if isinstance(value, str) and re.fullmatch(r"[A-Za-z]{1,3}", value, re.ASCII):
            return value
        raise ValidationError("Not a valid column: its number from 0, or its letter, is expected.")


class ImportChanges(Schema):
    """Which field is in which column: `{"number": 2, "first_name": "A", "last_name": null}`; or which sheet is to be read."""

    mapping = fields.Dict(
        keys=string(40, 1),
        values=Column(allow_none=True),
        validate=validate.Length(min=1, max=50),
    )
    sheet = string(200, 1, metadata={"description": "One of `other_sheets`; its columns are found anew"})

    @validates_schema
    def one_of_them(self, data: dict[str, Any], **_: Any) -> None:
        """A mapping is of the columns of the sheet that was read."""
        if len(data) != 1:
            raise ValidationError("Either mapping or sheet.", "mapping")


class Commit(Schema):
    """How to take the rows over."""

    policy = fields.String(
        load_default="skip",
        validate=validate.OneOf(POLICIES),
        metadata={"description": "For contacts that are there: skip, fill empty fields, overwrite"},
    )
    group_ids = ids(100, load_default=list)
    group_names = fields.List(
        string(GROUP_NAME, 1),
        load_default=list,
        validate=validate.Length(max=20),
        metadata={"description": "Groups by name, made where they are not there"},
    )
    blacklist = fields.Boolean(load_default=False, metadata={"description": "Blacklist the numbers as well"})


class TemplateArgs(Schema):
    """Of which language."""

    lang = fields.String(
        validate=validate.OneOf(("el", "en")),
        metadata={"description": "Greek or English; without it the account's own"},
    )


class Counts(Schema):
    """They add up: rows = accepted + updated + duplicates + rejected."""

    rows = fields.Integer()
    accepted = fields.Integer()
    updated = fields.Integer()
    duplicates = fields.Integer()
    rejected = fields.Integer()


class MappedColumn(Schema):
    """Where a field is."""

    column = fields.Integer(metadata={"description": "From 0"})
    letter = fields.String()
    header = fields.String()


class Progress(Schema):
    """Rows judged while it is analysed (of about `total`), rows stored once it is committed."""

    done = fields.Integer()
    total = fields.Integer()


class ImportFailure(Schema):
    """Why it failed, in both languages."""

    code = fields.String()
    detail = fields.String(allow_none=True)
    el = fields.String()
    en = fields.String()


class ImportSummary(Schema):
    """An import in a list."""

    id = Id()
    state = fields.String(metadata={"enum": list(STATES)})
    filename = fields.String()
    source = fields.String(metadata={"enum": ["file", "text"]})
    sheet = fields.String(allow_none=True, metadata={"description": "Of a workbook, the one that was read"})
    other_sheets = fields.List(
        fields.String(),
        metadata={"description": "Those that look like lists of people too, and are not in `counts`"},
    )
    header_row = fields.Integer(allow_none=True)
    mapping = fields.Dict(keys=fields.String(), values=fields.Nested(MappedColumn))
    mapping_source = fields.String(
        allow_none=True,
        metadata={
            "enum": ["detected", "corrected", "remembered"],
            "description": "Where the mapping is from; remembered: corrected for an earlier file with the same headers",
        },
    )
    labels = fields.Raw(metadata={"description": "The headers of the columns that became custom1 to custom4"})
    counts = fields.Nested(Counts)
    progress = fields.Nested(Progress)
    policy = fields.String(allow_none=True)
    group_ids = fields.List(Id(), allow_none=True)
    blacklist = fields.Boolean(allow_none=True)
    error = fields.Nested(ImportFailure, allow_none=True)
    created_at = Time()
    updated_at = Time()


class Import(ImportSummary):
    """An import as shown."""

    columns = fields.Raw(metadata={"description": "The columns that were found"})
    preview = fields.Raw(metadata={"description": "The first rows, with what each would become"})
