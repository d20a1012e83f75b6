"""Exports of contacts: checked here, kept by ``servicekit.exports``, written by ``services.contacts.exporter``."""

from __future__ import annotations

from typing import Any

from servicekit import exports

from .. import queries, schemas
from . import audit


def create(
    session: Any,
    account_id: int,
    what: str,
    format_: str,
    wanted: dict[str, Any],
    key: str | None,
    zone: str = "UTC",
) -> dict[str, Any]:
    """A new export job of the contacts that ``wanted`` takes: ``{ids}`` or the fields of a filter; ``labels`` name the
    account's own fields in the file. Raises InvalidFields, UnknownGroup.
    """
    if what != "contacts":
        raise exports.invalid("/what", "Contacts can be exported here.")
    chosen = schemas.load(schemas.ExportSelection, wanted)
    if chosen["group_id"] is not None:
        queries.require_groups(session, account_id, [chosen["group_id"]])
    job = exports.create(session, account_id, what, format_, wanted, key, zone)
    audit.note(session, account_id, "contacts.exported", f"export:{job['id']}")
    return job
