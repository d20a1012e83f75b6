"""Bulk actions, read."""

from __future__ import annotations

from typing import Any

from .. import domain, schemas
from ..errors import UnknownBulk
from . import page, row, rows

_COLUMNS = """id, account_id, action, selection, params, actor, state, total, done, changed, undone, kept, error, purged,
    created_at, finished_at, undo_until, undo_until <= now() AS undo_is_over"""


def locked(session: Any, job_id: int) -> dict[str, Any]:
    """The row of a job, locked until the end of the transaction."""
    found = row(session, f"SELECT {_COLUMNS} FROM bulk_jobs WHERE id = %(id)s FOR UPDATE", {"id": job_id})
    assert found is not None
    return found


def get_bulk(session: Any, account_id: int, job_id: int) -> dict[str, Any]:
    """The account's job as clients see it. Raises UnknownBulk."""
    sql = f"SELECT {_COLUMNS} FROM bulk_jobs WHERE account_id = %(account_id)s AND id = %(id)s"
    found = row(session, sql, {"account_id": account_id, "id": job_id}) if domain.is_id(job_id) else None
    if found is None:
        raise UnknownBulk("There is no such bulk action.")
    return shown(found)


def list_bulk(session: Any, account_id: int, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of the account's bulk actions, newest first. Raises BadCursor."""
    limit = domain.page_size(limit)
    sql = f"""SELECT {_COLUMNS} FROM bulk_jobs WHERE account_id = %(account_id)s AND id < %(before)s
        ORDER BY id DESC LIMIT %(limit)s"""
    before = domain.read_cursor(cursor) or domain.MAX_ID
    found = rows(session, sql, {"account_id": account_id, "before": before, "limit": limit + 1})
    data, following = page(found, limit)
    return {"data": [shown(one) for one in data], "next_cursor": following}


def shown(job: dict[str, Any]) -> dict[str, Any]:
    """A row of bulk_jobs as clients see it. ``why`` it is not undoable: a word, null when it is.

    ``kept`` counts contacts that undoing left as they were: changed by others since, or their numbers taken.
    """
    why = _why_not(job)
    progress = job["undone"] if job["state"] in ("undoing", "undone") else job["done"]
    return {
        "id": job["id"],
        "action": job["action"],
        "state": job["state"],
        "progress": {"done": progress, "total": job["total"]},
        "matched": job["total"],
        "changed": job["changed"],
        "kept": job["kept"],
        "undoable": why is None,
        "why": why,
        "error": job["error"] or None,
        "actor": job["actor"],
        "created_at": schemas.iso(job["created_at"]),
        "finished_at": schemas.iso(job["finished_at"]),
        "undo_until": schemas.iso(job["undo_until"]) if why is None else None,
    }


def _why_not(job: dict[str, Any]) -> str | None:
    if job["state"] in ("undoing", "undone", "failed"):
        return str(job["state"])
    if job["state"] != "done":
        return "not_finished"
    if not job["changed"]:
        return "nothing_changed"
    return "too_late" if job["undo_is_over"] or job["purged"] else None
