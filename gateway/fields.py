"""How the API writes ids, money and times (API.md): strings outside, integers and ISO 8601 inside."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from marshmallow import ValidationError, fields

MICRO = 1_000_000
MAX_ID = 10**18
_MONEY = re.compile(r"(\d{1,9})(?:\.(\d{1,6}))?", re.ASCII)
_ID = re.compile(r"\d{1,18}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def money_text(micro: int) -> str:
    """Micro-euro as a decimal string: at least two decimals, at most six ("0.045", "12.50", "-1.00")."""
    whole, fraction = divmod(abs(micro), MICRO)
    decimals = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micro < 0 else ''}{whole}.{decimals}"


def money_micro(text: str) -> int:
    """Micro-euro of a decimal string without sign. Raises ValueError for anything else, floats too."""
    match = _MONEY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("not an amount")
    return int(match[1]) * MICRO + int((match[2] or "").ljust(6, "0"))


def time_text(text: str) -> str:
    """An RFC 3339 time, with any offset, as ISO 8601 in UTC with Z. Raises ValueError."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise ValueError("not an RFC 3339 time")
    moment = datetime.fromisoformat(text.upper().replace("Z", "+00:00")).astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Id(fields.Field[Any]):
    """A string of digits outside, an integer inside."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not _ID.fullmatch(value):
            raise ValidationError("Not a valid id: a string of digits is expected.")
        return int(value)


class Money(fields.Field[Any]):
    """A decimal string in euro outside, micro-euro inside."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else money_text(int(value))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        try:
            return money_micro(value)
        except ValueError:
            raise ValidationError(
                'Not a valid amount: a string in euro with at most six decimals is expected, as "12.50".'
            ) from None


class SignedMoney(Money):
    """Money that may be less than nothing: "-12.50" takes away. Nothing at all is refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        negative = isinstance(value, str) and value.startswith("-")
        amount = super()._deserialize(value[1:] if negative else value, attr, data, **kwargs)
        if not amount:
            raise ValidationError("Not a valid amount: it is nothing.")
        return -amount if negative else amount


class Time(fields.Field[Any]):
    """RFC 3339 outside (UTC when shown), ISO 8601 in UTC with Z inside."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return time_text(value)
        except (ValueError, OverflowError):
            raise ValidationError(
                'Not a valid time: RFC 3339 with an offset is expected, as "2026-03-25T10:00:00Z".'
            ) from None


class Day(fields.Field[Any]):
    """A calendar day, as 2026-03-25, outside and inside."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            if not isinstance(value, str) or not _DAY.fullmatch(value):
                raise ValueError("not a day")
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValidationError('Not a valid day: as "2026-03-25".') from None
