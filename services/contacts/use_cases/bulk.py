"""One action on many contacts, named or all that match a filter: small ones at once, large ones by the worker.

A job's contacts are written down once, as items from 1 on; its state and the last item that is done change in the
transaction that does them. So a killed one goes on at the same place, and what it changed can be undone.
"""

from __future__ import annotations

from typing import Any

from servicekit import context, idempotency

from .. import domain, queries, schemas
from ..errors import InvalidFields, NotUndoable
from ..keeping import keeping
from ..queries import bulk as read
from ..queries import contacts, search
from . import audit, lock_contacts
from .bulk_actions import DO, UNDO

AT_ONCE = 1_000
"""Contacts that are worth no job: about 50 ms of work."""
PAGE = 2_000

_INSERT = """
INSERT INTO bulk_jobs (account_id, action, selection, params, actor, state)
VALUES (%(account_id)s, %(action)s, %(selection)s::jsonb, %(params)s::jsonb, %(actor)s, 'queued') RETURNING id
"""

_ITEMS = """
INSERT INTO bulk_items (job_id, seq, contact_id) SELECT %(job_id)s, row_number() OVER (ORDER BY c.id), c.id
FROM contacts c WHERE {where}
"""

_BEGIN = "UPDATE bulk_jobs SET state = 'running', total = %(total)s WHERE id = %(id)s"

_STEP = """
UPDATE bulk_jobs SET done = %(last)s, changed = changed + %(changed)s, attempts = 0,
    state = CASE WHEN %(last)s = total THEN 'done' ELSE state END,
    finished_at = CASE WHEN %(last)s = total THEN now() END,
    undo_until = CASE WHEN %(last)s = total THEN now() + make_interval(secs => %(undo)s) ELSE undo_until END
WHERE id = %(id)s
"""

_UNDO_STEP = """
UPDATE bulk_jobs SET undone = %(last)s, kept = kept - %(changed)s, attempts = 0,
    state = CASE WHEN %(last)s = total THEN 'undone' ELSE state END
WHERE id = %(id)s
"""


def bulk(
    session: Any,
    account_id: int,
    action: Any,
    selection: Any,
    params: Any,
    idempotency_key: str | None = None,
) -> dict[str, Any]:
    """Do ``action`` (``domain.BULK_ACTIONS``) to a selection: the job, done already when it is small.

    Blacklisting takes all numbers of a contact. Raises InvalidFields, UnknownGroup, Conflict("idempotency_key_reused").
    """
    chosen, wanted = _checked(action, selection, params)
    queries.require_groups(session, account_id, wanted["group_ids"])
    asked = {"action": action, "selection": selection, "params": params or {}}

    def produce() -> dict[str, Any]:
        lock_contacts(session, account_id)
        few = contacts.selected(session, account_id, chosen, AT_ONCE)
        kept = selection if len(few) > AT_ONCE else {"ids": few}
        made = {"account_id": account_id, "action": action, "actor": context.actor()}
        texts = {"selection": queries.json(kept), "params": queries.json(wanted)}
        job_id = int(queries.value(session, _INSERT, made | texts))
        audit.note(session, account_id, f"bulk.{action}", f"bulk:{job_id}")
        if len(few) > AT_ONCE:
            queries.value(session, "SELECT pg_notify('bulk', '')", {})
        else:
            while step(session, read.locked(session, job_id)):
                pass
        return read.get_bulk(session, account_id, job_id)

    return dict(idempotency.remember(session, account_id, idempotency_key, asked, produce, operation="bulk"))


def undo_bulk(session: Any, account_id: int, job_id: int) -> dict[str, Any]:
    """Undo a bulk action; asked again it answers the same. Raises UnknownBulk, NotUndoable with the reason as its code."""
    job = read.get_bulk(session, account_id, job_id)
    job = read.shown(read.locked(session, job["id"]))
    if job["state"] in ("undoing", "undone"):
        return job
    if not job["undoable"]:
        raise NotUndoable(f"not_undoable_{job['why']}", "This cannot be undone.")
    sql = "UPDATE bulk_jobs SET state = 'undoing', kept = changed WHERE id = %(id)s"
    queries.run(session, sql, {"id": job_id})
    audit.note(session, account_id, "bulk.undone", f"bulk:{job_id}")
    if job["progress"]["total"] > AT_ONCE:
        queries.value(session, "SELECT pg_notify('bulk', '')", {})
    else:
        while step(session, read.locked(session, job_id)):
            pass
    return read.get_bulk(session, account_id, job_id)


def step(session: Any, job: dict[str, Any]) -> bool:
    """The next page of a job whose row is locked, and the cursor that says so; False when nothing is left of it."""
    if job["state"] == "queued":
        _select(session, job)
        return True
    forwards = job["state"] == "running"
    if not forwards and job["state"] != "undoing":
        return False
    lock_contacts(session, job["account_id"])
    first = (job["done"] if forwards else job["undone"]) + 1
    last = min(first + PAGE - 1, job["total"])
    act = (DO if forwards else UNDO)[job["action"]]
    changed = act(session, job, first, last) if first <= last else 0
    params = {"id": job["id"], "last": last, "changed": changed, "undo": keeping().undo_days * 86_400}
    queries.run(session, _STEP if forwards else _UNDO_STEP, params)
    return True


def _select(session: Any, job: dict[str, Any]) -> None:
    """Write down whom the job takes: at this moment, whatever happens to them later."""
    chosen = schemas.load(schemas.Selection, job["selection"])
    if "ids" in chosen:
        where = "c.account_id = %(account_id)s AND c.id = ANY(%(ids)s)"
        params = {"account_id": job["account_id"], "ids": chosen["ids"]}
    else:
        asked = search.conditions(session, job["account_id"], chosen["filter"])
        where, params = asked.everything, asked.params
    total = queries.run(session, _ITEMS.format(where=where), params | {"job_id": job["id"]})
    queries.run(session, _BEGIN, {"id": job["id"], "total": total})


def _checked(action: Any, selection: Any, params: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    if action not in domain.BULK_ACTIONS:
        raise _invalid("/action", "unknown_action", f"one of {', '.join(domain.BULK_ACTIONS)}")
    chosen = schemas.load(schemas.Selection, selection)
    if len(chosen) != 1:
        raise _invalid("/selection", "ids_or_filter", "either ids or filter")
    wanted = schemas.load(schemas.BulkParams, params or {})
    if action.endswith("_groups") and not wanted["group_ids"]:
        raise _invalid("/group_ids", "required", "which groups")
    return chosen, wanted


def _invalid(pointer: str, code: str, detail: str) -> InvalidFields:
    return InvalidFields(detail, [{"pointer": pointer, "code": code, "detail": detail}])
