"""``/text/segment``: the counter, with the count that is billed."""

from __future__ import annotations

from typing import Any

from gateway.api.resource import Resource
from smstext import advise

from .schemas.text import SegmentArgs, Segmentation

resource = Resource("text", description="Counting a text")


@resource.route("/text/segment", methods=["POST"])
@resource.arguments(SegmentArgs)
@resource.response(200, Segmentation)
def segment_text(data: dict[str, Any]) -> Any:
    """How many SMS a text is, and what would save some."""
    found = advise(data["text"], data["encoding"]).as_data()
    return {**found, "advice": found}
