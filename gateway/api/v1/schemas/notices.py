"""Notices."""

from __future__ import annotations

from marshmallow import Schema, fields

from gateway.fields import Id, Time
from gateway.paging import PageArgs


class NoticeListArgs(PageArgs):
    """Which notices."""

    unread = fields.Boolean(load_default=False, metadata={"description": "Only those not read yet"})


class Notice(Schema):
    """Something that happened. Decide by ``kind``; title and text are for people."""

    id = Id()
    kind = fields.String(metadata={"description": "`opt_out`, `balance_low` or `import`; more will come"})
    title = fields.String()
    text = fields.String()
    subject_id = Id(
        allow_none=True, metadata={"description": "What it is about: the request of an `opt_out`, the import"}
    )
    created_at = Time()
    read_at = Time(allow_none=True)


class Unread(Schema):
    """How many."""

    unread = fields.Integer()


class ReadNotices(Schema):
    """Which were read."""

    until = Id(metadata={"description": "The newest that was shown; without it all"})


class ReadResult(Schema):
    """How many were not read before."""

    read = fields.Integer()
