"""Times as people write them: without an offset, they are those of the account's clock on the wall."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError

from gateway import auth
from gateway.fields import Time

_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?", re.ASCII)


class AmbiguousTime(ValueError):
    """The clock on the wall never shows this time, or shows it twice."""


def local_time_text(text: str, zone: str) -> str:
    """A time without offset in ``zone`` as ISO 8601 in UTC with Z.

    Raises AmbiguousTime for the hour that is left out in spring and the one that comes twice in autumn, ValueError for
    what is no such time.
    """
    if not isinstance(text, str) or not _LOCAL.fullmatch(text):
        raise ValueError("not a local time")
    wall = datetime.fromisoformat(text.upper()).replace(tzinfo=ZoneInfo(zone))
    first, second = wall.replace(fold=0), wall.replace(fold=1)
    moment = first.astimezone(UTC)
    if moment.astimezone(wall.tzinfo).replace(tzinfo=None) != wall.replace(tzinfo=None):
        raise AmbiguousTime(f"Clocks are put forward then: {text} does not exist in {zone}.")
    if first.utcoffset() != second.utcoffset():
        offsets = " or ".join(f"{one:%z}"[:3] + ":" + f"{one:%z}"[3:5] for one in (first, second))
        raise AmbiguousTime(f"Clocks are put back then: {text} comes twice in {zone}; add {offsets}.")
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class LocalTime(Time):
    """As ``Time``; without an offset it is a time of the account's zone, as known with the key."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not _LOCAL.fullmatch(value):
            return super()._deserialize(value, attr, data, **kwargs)
        try:
            return local_time_text(value, auth.identity().settings["timezone"])
        except AmbiguousTime as error:
            raise ValidationError(str(error)) from None
        except (ValueError, OverflowError):
            raise ValidationError("Not a valid time: there is no such day or hour.") from None
