"""Contacts and groups, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import domain, schemas
from ..errors import UnknownContact
from . import page, require_groups, row, rows, search, value

_COLUMNS = (
    f"c.id, {', '.join(f'c.{name}' for name in domain.TEXT_FIELDS)}, c.version, c.created_at, c.updated_at"
)

_NUMBERS = """
SELECT p.contact_id, p.msisdn::text AS number, p.is_primary AS primary, s.msisdn IS NOT NULL AS blacklisted
FROM phones p LEFT JOIN suppressions s ON s.account_id = p.account_id AND s.msisdn = p.msisdn AND s.active
WHERE p.contact_id = ANY(%(ids)s) ORDER BY p.contact_id, p.is_primary DESC, p.msisdn
"""

_MEMBERSHIPS = "SELECT contact_id, group_id FROM group_members WHERE contact_id = ANY(%(ids)s) ORDER BY contact_id, group_id"

# A subselect for each number: always one look into the key of phones. As a join, or as = ANY, it depends on what the
# statistics believe of the account, and while an import fills it they are minutes behind.
_OWNERS = """
SELECT * FROM (
    SELECT n.msisdn, (
        SELECT p.contact_id FROM phones p WHERE p.account_id = %(account_id)s AND p.msisdn = n.msisdn
    ) AS contact_id FROM unnest(%(msisdns)s::bigint[]) n (msisdn)
) found WHERE contact_id IS NOT NULL
"""


def owners_of(session: Any, account_id: int, msisdns: Sequence[int]) -> dict[int, int]:
    """The contacts of the account that have these numbers, by number."""
    found = rows(session, _OWNERS, {"account_id": account_id, "msisdns": list(msisdns)})
    return {one["msisdn"]: one["contact_id"] for one in found}


def list_contacts(
    session: Any, account_id: int, wanted: Mapping[str, Any], cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the contacts that match a checked ``schemas.Listing``, in its order. Raises UnknownGroup, BadCursor."""
    limit = domain.page_size(limit)
    ids, following = search.page_ids(session, account_id, wanted, cursor, limit)
    return {"data": by_ids(session, account_id, ids), "next_cursor": following}


def by_ids(session: Any, account_id: int, ids: Sequence[int]) -> list[dict[str, Any]]:
    """These contacts of the account in this order, with their numbers and groups; those that are gone are left out."""
    sql = f"SELECT {_COLUMNS} FROM contacts c WHERE c.account_id = %(account_id)s AND c.id = ANY(%(ids)s)"
    found = {one["id"]: one for one in rows(session, sql, {"account_id": account_id, "ids": list(ids)})}
    return _complete(session, [found[one] for one in ids if one in found])


def get_contact(session: Any, account_id: int, contact_id: int) -> dict[str, Any]:
    """A contact with its numbers and groups. Raises UnknownContact."""
    sql = f"SELECT {_COLUMNS} FROM contacts c WHERE c.account_id = %(account_id)s AND c.id = %(id)s"
    found = (
        rows(session, sql, {"account_id": account_id, "id": contact_id}) if domain.is_id(contact_id) else []
    )
    if not found:
        raise UnknownContact("There is no such contact.")
    return _complete(session, found)[0]


def _complete(session: Any, contacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = {"ids": [contact["id"] for contact in contacts]}
    by_id = {contact["id"]: contact for contact in contacts}
    for contact in contacts:
        contact |= {"numbers": [], "group_ids": [], "blacklisted": False}
        contact["created_at"] = schemas.iso(contact["created_at"])
        contact["updated_at"] = schemas.iso(contact["updated_at"])
    for number in rows(session, _NUMBERS, ids):
        contact = by_id[number.pop("contact_id")]
        contact["numbers"].append(number)
        contact["blacklisted"] |= number["blacklisted"]
    for membership in rows(session, _MEMBERSHIPS, ids):
        by_id[membership["contact_id"]]["group_ids"].append(membership["group_id"])
    return contacts


# Counting members took 1 s for 100 groups with three million of them, this 4 ms; it is exact whoever changes them (0010).
_GROUP = """
SELECT g.id, g.name, g.description, g.version, g.created_at, g.updated_at, (
    coalesce((SELECT c.members FROM group_counts c WHERE c.group_id = g.id), 0)
    + coalesce((SELECT sum(d.members) FROM group_deltas d WHERE d.group_id = g.id), 0))::bigint AS members
FROM groups g WHERE g.account_id = %(account_id)s
"""


def list_groups(session: Any, account_id: int, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of the account's groups with their counts, in the order they were made. Raises BadCursor."""
    limit = domain.page_size(limit)
    params = {"account_id": account_id, "after": domain.read_cursor(cursor), "limit": limit + 1}
    found = rows(session, f"{_GROUP} AND g.id > %(after)s ORDER BY g.id LIMIT %(limit)s", params)
    data, following = page(found, limit)
    return {"data": [_group(group) for group in data], "next_cursor": following}


def get_group(session: Any, account_id: int, group_id: int) -> dict[str, Any]:
    """A group with its count. Raises UnknownGroup."""
    require_groups(session, account_id, [group_id])
    found = row(session, f"{_GROUP} AND g.id = %(id)s", {"account_id": account_id, "id": group_id})
    assert found is not None
    return _group(found)


def _group(group: dict[str, Any]) -> dict[str, Any]:
    return group | {
        "created_at": schemas.iso(group["created_at"]),
        "updated_at": schemas.iso(group["updated_at"]),
    }


def require_contacts(session: Any, account_id: int, contact_ids: Sequence[int]) -> None:
    """Raise UnknownContact unless all of them are the account's."""
    wanted = set(contact_ids)
    sql = "SELECT count(*) FROM contacts WHERE account_id = %(account_id)s AND id = ANY(%(ids)s)"
    if wanted and value(session, sql, {"account_id": account_id, "ids": list(wanted)}) != len(wanted):
        raise UnknownContact("There is no such contact.")


def selected(session: Any, account_id: int, selection: Mapping[str, Any], most: int) -> list[int]:
    """Ids of the account's contacts that a checked ``schemas.Selection`` takes, at most ``most`` + 1 of them.

    Ids that are not the account's are left out. Raises UnknownGroup.
    """
    if "ids" not in selection:
        return search.matching_ids(session, account_id, selection["filter"], most)
    sql = "SELECT id FROM contacts WHERE account_id = %(account_id)s AND id = ANY(%(ids)s) ORDER BY id LIMIT %(limit)s"
    params = {"account_id": account_id, "ids": selection["ids"], "limit": most + 1}
    return [found["id"] for found in rows(session, sql, params)]
