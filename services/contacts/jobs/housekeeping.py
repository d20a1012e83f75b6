"""What time brings: the end of what is kept for a time."""

from __future__ import annotations

from typing import Any

from servicekit import logs

from .. import queries
from ..keeping import keeping
from ..use_cases import trash
from . import bulking

log = logs.get(__name__)

PAGE = 10_000

_AUDIT = (
    "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < %(until)s ORDER BY id LIMIT %(page)s)"
)


def purge_next(connection: Any) -> bool:
    """Drop a page of what is not kept any longer; False when nothing is left of it."""
    if bulking.purge_next(connection):
        return True
    with connection, connection.cursor() as cursor:
        more = trash.purge(cursor)
        more |= _forget_audit(cursor)
    return more


def _forget_audit(cursor: Any) -> bool:
    params = {"seconds": keeping().audit_days * 86_400, "page": PAGE}
    until = queries.value(cursor, "SELECT now() - make_interval(secs => %(seconds)s)", params)
    queries.value(cursor, "SELECT set_config('keryx.audit_until', %(until)s::text, true)", {"until": until})
    return queries.run(cursor, _AUDIT, params | {"until": until}) == PAGE
