"""What parts cost the operator, and what remains of what they were sold for."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from gateway.fields import MICRO, Day, Id, Money, Time
from gateway.paging import PageArgs

from .operator import NAME

MAX_COST = 100 * MICRO
BY = ("connector", "account", "destination", "day")
PREFIX = validate.Regexp(r"\A([1-9][0-9]{0,4})?\Z", error="Not a valid prefix: up to 5 digits are expected.")


class CostArgs(PageArgs):
    """The costs of which connector, on which day."""

    connector = fields.String(load_default=None, validate=NAME)
    day = Day(load_default=None, metadata={"description": "Today without it"})


class Cost(Schema):
    """What a part costs to a destination over a connector."""

    connector = fields.String()
    prefix = fields.String(metadata={"description": "First digits; empty is everywhere. The longest counts"})
    country = fields.String(metadata={"description": "Two letters; empty where the prefix does not tell"})
    network = fields.String(metadata={"description": "Empty where the prefix does not tell"})
    cost = Money()
    valid_from = Day()


class Costs(Schema):
    """A page of the costs that hold on a day."""

    currency = fields.String()
    day = Day()
    data = fields.List(fields.Nested(Cost))
    next_cursor = fields.String(allow_none=True, metadata={"description": "null on the last page"})


class CostToSet(Schema):
    """What a part costs by prefix ("" is everywhere); null ends it."""

    prefix = fields.String(required=True, validate=PREFIX)
    cost = Money(
        required=True,
        allow_none=True,
        validate=validate.Range(max=MAX_COST, error="Not a valid cost: at most 100.00 is expected."),
        metadata={"example": "0.0285"},
    )


class CostsToSet(Schema):
    """Costs of a connector, from a day on."""

    connector = fields.String(required=True, validate=NAME)
    costs = fields.List(fields.Nested(CostToSet), required=True, validate=validate.Length(min=1, max=5_000))
    valid_from = Day(
        load_default=None, allow_none=True, metadata={"description": "Today without it; may have passed"}
    )


class CostsSet(Schema):
    """What was said, and how much of it was new."""

    connector = fields.String()
    valid_from = Day()
    changed = fields.Integer()


class CostHistoryArgs(PageArgs):
    """Which lines of what was said."""

    connector = fields.String(load_default=None, validate=NAME)
    prefix = fields.String(load_default=None, validate=PREFIX)


class CostSaid(Cost):
    """What was said of a cost, and when; null ended what was said before."""

    id = Id()
    cost = Money(allow_none=True)
    said_at = Time()


class CostImportArgs(Schema):
    """`dry_run` only tells what would be done."""

    dry_run = fields.Boolean(load_default=False)


class CostImport(Schema):
    """What was taken over: costs that the file says, those that are new, those that held already."""

    costs = fields.Integer()
    added = fields.Integer()
    unchanged = fields.Integer()
    dry_run = fields.Boolean()


class MarginFilter(Schema):
    """Which days, both included, broken down by what; of one account or connector where given."""

    since = Day(
        data_key="from", load_default=None, metadata={"description": "The first of the month without it"}
    )
    until = Day(load_default=None, metadata={"description": "Today without it; at most 366 days"})
    by = fields.String(load_default="connector", validate=validate.OneOf(BY))
    account_id = Id(load_default=None)
    connector = fields.String(load_default=None, validate=NAME)


class MarginArgs(PageArgs, MarginFilter):
    """A page of it."""


class MarginFigures(Schema):
    """What was sold, and what remains of it."""

    parts = fields.Integer()
    revenue = Money(metadata={"description": "What customers paid"})
    parts_without_cost = fields.Integer(metadata={"description": "Parts whose cost nobody said"})
    revenue_without_cost = Money(metadata={"description": "What customers paid for those"})
    cost = Money(metadata={"description": "Of the parts with a cost"})
    margin = Money(
        allow_none=True,
        metadata={"description": "`revenue` − `revenue_without_cost` − `cost`; null when no part has a cost"},
    )
    margin_percent = fields.String(
        allow_none=True,
        metadata={"description": "Of `revenue` − `revenue_without_cost`, two decimals", "example": "36.67"},
    )
    complete = fields.Boolean(metadata={"description": "Whether every part has a cost"})


class MarginRow(MarginFigures):
    """The figures of a connector, an account, a destination or a day: the fields of the others are not there."""

    connector = fields.String(metadata={"description": "Empty where nobody told who took the parts"})
    account_id = Id()
    account_name = fields.String(allow_none=True)
    destination = fields.String(
        metadata={"description": "First five digits of the numbers; empty where nobody told"}
    )
    country = fields.String(metadata={"description": "Two letters, empty where the digits do not tell"})
    network = fields.String(metadata={"description": "Empty where the digits do not tell"})
    is_unknown = fields.Boolean(
        data_key="unknown",
        attribute="unknown",
        metadata={"description": "By connector or destination: nobody told which"},
    )
    day = Day()


class Margin(Schema):
    """A page of the report; `totals` are those of all pages."""

    since = Day(data_key="from", attribute="from")
    until = Day()
    by = fields.String(metadata={"enum": list(BY)})
    currency = fields.String()
    data = fields.List(fields.Nested(MarginRow))
    totals = fields.Nested(MarginFigures)
    next_cursor = fields.String(allow_none=True, metadata={"description": "null on the last page"})
