"""Merging duplicates: one contact stays and takes over what the others have; they are gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import domain, queries, schemas
from ..errors import InvalidFields, TooManyNumbers, UnknownContact, VersionMismatch
from ..importing.verdicts import FIELD_LIMITS
from ..queries import contacts as read
from . import audit, lock_contacts

_LOCK = """
SELECT * FROM contacts WHERE account_id = %(account_id)s AND id = ANY(%(ids)s) ORDER BY id FOR UPDATE
"""

_TAKE_NUMBERS = "UPDATE phones SET contact_id = %(id)s, is_primary = false WHERE contact_id = ANY(%(others)s)"

_TAKE_GROUPS = """
INSERT INTO group_members (group_id, contact_id)
SELECT DISTINCT group_id, %(id)s FROM group_members WHERE contact_id = ANY(%(others)s) ON CONFLICT DO NOTHING
"""

_SET = ", ".join(f"{name} = %({name})s" for name in domain.TEXT_FIELDS)


def merge(
    session: Any, account_id: int, contact_id: int, others: Any, version: int | None = None
) -> dict[str, Any]:
    """Merge ``others`` into a contact, which keeps its id, its primary number and every field it has.

    Its blank fields are filled from the others in the order given, their notes are added to its own while there is room,
    their numbers become further numbers of it, and it joins their groups. Consents and the blacklist go by number and
    stay as they are. This cannot be undone. Raises InvalidFields, UnknownContact, TooManyNumbers, VersionMismatch.
    """
    ids = list(dict.fromkeys(schemas.load(schemas.Merge, {"with": others})["with"]))
    lock_contacts(session, account_id)
    params = {"account_id": account_id, "ids": [contact_id, *ids]}
    found = (
        {one["id"]: one for one in queries.rows(session, _LOCK, params)} if domain.is_id(contact_id) else {}
    )
    if contact_id in ids and contact_id in found:
        error = {"pointer": "/with", "code": "itself", "detail": "a contact cannot be merged with itself"}
        raise InvalidFields("A contact cannot be merged with itself.", [error])
    if len(found) != len(ids) + 1:
        raise UnknownContact("There is no such contact.")
    kept = found[contact_id]
    if version is not None and version != kept["version"]:
        raise VersionMismatch("The contact was changed since it was read.")
    both = {"id": contact_id, "others": ids}
    queries.run(session, _TAKE_NUMBERS, both)
    sql = "SELECT count(*) FROM phones WHERE contact_id = %(id)s"
    if queries.value(session, sql, both) > domain.MAX_NUMBERS_PER_CONTACT:
        raise TooManyNumbers(f"A contact has at most {domain.MAX_NUMBERS_PER_CONTACT} numbers.")
    queries.run(session, _TAKE_GROUPS, both)
    queries.run(session, "DELETE FROM contacts WHERE id = ANY(%(others)s)", both)
    texts = merged(kept, [found[one] for one in ids])
    sql = f"UPDATE contacts SET {_SET}, version = version + 1, updated_at = now() WHERE id = %(id)s"
    queries.run(session, sql, texts | both)
    audit.note(
        session, account_id, "contact.merged", f"contact:{contact_id}", merged=[str(one) for one in ids]
    )
    return read.get_contact(session, account_id, contact_id)


def merged(kept: dict[str, Any], others: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The text fields of a contact that was merged: its own, or the first of the others that is not blank; notes added."""
    texts = {
        name: next((one[name] for one in (kept, *others) if one[name]), "") for name in domain.TEXT_FIELDS
    }
    notes = dict.fromkeys(one["note"] for one in (kept, *others) if one["note"])
    note = ""
    for one in notes:
        longer = f"{note}\n{one}" if note else one
        note = longer if len(longer) <= FIELD_LIMITS["note"] else note
    return texts | {"note": note}
