"""Exports: long work whose result is a file."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from gateway.fields import Id, Time

from .billing import LedgerFilter
from .common import ids
from .contacts import ContactFilter
from .messages import MessageFilter

WHAT = ("messages", "contacts", "lookups", "ledger")
FORMATS = ("xlsx", "csv")


class ContactExportFilter(ContactFilter):
    """Which contacts: those named that match."""

    ids = ids(50_000, 1)


FILTERS: dict[str, type[Schema]] = {"contacts": ContactExportFilter, "ledger": LedgerFilter}


class NewExport(Schema):
    """What to export; `filter` takes the fields of the list of the same name, and of contacts also `ids`."""

    what = fields.String(required=True, validate=validate.OneOf(WHAT))
    format = fields.String(load_default="xlsx", validate=validate.OneOf(FORMATS))
    filter = fields.Dict(
        keys=fields.String(),
        load_default=dict,
        metadata={
            "description": "Of messages: id, from, until, to, sender, state, campaign_id, channel. Of contacts: "
            "search, group_id, blacklisted, created_from, created_until, ids. Of the ledger: from, until, kind, cause"
        },
    )

    @post_load
    def _checked(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        schema = FILTERS.get(data["what"], MessageFilter)
        try:
            return data | {"filter": schema().load(data["filter"])}
        except ValidationError as error:
            raise ValidationError({"filter": error.messages}) from None


class ExportFailure(Schema):
    """Why there is no file, in both languages."""

    code = fields.String()
    el = fields.String()
    en = fields.String()


class Export(Schema):
    """An export as shown."""

    id = Id()
    what = fields.String()
    format = fields.String()
    state = fields.String(metadata={"enum": ["queued", "running", "done", "failed"]})
    progress = fields.Float(metadata={"description": "0 to 1"})
    rows = fields.Integer(allow_none=True, metadata={"description": "Written so far"})
    total = fields.Integer(metadata={"description": "Rows there were when it began, about"})
    size = fields.Integer(allow_none=True, metadata={"description": "Octets, once it is done"})
    error = fields.String(allow_none=True, metadata={"description": "Code, when it failed"})
    failure = fields.Nested(ExportFailure, allow_none=True)
    created_at = Time()
    finished_at = Time(allow_none=True)
    expires_at = Time(allow_none=True, metadata={"description": "Until when it is kept"})
