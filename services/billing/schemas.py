"""Shapes at the edge of billing: every argument of an RPC call is checked here. Money in micro-euro."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from . import domain
from .errors import BadCursor, InvalidFields

MAX_ID = 2**63 - 1
MAX_TOPUP = 10_000_000 * 1_000_000
MAX_HOLD = 1_000_000 * 1_000_000
MAX_PRICE = 100 * 1_000_000
MAX_HOLDS_A_CALL = 1_000
MAX_QUOTE_ITEMS = 10_000
MAX_PARTS = 255
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
"""Of what is valid from a day on. The end of 9999 west of Greenwich is stored as the year 10000, which Python cannot read."""

_PRINTABLE = validate.Regexp(r"\A[!-~]{1,128}\Z", error="must be 1 to 128 printable ASCII characters")
_ONE_LINE = validate.Regexp(r"\A[^\x00-\x1f\x7f]{1,500}\Z", error="must be one line of 1 to 500 characters")
_SPENDER = validate.Regexp(
    r"\A(account|(key|user):[1-9][0-9]{0,17})\Z", error="must be account, key:<id> or user:<id>"
)
_MSISDN = re.compile(r"[1-9][0-9]{3,14}", re.ASCII).fullmatch
_DIGITS = validate.Regexp(r"\A[1-9][0-9]{0,14}\Z", error="must be 1 to 15 digits, not starting with 0")


def _account_id(**options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(1, MAX_ID), **options)


def _each_prefix_once(prices: list[tuple[str, int | None]]) -> None:
    if len({prefix for prefix, _ in prices}) < len(prices):
        raise ValidationError("each prefix may be given once")


class _Items(fields.Field[list[tuple[str, int]]]):
    """Pairs of msisdn and parts; read by hand, because marshmallow's own took 9 ms for 500 of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[tuple[str, int]]:
        if not isinstance(value, list):
            raise ValidationError("must be a list of [msisdn, parts]")
        for index, item in enumerate(value):
            if not _is_item(item):
                raise ValidationError({index: [f"must be [msisdn in digits, parts from 1 to {MAX_PARTS}]"]})
        return [(msisdn, parts) for msisdn, parts in value]


def _is_item(item: Any) -> bool:
    if not isinstance(item, list) or len(item) != 2:
        return False
    msisdn, parts = item
    return (
        isinstance(msisdn, str)
        and _MSISDN(msisdn) is not None
        and type(parts) is int
        and 1 <= parts <= MAX_PARTS
    )


class _Account(Schema):
    account_id = _account_id(required=True)


class _PriceClass(_Account):
    price_class = fields.String(required=True, validate=validate.OneOf(domain.PRICE_CLASSES))


class Topup(_Account):
    """Money that came in, and why."""

    amount = fields.Integer(required=True, strict=True, validate=validate.Range(1, MAX_TOPUP))
    reason = fields.String(required=True, validate=_ONE_LINE)
    key = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 255))


class Correction(_Account):
    """What is put right: more (positive) or less, and why; ``corrects`` is the entry that was wrong."""

    amount = fields.Integer(
        required=True, strict=True, validate=[validate.Range(-MAX_TOPUP, MAX_TOPUP), validate.NoneOf([0])]
    )
    reason = fields.String(required=True, validate=_ONE_LINE)
    corrects = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, MAX_ID)
    )
    key = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 255))


class CreditLimit(_Account):
    """How far below zero an account may go."""

    limit = fields.Integer(required=True, strict=True, validate=validate.Range(0, MAX_TOPUP))
    expected = fields.Integer(load_default=None, allow_none=True, strict=True)


class SpendLimit(_Account):
    """What a spender may set aside a day; None takes the limit away."""

    spender = fields.String(required=True, validate=_SPENDER)
    daily = fields.Integer(required=True, strict=True, allow_none=True, validate=validate.Range(0, MAX_TOPUP))
    expected = fields.Integer(load_default=None, allow_none=True, strict=True)


class Spending(_Account):
    """What somebody is about to spend."""

    amount = fields.Integer(required=True, strict=True, validate=validate.Range(0))


class SpendingReference(_Account):
    """Under which reference somebody is about to spend."""

    reference = fields.String(required=True, validate=_PRINTABLE)


