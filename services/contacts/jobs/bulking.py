"""Large bulk actions and their undoing, a page and its cursor in one transaction; and what is kept of them for a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg2

from contracts.errors import KeryxError
from servicekit import context, jobs, logs

from .. import queries
from ..queries import bulk as read
from ..use_cases import bulk

log = logs.get(__name__)

OPEN = ("queued", "running", "undoing")
MAX_ATTEMPTS = 5
PURGE_ROWS = 10_000

_ATTEMPT = "UPDATE bulk_jobs SET attempts = attempts + 1 WHERE id = %(id)s RETURNING attempts"

_FAIL = """
UPDATE bulk_jobs SET state = 'failed', error = %(code)s, finished_at = now(), owner = NULL, lease_until = NULL,
    undo_until = now()
WHERE id = %(id)s AND owner = %(owner)s
"""

_OVER = """
SELECT id FROM bulk_jobs WHERE NOT purged AND undo_until < now() AND state IN ('done', 'failed', 'undone')
ORDER BY undo_until LIMIT 1 FOR UPDATE SKIP LOCKED
"""

_ITEMS = """
DELETE FROM bulk_items WHERE job_id = %(id)s AND seq <= (
    SELECT max(seq) FROM (SELECT seq FROM bulk_items WHERE job_id = %(id)s ORDER BY seq LIMIT %(page)s) page)
"""


def bulk_next(connection: Any, owner: str, is_stopping: Callable[[], bool]) -> bool:
    """Do the oldest bulk action that waits, page by page, until it is over or the process stops; False when none waits."""
    with connection, connection.cursor() as cursor:
        job_id = jobs.claim(cursor, "bulk_jobs", OPEN, owner)
        if job_id is None:
            return False
        attempts = queries.value(cursor, _ATTEMPT, {"id": job_id})
    try:
        if attempts > MAX_ATTEMPTS:
            raise RuntimeError("it could not be worked on")
        while not is_stopping() and _step(connection, job_id, owner):
            pass
    except (psycopg2.OperationalError, psycopg2.InterfaceError):
        raise
    except KeryxError as refusal:  # its group was deleted while it waited
        _fail(connection, job_id, owner, refusal.code)
    except Exception:  # the edge of a job: others must not wait for a broken one
        log.exception("bulk_broke", bulk_id=job_id)
        _fail(connection, job_id, owner, "internal_error")
    with connection, connection.cursor() as cursor:
        jobs.release(cursor, "bulk_jobs", job_id, owner)
    return True


def _fail(connection: Any, job_id: int, owner: str, code: str) -> None:
    with connection, connection.cursor() as cursor:
        queries.run(cursor, _FAIL, {"id": job_id, "owner": owner, "code": code})


def _step(connection: Any, job_id: int, owner: str) -> bool:
    with connection, connection.cursor() as cursor:
        if not jobs.renew(cursor, "bulk_jobs", job_id, owner):
            return False
        job = read.locked(cursor, job_id)
        context.enter(None, actor=job["actor"])
        return bulk.step(cursor, job)


def purge_next(connection: Any) -> bool:
    """Drop a page of what undid an action whose time for that is over; False when nothing is left of any."""
    with connection, connection.cursor() as cursor:
        found = queries.row(cursor, _OVER, {})
        if found is None:
            return False
        if queries.run(cursor, _ITEMS, found | {"page": PURGE_ROWS}) < PURGE_ROWS:
            queries.run(cursor, "UPDATE bulk_jobs SET purged = true WHERE id = %(id)s", found)
    return True
