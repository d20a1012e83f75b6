"""Groups and who is in them."""

from __future__ import annotations

from typing import Any

from servicekit import idempotency

from .. import domain, queries, schemas
from ..errors import GroupNameTaken, InvalidFields, UnknownGroup, VersionMismatch
from ..queries import contacts as read
from . import audit, lock_contacts

_INSERT = """
INSERT INTO groups (account_id, name, description) VALUES (%(account_id)s, %(name)s, %(description)s)
ON CONFLICT (account_id, name_key) DO NOTHING RETURNING id
"""

_NAME_TAKEN = """
SELECT EXISTS (SELECT FROM groups
    WHERE account_id = %(account_id)s AND name_key = contacts_fold(%(name)s) AND id <> %(id)s)
"""

_UPDATE = """
UPDATE groups SET name = %(name)s, description = %(description)s, version = version + 1, updated_at = now()
WHERE id = %(id)s
"""

_ADD = """
INSERT INTO group_members (group_id, contact_id)
SELECT g.id, c.id FROM groups g, contacts c
WHERE g.account_id = %(account_id)s AND g.id = ANY(%(group_ids)s)
    AND c.account_id = %(account_id)s AND c.id = ANY(%(contact_ids)s)
ON CONFLICT DO NOTHING
"""

_REMOVE = """
DELETE FROM group_members m USING groups g
WHERE g.id = m.group_id AND g.account_id = %(account_id)s AND g.id = ANY(%(group_ids)s)
    AND m.contact_id = ANY(%(contact_ids)s)
"""


def create_group(session: Any, account_id: int, data: Any, idempotency_key: str | None) -> dict[str, Any]:
    """A new, empty group. Raises InvalidFields, GroupNameTaken, Conflict("idempotency_key_reused")."""
    wanted = schemas.load(schemas.NewGroup, data)

    def produce() -> dict[str, Any]:
        params = {
            "account_id": account_id,
            "name": wanted["name"],
            "description": wanted.get("description", ""),
        }
        group_id = queries.value(session, _INSERT, params)
        if group_id is None:
            raise GroupNameTaken("There is a group of this name.")
        audit.note(session, account_id, "group.created", f"group:{group_id}")
        return read.get_group(session, account_id, group_id)

    return dict(
        idempotency.remember(session, account_id, idempotency_key, wanted, produce, operation="create_group")
    )


def update_group(
    session: Any, account_id: int, group_id: int, changes: Any, version: int | None
) -> dict[str, Any]:
    """Change name or description. Raises UnknownGroup, InvalidFields, GroupNameTaken, VersionMismatch."""
    wanted = schemas.load(schemas.GroupChanges, changes)
    current = _lock(session, account_id, group_id, version)
    params = {"name": current["name"], "description": current["description"]} | wanted
    params |= {"account_id": account_id, "id": group_id}
    if queries.value(session, _NAME_TAKEN, params):
        raise GroupNameTaken("There is a group of this name.")
    with queries.unique(GroupNameTaken("There is a group of this name.")):
        queries.run(session, _UPDATE, params)
    audit.note(session, account_id, "group.updated", f"group:{group_id}")
    return read.get_group(session, account_id, group_id)


def delete_group(session: Any, account_id: int, group_id: int, version: int | None = None) -> dict[str, Any]:
    """Delete a group; its contacts stay. Raises UnknownGroup, VersionMismatch."""
    lock_contacts(session, account_id)
    _lock(session, account_id, group_id, version)
    queries.run(session, "DELETE FROM groups WHERE id = %(id)s", {"id": group_id})
    audit.note(session, account_id, "group.deleted", f"group:{group_id}")
    return {"id": group_id, "deleted": True}


def add_members(session: Any, account_id: int, group_id: int, contact_ids: Any) -> dict[str, Any]:
    """Put contacts in the group; those in it already stay. Raises UnknownGroup, UnknownContact, InvalidFields."""
    ids = _member_ids(contact_ids)
    lock_contacts(session, account_id)
    queries.require_groups(session, account_id, [group_id])
    read.require_contacts(session, account_id, ids)
    audit.note(session, account_id, "group.members_added", f"group:{group_id}", contacts=len(ids))
    return {"changed": add_to_groups(session, account_id, [group_id], ids)}


def remove_members(session: Any, account_id: int, group_id: int, contact_ids: Any) -> dict[str, Any]:
    """Take contacts out of the group; those not in it do no harm. Raises UnknownGroup, InvalidFields."""
    ids = _member_ids(contact_ids)
    lock_contacts(session, account_id)
    queries.require_groups(session, account_id, [group_id])
    audit.note(session, account_id, "group.members_removed", f"group:{group_id}", contacts=len(ids))
    return {"changed": remove_from_groups(session, account_id, [group_id], ids)}


def add_to_groups(session: Any, account_id: int, group_ids: list[int], contact_ids: list[int]) -> int:
    """Memberships made; groups and contacts of other accounts are passed over."""
    params = {"account_id": account_id, "group_ids": group_ids, "contact_ids": contact_ids}
    return queries.run(session, _ADD, params)


def remove_from_groups(session: Any, account_id: int, group_ids: list[int], contact_ids: list[int]) -> int:
    """Memberships ended; groups of other accounts are passed over."""
    params = {"account_id": account_id, "group_ids": group_ids, "contact_ids": contact_ids}
    return queries.run(session, _REMOVE, params)


def _member_ids(contact_ids: Any) -> list[int]:
    ids: list[int] = schemas.load(schemas.Selection, {"ids": contact_ids})["ids"]
    if not ids:
        raise InvalidFields(
            "contact_ids is empty", [{"pointer": "/contact_ids", "code": "required", "detail": "empty"}]
        )
    return ids


def _lock(session: Any, account_id: int, group_id: int, version: int | None) -> dict[str, Any]:
    sql = "SELECT name, description, version FROM groups WHERE account_id = %(account_id)s AND id = %(id)s FOR UPDATE"
    params = {"account_id": account_id, "id": group_id}
    current = queries.row(session, sql, params) if domain.is_id(group_id) else None
    if current is None:
        raise UnknownGroup("There is no such group.")
    if version is not None and version != current["version"]:
        raise VersionMismatch("The group was changed since it was read.")
    return current
