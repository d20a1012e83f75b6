"""Saved filters: a search with a name, whose contacts can be shown, acted upon, and sent to."""

from __future__ import annotations

from typing import Any

from servicekit import idempotency

from .. import domain, queries, schemas
from ..errors import FilterNameTaken, UnknownFilter, UnknownGroup, VersionMismatch
from . import audit

_COLUMNS = "id, name, filter, version, created_at, updated_at"

_INSERT = """
INSERT INTO filters (account_id, name, filter) VALUES (%(account_id)s, %(name)s, %(filter)s::jsonb)
ON CONFLICT (account_id, name_key) DO NOTHING RETURNING id
"""

_NAME_TAKEN = """
SELECT EXISTS (SELECT FROM filters
    WHERE account_id = %(account_id)s AND name_key = contacts_fold(%(name)s) AND id <> %(id)s)
"""

_UPDATE = """
UPDATE filters SET name = %(name)s, filter = %(filter)s::jsonb, version = version + 1, updated_at = now()
WHERE id = %(id)s
"""

_LIST = f"""
SELECT {_COLUMNS} FROM filters WHERE account_id = %(account_id)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""


def create_filter(session: Any, account_id: int, data: Any, idempotency_key: str | None) -> dict[str, Any]:
    """A new saved filter. Raises InvalidFields, UnknownGroup, FilterNameTaken, Conflict("idempotency_key_reused")."""
    wanted = schemas.load(schemas.NewFilter, data)

    def produce() -> dict[str, Any]:
        stored = _stored(session, account_id, wanted["filter"])
        params = {"account_id": account_id, "name": wanted["name"], "filter": queries.json(stored)}
        filter_id = queries.value(session, _INSERT, params)
        if filter_id is None:
            raise FilterNameTaken("There is a saved filter of this name.")
        audit.note(session, account_id, "filter.created", f"filter:{filter_id}")
        return get_filter(session, account_id, filter_id)

    return dict(
        idempotency.remember(session, account_id, idempotency_key, data, produce, operation="create_filter")
    )


def get_filter(session: Any, account_id: int, filter_id: int) -> dict[str, Any]:
    """One saved filter. Raises UnknownFilter."""
    return _shown(_found(session, account_id, filter_id))


def list_filters(session: Any, account_id: int, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of the account's saved filters, in the order they were made. Raises BadCursor."""
    limit = domain.page_size(limit)
    params = {"account_id": account_id, "after": domain.read_cursor(cursor), "limit": limit + 1}
    data, following = queries.page(queries.rows(session, _LIST, params), limit)
    return {"data": [_shown(one) for one in data], "next_cursor": following}


def update_filter(
    session: Any, account_id: int, filter_id: int, changes: Any, version: int | None
) -> dict[str, Any]:
    """Change name or filter. Raises UnknownFilter, InvalidFields, UnknownGroup, FilterNameTaken, VersionMismatch."""
    wanted = schemas.load(schemas.FilterChanges, changes)
    current = _found(session, account_id, filter_id, lock=True)
    if version is not None and version != current["version"]:
        raise VersionMismatch("The filter was changed since it was read.")
    stored = _stored(session, account_id, wanted["filter"]) if "filter" in wanted else current["filter"]
    params = {"account_id": account_id, "id": filter_id, "name": wanted.get("name", current["name"])}
    if queries.value(session, _NAME_TAKEN, params):
        raise FilterNameTaken("There is a saved filter of this name.")
    with queries.unique(FilterNameTaken("There is a saved filter of this name.")):
        queries.run(session, _UPDATE, params | {"filter": queries.json(stored)})
    audit.note(session, account_id, "filter.updated", f"filter:{filter_id}")
    return get_filter(session, account_id, filter_id)


def delete_filter(session: Any, account_id: int, filter_id: int, version: int | None) -> dict[str, Any]:
    """Delete a saved filter; its contacts stay. Raises UnknownFilter, VersionMismatch."""
    current = _found(session, account_id, filter_id, lock=True)
    if version is not None and version != current["version"]:
        raise VersionMismatch("The filter was changed since it was read.")
    queries.run(session, "DELETE FROM filters WHERE id = %(id)s", {"id": filter_id})
    audit.note(session, account_id, "filter.deleted", f"filter:{filter_id}")
    return {"id": filter_id, "deleted": True}


def definitions(session: Any, account_id: int, filter_ids: list[int]) -> list[dict[str, Any]]:
    """What these saved filters ask for now.

    Raises UnknownFilter when one is not the account's, UnknownGroup, with its name, when one looks in a group that is no more.
    """
    found = [_found(session, account_id, filter_id) for filter_id in filter_ids]
    for one in found:
        try:
            queries.require_groups(session, account_id, {one["filter"].get("group_id")} - {None})
        except UnknownGroup:
            detail = f"The saved filter “{one['name']}” looks in a group that is no more."
            raise UnknownGroup(detail) from None
    return [dict(one["filter"]) for one in found]


def _found(session: Any, account_id: int, filter_id: int, *, lock: bool = False) -> dict[str, Any]:
    sql = f"SELECT {_COLUMNS} FROM filters WHERE account_id = %(account_id)s AND id = %(id)s"
    params = {"account_id": account_id, "id": filter_id}
    found = (
        queries.row(session, sql + (" FOR UPDATE" if lock else ""), params)
        if domain.is_id(filter_id)
        else None
    )
    if found is None:
        raise UnknownFilter("There is no such saved filter.")
    return found


def _stored(session: Any, account_id: int, wanted: dict[str, Any]) -> dict[str, Any]:
    """A checked ``schemas.Filter`` as it is kept: what is not asked for is left out, times as they travel."""
    if wanted["group_id"] is not None:
        queries.require_groups(session, account_id, [wanted["group_id"]])
    times = {name: schemas.iso(wanted[name]) for name in ("created_from", "created_until")}
    return {name: one for name, one in (wanted | times).items() if one not in (None, "")}


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    times = {"created_at": schemas.iso(found["created_at"]), "updated_at": schemas.iso(found["updated_at"])}
    return found | times
