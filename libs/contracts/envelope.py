"""The one envelope that everything on the broker travels in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4


class BadEnvelope(ValueError):
    """What arrived is not an envelope; ``str()`` says what is wrong with it."""


@dataclass(frozen=True)
class Envelope:
    """``id`` is unique for ever (the inbox remembers it); times are UTC; ``account_id`` is None for a batch of several."""

    id: str
    type: str
    version: int
    occurred_at: str
    producer: str
    account_id: int | None
    correlation_id: str
    causation_id: str | None
    data: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; field order is the order of the documentation."""
        return dict(self.__dict__)


_REQUIRED = {"id": str, "type": str, "version": int, "occurred_at": str, "producer": str, "data": dict}


def make(
    type_: str,
    version: int,
    producer: str,
    data: dict[str, Any],
    *,
    account_id: int | None = None,
    correlation_id: str = "",
    causation_id: str | None = None,
) -> Envelope:
    """A new envelope with an id and a time of its own."""
    return Envelope(
        id=uuid4().hex,
        type=type_,
        version=version,
        occurred_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        producer=producer,
        account_id=account_id,
        correlation_id=correlation_id or uuid4().hex,
        causation_id=causation_id,
        data=data,
    )


def read(raw: object) -> Envelope:
    """Check ``raw`` (decoded JSON) and return it as an Envelope; unknown fields are ignored.

    Raises BadEnvelope naming the first field that is missing or of the wrong type.
    """
    if not isinstance(raw, dict):
        raise BadEnvelope("an envelope is an object")
    for name, kind in _REQUIRED.items():
        if not isinstance(raw.get(name), kind) or isinstance(raw.get(name), bool):
            raise BadEnvelope(f"field {name!r} is missing or not a {kind.__name__}")
    return Envelope(
        id=raw["id"],
        type=raw["type"],
        version=raw["version"],
        occurred_at=raw["occurred_at"],
        producer=raw["producer"],
        account_id=raw.get("account_id"),
        correlation_id=str(raw.get("correlation_id") or raw["id"]),
        causation_id=raw.get("causation_id"),
        data=raw["data"],
    )
