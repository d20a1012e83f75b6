"""Exports of the history: checked here, kept by ``servicekit.exports``, written by ``exporter``."""

from __future__ import annotations

from typing import Any

from servicekit import exports

from . import queries


def create(
    session: Any,
    account_id: int,
    what: str,
    format_: str,
    filters: dict[str, Any],
    key: str | None,
    zone: str = "UTC",
) -> dict[str, Any]:
    """A new export job, with times in ``zone``. Raises InvalidFields."""
    if what != "messages":
        raise exports.invalid("/what", "Messages can be exported here.")
    queries.conditions(account_id, filters)
    return exports.create(session, account_id, what, format_, filters, key, zone)
