"""Shapes of what is asked about costs and margins. Money in micro-euro, days as ISO 8601 dates."""

from __future__ import annotations

from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from ..errors import BadCursor, InvalidFields
from ..schemas import FIRST_DAY, LAST_DAY, MAX_ID, MAX_PRICE
from . import report

MAX_DAYS = 366
CONNECTOR = r"[a-z0-9][a-z0-9_-]{0,39}"
PREFIX = r"([1-9][0-9]{0,4})?"

_CONNECTOR = validate.Regexp(rf"\A{CONNECTOR}\Z", error="must be up to 40 of a-z 0-9 - _")
_PREFIX = validate.Regexp(rf"\A{PREFIX}\Z", error="must be up to 5 digits, not starting with 0")


def _each_prefix_once(costs: list[tuple[str, int | None]]) -> None:
    if len({prefix for prefix, _ in costs}) < len(costs):
        raise ValidationError("each prefix may be given once")


class Costs(Schema):
    """Costs to set, by prefix; None ends one."""

    connector = fields.String(required=True, validate=_CONNECTOR)
    costs = fields.List(
        fields.Tuple(
            (
                fields.String(validate=_PREFIX),
                fields.Integer(strict=True, allow_none=True, validate=validate.Range(0, MAX_PRICE)),
            )
        ),
        required=True,
        validate=[validate.Length(1, 5_000), _each_prefix_once],
    )
    valid_from = fields.Date(load_default=None, allow_none=True, validate=validate.Range(FIRST_DAY, LAST_DAY))


class CostPage(Schema):
    """Which costs that hold on a day; None: today."""

    connector = fields.String(load_default=None, allow_none=True, validate=_CONNECTOR)
    day = fields.Date(load_default=None, allow_none=True)
    limit = fields.Integer(load_default=50, strict=True, validate=validate.Range(1, 1_000))


class CostHistory(Schema):
    """Which lines of what was said."""

    connector = fields.String(load_default=None, allow_none=True, validate=_CONNECTOR)
    prefix = fields.String(load_default=None, allow_none=True, validate=_PREFIX)
    limit = fields.Integer(load_default=50, strict=True, validate=validate.Range(1, 1_000))


class Margin(Schema):
    """Which days, and what they are broken down by."""

    since = fields.Date(data_key="from", load_default=None, allow_none=True)
    until = fields.Date(load_default=None, allow_none=True)
    by = fields.String(required=True, validate=validate.OneOf(report.BY))
    account_id = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(1, MAX_ID)
    )
    connector = fields.String(load_default=None, allow_none=True, validate=_CONNECTOR)


class MarginPage(Margin):
    """A page of it."""

    limit = fields.Integer(load_default=50, strict=True, validate=validate.Range(1, 1_000))


def days(since: date | None, until: date | None, today: date) -> tuple[date, date]:
    """The days that are meant: up to today, from the first of that month on. Raises InvalidFields."""
    last = until or today
    first = since or last.replace(day=1)
    if first > last:
        raise InvalidFields("The days end before they begin.", [_wrong("from", "is after the last day")])
    if (last - first).days >= MAX_DAYS:
        raise InvalidFields(
            "These are too many days.", [_wrong("from", f"at most {MAX_DAYS} days can be asked for")]
        )
    return first, last


def _wrong(name: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/{name}", "code": "range", "detail": detail}


def after(cursor: str | None) -> tuple[str, str]:
    """The (connector, prefix) that a cursor of costs stands for. Raises BadCursor."""
    if cursor is None:
        return "", ""
    connector, colon, prefix = str(cursor).partition(":")
    if not colon:
        raise BadCursor("This cursor is not one of ours.")
    return connector, prefix


def asked(found: dict[str, Any], today: date) -> report.Asked:
    """What ``Margin`` read, as the report takes it. Raises InvalidFields."""
    since, until = days(found["since"], found["until"], today)
    return report.Asked(since, until, found["by"], found["account_id"], found["connector"])
