"""Merging duplicates: one contact stays and takes over what the others have; they lie in the trash until it is undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from servicekit import context

from .. import domain, queries, schemas
from ..errors import InvalidFields, TooManyNumbers, UnknownContact, VersionMismatch
from ..keeping import keeping
from ..queries import contacts as read
from . import audit, lock_contacts, trash

_LOCK = """
SELECT * FROM contacts WHERE account_id = %(account_id)s AND id = ANY(%(ids)s) ORDER BY id FOR UPDATE
"""

_COUNT = "SELECT count(*) FROM phones WHERE contact_id = ANY(%(ids)s)"

# Before the others go: which groups the contact joins by this.
_GAINED = """
SELECT coalesce(array_agg(DISTINCT m.group_id), '{}') FROM group_members m WHERE m.contact_id = ANY(%(others)s)
    AND NOT EXISTS (SELECT FROM group_members o WHERE o.group_id = m.group_id AND o.contact_id = %(id)s)
"""

_NOTE = """
INSERT INTO merges (account_id, contact_id, version, others, filled, note_length, group_ids, actor, undo_until)
VALUES (%(account_id)s, %(id)s, %(version)s, %(others)s, %(filled)s, %(note_length)s, %(group_ids)s, %(actor)s,
    now() + make_interval(secs => %(undo)s))
RETURNING id
"""

_TAKE_NUMBERS = """
INSERT INTO phones (account_id, msisdn, contact_id, is_primary)
SELECT t.account_id, unnest(t.numbers), %(id)s, false FROM trash t
WHERE t.account_id = %(account_id)s AND t.contact_id = ANY(%(others)s)
"""

_TAKE_GROUPS = (
    "INSERT INTO group_members (group_id, contact_id) SELECT unnest(%(group_ids)s::bigint[]), %(id)s"
)

SET_TEXTS = ", ".join(f"{name} = %({name})s" for name in domain.TEXT_FIELDS)


def merge(
    session: Any, account_id: int, contact_id: int, others: Any, version: int | None = None
) -> dict[str, Any]:
    """Merge ``others`` into a contact, which keeps its id, its primary number and every field it has.

    Its blank fields are filled from the others in the order given, their notes are added to its own while there is room,
    their numbers become further numbers of it, and it joins their groups. Consents and the blacklist go by number and
    stay as they are. The contact, with the ``merge_id`` by which this can be undone (``unmerging``).
    Raises InvalidFields, UnknownContact, TooManyNumbers, VersionMismatch.
    """
    ids = list(dict.fromkeys(schemas.load(schemas.Merge, {"with": others})["with"]))
    lock_contacts(session, account_id)
    kept, gone = _both(session, account_id, contact_id, ids)
    if version is not None and version != kept["version"]:
        raise VersionMismatch("The contact was changed since it was read.")
    if queries.value(session, _COUNT, {"ids": [contact_id, *ids]}) > domain.MAX_NUMBERS_PER_CONTACT:
        raise TooManyNumbers(f"A contact has at most {domain.MAX_NUMBERS_PER_CONTACT} numbers.")
    texts = merged(kept, gone)
    params = {"account_id": account_id, "id": contact_id, "others": ids}
    params["group_ids"] = queries.value(session, _GAINED, params)
    merge_id = _write_down(session, kept, texts, params)
    trash.throw_away(session, account_id, ids, merge_id=merge_id)
    queries.run(session, _TAKE_NUMBERS, params)
    queries.run(session, _TAKE_GROUPS, params)
    sql = f"UPDATE contacts SET {SET_TEXTS}, version = version + 1, updated_at = now() WHERE id = %(id)s"
    queries.run(session, sql, texts | params)
    what = {"merge_id": str(merge_id), "merged": [str(one) for one in ids]}
    audit.note(session, account_id, "contact.merged", f"contact:{contact_id}", **what)
    return read.get_contact(session, account_id, contact_id) | {"merge_id": merge_id}


def merged(kept: dict[str, Any], others: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The text fields of a contact that was merged: its own, or the first of the others that is not blank; notes added."""
    texts = {
        name: next((one[name] for one in (kept, *others) if one[name]), "") for name in domain.TEXT_FIELDS
    }
    notes = dict.fromkeys(one["note"] for one in (kept, *others) if one["note"])
    note = ""
    for one in notes:
        longer = f"{note}\n{one}" if note else one
        note = longer if len(longer) <= domain.TEXT_LIMITS["note"] else note
    return texts | {"note": note}


def _both(
    session: Any, account_id: int, contact_id: int, ids: list[int]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The contact that stays and the others in their order, locked."""
    params = {"account_id": account_id, "ids": [contact_id, *ids]}
    rows = queries.rows(session, _LOCK, params) if domain.is_id(contact_id) else []
    found = {one["id"]: one for one in rows}
    if contact_id in ids and contact_id in found:
        error = {"pointer": "/with", "code": "itself", "detail": "a contact cannot be merged with itself"}
        raise InvalidFields("A contact cannot be merged with itself.", [error])
    if len(found) != len(ids) + 1:
        raise UnknownContact("There is no such contact.")
    return found[contact_id], [found[one] for one in ids]


def _write_down(session: Any, kept: dict[str, Any], texts: dict[str, str], params: dict[str, Any]) -> int:
    """What undoing needs of the contact that stays: names and lengths, nothing that would have to be erased."""
    noted = {
        "version": kept["version"] + 1,
        "filled": [name for name in domain.MEMBER_FIELDS if texts[name] != kept[name]],
        "note_length": len(kept["note"]),
        "actor": context.actor(),
        "undo": keeping().undo_days * 86_400,
    }
    return int(queries.value(session, _NOTE, params | noted))
