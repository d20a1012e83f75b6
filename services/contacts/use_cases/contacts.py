"""Contacts: create, update, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from servicekit import idempotency

from .. import domain, queries, schemas
from ..errors import InvalidFields, NumberTaken, UnknownContact, VersionMismatch
from ..queries import contacts as read
from . import audit, lock_contacts, suppressions, trash

_INSERT = f"""
INSERT INTO contacts (account_id, {", ".join(domain.TEXT_FIELDS)})
VALUES (%(account_id)s, {", ".join(f"%({name})s" for name in domain.TEXT_FIELDS)}) RETURNING id
"""

_TAKEN = """
SELECT msisdn FROM phones
WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s) AND contact_id IS DISTINCT FROM %(contact_id)s
"""

_PUT_NUMBERS = """
INSERT INTO phones (account_id, msisdn, contact_id, is_primary)
SELECT %(account_id)s, n.msisdn, %(contact_id)s, n.is_primary
FROM unnest(%(msisdns)s::bigint[], %(primaries)s::boolean[]) n (msisdn, is_primary)
"""

_PUT_GROUPS = """
INSERT INTO group_members (group_id, contact_id) SELECT unnest(%(group_ids)s::bigint[]), %(contact_id)s
"""


def create_contact(session: Any, account_id: int, data: Any, idempotency_key: str | None) -> dict[str, Any]:
    """A new contact with its numbers and groups.

    Raises InvalidFields, NumberTaken, UnknownGroup, Conflict("idempotency_key_reused").
    """
    wanted = schemas.load(schemas.NewContact, data)

    def produce() -> dict[str, Any]:
        lock_contacts(session, account_id)
        queries.require_groups(session, account_id, wanted.get("group_ids", ()))
        values = {name: wanted.get(name, "") for name in domain.TEXT_FIELDS}
        contact_id = queries.value(session, _INSERT, values | {"account_id": account_id})
        _put_numbers(session, account_id, contact_id, wanted["numbers"])
        _put_groups(session, contact_id, wanted.get("group_ids", ()))
        audit.note(session, account_id, "contact.created", f"contact:{contact_id}")
        return read.get_contact(session, account_id, contact_id)

    return dict(
        idempotency.remember(
            session, account_id, idempotency_key, wanted, produce, operation="create_contact"
        )
    )


def update_contact(
    session: Any, account_id: int, contact_id: int, changes: Any, version: int | None
) -> dict[str, Any]:
    """Change what ``changes`` names; ``version`` None changes whatever is there.

    Raises UnknownContact, InvalidFields, NumberTaken, UnknownGroup, VersionMismatch.
    """
    wanted = schemas.load(schemas.ContactChanges, changes)
    lock_contacts(session, account_id)
    _lock(session, account_id, contact_id, version)
    texts = {name: wanted[name] for name in domain.TEXT_FIELDS if name in wanted}
    assignments = "".join(f", {name} = %({name})s" for name in texts)
    sql = f"UPDATE contacts SET version = version + 1, updated_at = now(){assignments} WHERE id = %(id)s"
    queries.run(session, sql, texts | {"id": contact_id})
    if "numbers" in wanted:
        queries.run(session, "DELETE FROM phones WHERE contact_id = %(id)s", {"id": contact_id})
        _put_numbers(session, account_id, contact_id, wanted["numbers"])
    if "group_ids" in wanted:
        queries.require_groups(session, account_id, wanted["group_ids"])
        queries.run(session, "DELETE FROM group_members WHERE contact_id = %(id)s", {"id": contact_id})
        _put_groups(session, contact_id, wanted["group_ids"])
    audit.note(session, account_id, "contact.updated", f"contact:{contact_id}", fields=sorted(wanted))
    return read.get_contact(session, account_id, contact_id)


def delete_contact(
    session: Any, account_id: int, contact_id: int, version: int | None = None
) -> dict[str, Any]:
    """Delete a contact with its numbers and memberships, to be brought back for a time (``trash``).

    The blacklist keeps its numbers.
    Raises UnknownContact, VersionMismatch.
    """
    lock_contacts(session, account_id)
    _lock(session, account_id, contact_id, version)
    trash.throw_away(session, account_id, [contact_id])
    audit.note(session, account_id, "contact.deleted", f"contact:{contact_id}")
    return {"id": contact_id, "deleted": True}


def _lock(session: Any, account_id: int, contact_id: int, version: int | None) -> None:
    sql = "SELECT version FROM contacts WHERE account_id = %(account_id)s AND id = %(id)s FOR UPDATE"
    params = {"account_id": account_id, "id": contact_id}
    current = queries.value(session, sql, params) if domain.is_id(contact_id) else None
    if current is None:
        raise UnknownContact("There is no such contact.")
    if version is not None and version != current:
        raise VersionMismatch("The contact was changed since it was read.")


def _put_numbers(
    session: Any, account_id: int, contact_id: int, numbers: Sequence[Mapping[str, Any]]
) -> None:
    given = [number["number"] for number in numbers]
    if sum(1 for number in numbers if number["primary"]) > 1:
        raise InvalidFields(
            "Only one number can be the primary one.",
            [{"pointer": "/numbers", "code": "several_primary", "detail": "mark one number as primary"}],
        )
    params = {"account_id": account_id, "contact_id": contact_id, "msisdns": given}
    if taken := {found["msisdn"] for found in queries.rows(session, _TAKEN, params)}:
        raise NumberTaken(
            "Another contact has this number.",
            [
                {
                    "pointer": f"/numbers/{index}/number",
                    "code": "number_taken",
                    "detail": "of another contact",
                }
                for index, msisdn in enumerate(given)
                if msisdn in taken
            ],
        )
    chosen = domain.one_primary([(number["number"], number["primary"]) for number in numbers])
    params |= {"msisdns": [msisdn for msisdn, _ in chosen], "primaries": [primary for _, primary in chosen]}
    queries.run(session, _PUT_NUMBERS, params)
    suppressions.revive(session, account_id, given)


def _put_groups(session: Any, contact_id: int, group_ids: Sequence[int]) -> None:
    if group_ids:
        queries.run(session, _PUT_GROUPS, {"contact_id": contact_id, "group_ids": sorted(set(group_ids))})
