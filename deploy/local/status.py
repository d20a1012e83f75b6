"""Reading what the supervisor noted."""

from __future__ import annotations

import json
from typing import Any

from deploy.local.layout import Layout


def read_status(layout: Layout) -> dict[str, dict[str, Any]]:
    """By process: ``state``, ``pid``, ``starts``, ``exit``, ``was_ready``; empty before the first note."""
    try:
        found: dict[str, dict[str, Any]] = json.loads(layout.status_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found
