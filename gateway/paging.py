"""Lists: ``?limit=&cursor=`` → ``{"data": […], "next_cursor": …}``. Cursors are the services' own."""

from __future__ import annotations

from functools import cache

from marshmallow import Schema, fields, validate

MAX_LIMIT = 500
DEFAULT_LIMIT = 50


class PageArgs(Schema):
    """Which page; lists with filters add their own fields."""

    limit = fields.Integer(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(1, MAX_LIMIT),
        metadata={"description": "Rows a page"},
    )
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(min=1, max=500),
        metadata={"description": "`next_cursor` of the page before"},
    )


@cache
def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of a page of ``item``."""
    name = item.__name__ + "Page"
    return Schema.from_dict(
        {
            "data": fields.List(fields.Nested(item)),
            "next_cursor": fields.String(allow_none=True, metadata={"description": "null on the last page"}),
        },
        name=name,
    )
