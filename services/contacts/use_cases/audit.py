"""The audit: who did what to what, written in the transaction that does it. Numbers and texts are never in it."""

from __future__ import annotations

from typing import Any

from servicekit import context

from .. import domain, queries, schemas

_INSERT = """
INSERT INTO audit (account_id, actor, action, object, details, correlation_id)
VALUES (%(account_id)s, %(actor)s, %(action)s, %(object)s, %(details)s::jsonb, %(correlation_id)s)
"""

_LIST = """
SELECT id, at, actor, action, object, details, correlation_id FROM audit
WHERE account_id = %(account_id)s AND id < %(before)s AND (%(action)s IS NULL OR action = %(action)s)
    AND (%(object)s IS NULL OR object = %(object)s) AND (%(actor)s IS NULL OR actor = %(actor)s)
ORDER BY id DESC LIMIT %(limit)s
"""


def note(session: Any, account_id: int, action: str, thing: str, **details: Any) -> None:
    """Write down that ``action`` (``contact.updated``) was done to ``thing`` (``contact:12``) by who asked for it."""
    params = {"account_id": account_id, "actor": context.actor(), "action": action, "object": thing}
    more = {"details": queries.json(details), "correlation_id": context.correlation_id()}
    queries.run(session, _INSERT, params | more)


def list_audit(
    session: Any,
    account_id: int,
    wanted: dict[str, Any],
    cursor: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of the audit, newest first, of one ``action``, ``object`` or ``actor`` if asked. Raises BadCursor."""
    limit = domain.page_size(limit)
    asked = {name: wanted.get(name) for name in ("action", "object", "actor")}
    params = {"account_id": account_id, "before": domain.read_cursor(cursor) or domain.MAX_ID}
    found = queries.rows(session, _LIST, params | asked | {"limit": limit + 1})
    data, following = queries.page(found, limit)
    return {"data": [one | {"at": schemas.iso(one["at"])} for one in data], "next_cursor": following}
