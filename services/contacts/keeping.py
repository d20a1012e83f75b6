"""How long contacts keeps what is over, and the key of its pseudonyms: settings of the service and its worker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from servicekit import settings


@dataclass(frozen=True)
class Keeping:
    """Each field from KERYX_<NAME>. Times in days."""

    undo_days: float = 7.0
    """How long a bulk action can be undone and a deleted contact be brought back; then it is purged."""
    audit_days: float = 730.0
    """How long the audit keeps who did what."""


@cache
def keeping() -> Keeping:
    """Of this process, read once. Raises BadSetting."""
    return settings.read(Keeping)
