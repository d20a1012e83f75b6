"""Snapshots: one statement and one event in one transaction.

The row lock of that transaction is the lease: a killed worker's connection drops it, and the next one starts anew.
"""

from __future__ import annotations

from typing import Any

import psycopg2

from contracts.errors import KeryxError
from contracts.events import AudienceFrozen
from servicekit import context, crashpoints, logs, outbox

from .. import queries
from ..domain import Audience
from ..queries import audiences

log = logs.get(__name__)

# Not while its account erases somebody (use_cases.erasing), who would be in the snapshot. Nobody waits here: an erasure with
# the lock may want the row.
_NEXT = """
SELECT id, account_id, campaign_id, audience, correlation_id FROM snapshots WHERE CASE WHEN state = 'freezing'
    THEN pg_try_advisory_xact_lock_shared(hashtextextended('erasing', account_id)) END AND state = 'freezing'
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""

_READY = """
UPDATE snapshots SET state = 'ready', recipients = %(recipients)s, duplicates = %(duplicates)s,
    suppressed = %(suppressed)s, ready_at = now()
WHERE id = %(id)s
"""

_FAILED = (
    "UPDATE snapshots SET state = 'failed', error_code = %(code)s WHERE id = %(id)s AND state = 'freezing'"
)


def freeze_next(connection: Any) -> bool:
    """Make the oldest snapshot that waits; False when none does.

    One that cannot be made is failed and told as such. Raises psycopg2's OperationalError and InterfaceError when the
    database went away: it is made again.
    """
    asked: dict[str, Any] | None = None
    try:
        with connection, connection.cursor() as cursor:
            asked = queries.row(cursor, _NEXT, {})
            if asked is not None:
                _freeze(cursor, asked)
    except (psycopg2.OperationalError, psycopg2.InterfaceError):
        raise
    except KeryxError as refusal:  # a group was deleted since it was asked for
        assert asked is not None
        _fail(connection, asked, refusal.code)
    except Exception:  # the edge of a job: the next one must not wait for a broken one
        if asked is None:
            raise
        log.exception("freeze_failed", snapshot_id=asked["id"])
        _fail(connection, asked, "internal_error")
    return asked is not None


def _freeze(cursor: Any, asked: dict[str, Any]) -> None:
    context.enter(asked["correlation_id"])
    audience = Audience.from_data(asked["audience"])
    figures = audiences.freeze(cursor, asked["account_id"], audience, asked["id"], asked["campaign_id"])
    queries.run(cursor, _READY, figures | {"id": asked["id"]})
    _tell(cursor, asked, figures)
    crashpoints.reach("contacts-worker.frozen")
    log.info("audience_frozen", snapshot_id=asked["id"], account_id=asked["account_id"], **figures)


def _fail(connection: Any, asked: dict[str, Any], code: str) -> None:
    with connection, connection.cursor() as cursor:
        if queries.run(cursor, _FAILED, {"id": asked["id"], "code": code}):
            _tell(cursor, asked, {"recipients": 0, "duplicates": 0, "suppressed": 0}, failed=code)
    log.info("audience_not_frozen", snapshot_id=asked["id"], account_id=asked["account_id"], code=code)


def _tell(cursor: Any, asked: dict[str, Any], figures: dict[str, int], failed: str | None = None) -> None:
    event = AudienceFrozen(
        snapshot_id=asked["id"],
        campaign_id=asked["campaign_id"],
        account_id=asked["account_id"],
        failed=failed,
        **figures,
    )
    outbox.add(cursor, event, account_id=asked["account_id"])
