"""The chunk: a page of rendered messages on its way from a campaign to the dispatcher.

It is the body of a message on ``dispatch.bulk`` or ``dispatch.priority`` (type ``chunk_expanded``), at most
MAX_MESSAGES long. Its price is already held under ``hold_id``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

MAX_MESSAGES = 500
QUEUES = {"bulk": "dispatch.bulk", "priority": "dispatch.priority"}


@dataclass(frozen=True)
class Chunk:
    """``messages`` rows are ``[msisdn, text, encoding, parts, price]``: "gsm" or "unicode", micro-euro a part.

    ``validity_seconds`` is what the operator is told and after what (plus grace) a silent message expires.
    """

    TYPE: ClassVar[str] = "chunk_expanded"
    VERSION: ClassVar[int] = 1
    PRODUCER: ClassVar[str] = "campaigns"

    hold_id: str
    account_id: int
    campaign_id: int
    sender: str
    price_class: str
    kind: str
    messages: list[list[Any]]
    validity_seconds: int = 172_800
    channel: str = "campaign"

    def to_data(self) -> dict[str, Any]:
        """JSON-able form."""
        # Not asdict: it copies every row of the page, which cost 11 µs a message (docs/performance.md).
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Chunk:
        """Read ``data``, unknown fields ignored. Raises TypeError when one is missing."""
        return cls(**{f.name: data[f.name] for f in fields(cls) if f.name in data})