class AuditPage(Schema):
    """Which lines of the audit."""

    account_id = _account_id(load_default=None, allow_none=True)
    action = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 50))
    limit = fields.Integer(load_default=50, strict=True, validate=validate.Range(1, 1_000))


class Hold(_Account):
    """Money to set aside."""

    id = fields.String(required=True, validate=_PRINTABLE)
    amount = fields.Integer(required=True, strict=True, validate=validate.Range(0, MAX_HOLD))
    reference = fields.String(required=True, validate=_PRINTABLE)
    spender = fields.String(load_default=None, allow_none=True, validate=_PRINTABLE)

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> domain.HoldRequest:
        return domain.HoldRequest(**data)


class Holds(Schema):
    """The holds of one call."""

    holds = fields.List(fields.Nested(Hold), required=True, validate=validate.Length(1, MAX_HOLDS_A_CALL))


class HoldId(Schema):
    """A hold that exists."""

    hold_id = fields.String(required=True, validate=_PRINTABLE)


class References(Schema):
    """What holds are grouped by."""

    references = fields.List(
        fields.String(validate=_PRINTABLE), required=True, validate=validate.Length(0, 1_000)
    )


class Tariff(_PriceClass):
    """Whose prices, and for which class."""


class Quote(_PriceClass):
    """What to price: msisdn in digits, and parts."""

    items = _Items(required=True, validate=validate.Length(0, MAX_QUOTE_ITEMS))


class Prices(Schema):
    """Prices to set, by prefix; None takes one back."""

    account_id = _account_id(load_default=None, allow_none=True)
    price_class = fields.String(required=True, validate=validate.OneOf(domain.PRICE_CLASSES))
    prices = fields.List(
        fields.Tuple(
            (
                fields.String(validate=_DIGITS),
                fields.Integer(strict=True, allow_none=True, validate=validate.Range(0, MAX_PRICE)),
            )
        ),
        required=True,
        validate=[validate.Length(1, 5_000), _each_prefix_once],
    )
    valid_from = fields.AwareDateTime(
        load_default=None,
        allow_none=True,
        default_timezone=UTC,
        validate=validate.Range(max=datetime.combine(LAST_DAY, time(), UTC)),
    )


class PriceList(Schema):
    """Whose prices; None is everybody's list."""

    account_id = _account_id(load_default=None, allow_none=True)


class PriceHistory(PriceList):
    """Which lines of a list's history."""

    price_class = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(domain.PRICE_CLASSES)
    )
    prefix = fields.String(load_default=None, allow_none=True, validate=_DIGITS)
    limit = fields.Integer(load_default=50, strict=True, validate=validate.Range(1, 1_000))


class Balance(_Account):
    """Whose balance."""


class StatementFilter(_Account):
    """Which entries: ``since`` ≤ time < ``until``, of a kind or of a cause."""

    since = fields.AwareDateTime(load_default=None, allow_none=True, default_timezone=UTC)
    until = fields.AwareDateTime(load_default=None, allow_none=True, default_timezone=UTC)
    kind = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(domain.KINDS))
    cause = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 300))


class Statement(StatementFilter):
    """A page of them."""

    limit = fields.Integer(load_default=50, strict=True, validate=validate.Range(1, 1_000))


def load(schema: type[Schema], **data: Any) -> dict[str, Any]:
    """``data`` as ``schema`` reads it. Raises InvalidFields with a JSON pointer for each value at fault."""
    try:
        return dict(schema().load(data))
    except ValidationError as error:
        raise InvalidFields("Some values are not valid.", list(_flatten(error.messages, ""))) from None


def before(cursor: str | None) -> int | None:
    """The entry id that a statement's cursor stands for. Raises BadCursor."""
    if cursor is None:
        return None
    if not (
        isinstance(cursor, str) and cursor.isascii() and cursor.isdigit() and 0 < int(cursor[:20]) <= MAX_ID
    ):
        raise BadCursor("This cursor is not one of ours.")
    return int(cursor)


def _flatten(messages: Any, pointer: str) -> Iterator[dict[str, str]]:
    if isinstance(messages, dict):
        for key, value in messages.items():
            yield from _flatten(value, pointer if key == "_schema" else f"{pointer}/{key}")
        return
    for message in messages:
        yield {"pointer": pointer, "code": "invalid", "detail": str(message)}
