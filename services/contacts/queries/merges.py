"""Merges, read."""

from __future__ import annotations

from typing import Any

from .. import domain, schemas
from ..errors import UnknownMerge
from . import page, row, rows

_SELECT = """
SELECT m.id, m.contact_id, m.version, m.others, m.filled, m.note_length, m.group_ids, m.actor, m.created_at, m.undo_until,
    m.undone_at, m.not_restored, m.undo_until <= now() AS undo_is_over, c.version AS current
FROM merges m LEFT JOIN contacts c ON c.id = m.contact_id WHERE m.account_id = %(account_id)s
"""


def locked(session: Any, account_id: int, merge_id: int) -> dict[str, Any]:
    """The row of the account's merge, locked until the end of the transaction. Raises UnknownMerge."""
    return _one(session, account_id, merge_id, " FOR UPDATE OF m")


def get_merge(session: Any, account_id: int, merge_id: int) -> dict[str, Any]:
    """The account's merge as clients see it. Raises UnknownMerge."""
    return shown(_one(session, account_id, merge_id, ""))


def list_merges(session: Any, account_id: int, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of the account's merges, newest first. Raises BadCursor."""
    limit = domain.page_size(limit)
    params = {"account_id": account_id, "before": domain.read_cursor(cursor) or domain.MAX_ID}
    sql = f"{_SELECT} AND m.id < %(before)s ORDER BY m.id DESC LIMIT %(limit)s"
    data, following = page(rows(session, sql, params | {"limit": limit + 1}), limit)
    return {"data": [shown(one) for one in data], "next_cursor": following}


def why_not(merge: dict[str, Any]) -> str | None:
    """Why it cannot be undone, in a word; None when it can."""
    if merge["undone_at"] is not None:
        return "undone"
    if merge["undo_is_over"]:
        return "too_late"
    if merge["current"] is None:
        return "contact_gone"
    return "changed" if merge["current"] != merge["version"] else None


def shown(merge: dict[str, Any]) -> dict[str, Any]:
    """A row of merges as clients see it."""
    why = why_not(merge)
    return {
        "id": merge["id"],
        "contact_id": merge["contact_id"],
        "merged": merge["others"],
        "undoable": why is None,
        "why": why,
        "not_restored": merge["not_restored"],
        "actor": merge["actor"],
        "created_at": schemas.iso(merge["created_at"]),
        "undo_until": schemas.iso(merge["undo_until"]),
        "undone_at": schemas.iso(merge["undone_at"]),
    }


def _one(session: Any, account_id: int, merge_id: int, lock: str) -> dict[str, Any]:
    sql = f"{_SELECT} AND m.id = %(id)s{lock}"
    found = row(session, sql, {"account_id": account_id, "id": merge_id}) if domain.is_id(merge_id) else None
    if found is None:
        raise UnknownMerge("There is no such merge.")
    return found
