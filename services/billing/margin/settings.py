"""Where the operator keeps his books. From KERYX_<NAME>."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from servicekit import settings

from ..domain import HOME_ZONE


@dataclass(frozen=True)
class OperatorSettings:
    """The time zone in which the operator's days begin and end."""

    operator_timezone: str = HOME_ZONE


def operator_zone() -> str:
    """The operator's time zone. Ends the process with one sentence when there is no such zone."""
    name = settings.read(OperatorSettings).operator_timezone
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise settings.BadSetting(f"KERYX_OPERATOR_TIMEZONE: there is no time zone {name!r}") from None
    return name
