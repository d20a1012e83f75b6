"""A merge taken apart again: the others come back from the trash with their numbers, the contact gives up what it gained.

What somebody has changed since stays as it is and is named in ``not_restored``. Nothing about a person is kept for this but
what the trash has, which is purged and erased like any deleted contact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import domain, queries
from ..errors import NotUndoable, VersionMismatch
from ..queries import merges as read
from ..queries.contacts import owners_of
from . import audit, lock_contacts, trash
from .merging import SET_TEXTS, merged

_KEPT = "SELECT * FROM contacts WHERE account_id = %(account_id)s AND id = %(id)s FOR UPDATE"

_GIVE_NUMBERS = "DELETE FROM phones WHERE contact_id = %(id)s AND msisdn = ANY(%(msisdns)s)"
_LEAVE_GROUPS = "DELETE FROM group_members WHERE contact_id = %(id)s AND group_id = ANY(%(group_ids)s)"

# Whoever gave numbers away has a primary one again; 0 when none is left.
_PRIMARY = """
UPDATE phones SET is_primary = true WHERE contact_id = %(id)s
    AND msisdn = (SELECT min(msisdn) FROM phones WHERE contact_id = %(id)s HAVING NOT bool_or(is_primary))
"""
_HAS_NUMBERS = "SELECT EXISTS (SELECT FROM phones WHERE contact_id = %(id)s)"

# An earlier merge into the same contact saw it as it is again: it can be undone as well.
_CARRY = """
UPDATE merges SET version = %(version)s + 1
WHERE contact_id = %(id)s AND version = %(merged)s - 1 AND undone_at IS NULL AND %(version)s = %(merged)s
"""

_GROUPS = "SELECT id FROM groups WHERE account_id = %(account_id)s AND id = ANY(%(ids)s)"
_LIVE = "SELECT id FROM contacts WHERE account_id = %(account_id)s AND id = ANY(%(ids)s)"
_DELETED = (
    "SELECT contact_id AS id FROM trash WHERE account_id = %(account_id)s AND contact_id = ANY(%(ids)s)"
)

_DONE = "UPDATE merges SET undone_at = now(), not_restored = %(left)s::jsonb WHERE id = %(merge_id)s"

Found = dict[str, Any]


def undo(session: Any, account_id: int, merge_id: int, version: int | None = None) -> dict[str, Any]:
    """Undo a merge; asked again it answers the same.

    A contact that was changed since is left alone unless its present ``version`` is given; then what was changed stays.
    Raises UnknownMerge, VersionMismatch, NotUndoable with the reason in its code.
    """
    lock_contacts(session, account_id)
    found = read.locked(session, account_id, merge_id)
    if found["undone_at"] is not None:
        return read.shown(found)
    kept = queries.row(session, _KEPT, {"account_id": account_id, "id": found["contact_id"]})
    _refuse(found, kept, version)
    assert kept is not None
    records = {one["contact_id"]: one for one in trash.of_merge(session, account_id, merge_id)}
    back = _separate(session, account_id, found, records)
    fields = _restore_fields(session, found, kept, records)
    left = [*_left(session, account_id, found, records, back), *fields]
    queries.run(session, _DONE, {"merge_id": merge_id, "left": queries.json(left)})
    what = {"merge_id": str(merge_id), "restored": [str(one) for one in back], "not_restored": len(left)}
    audit.note(session, account_id, "contact.unmerged", f"contact:{found['contact_id']}", **what)
    return read.get_merge(session, account_id, merge_id)


def _refuse(found: Found, kept: Found | None, version: int | None) -> None:
    if kept is not None and version is not None and version != kept["version"]:
        raise VersionMismatch("The contact was changed since it was read.")
    why = read.why_not(found)
    if why is not None and not (why == "changed" and version is not None):
        raise NotUndoable(f"not_undoable_{why}", "This merge cannot be undone.")


def _separate(session: Any, account_id: int, found: Found, records: dict[int, Found]) -> list[int]:
    """Numbers and groups back to whose they were; the ids of those who are there again."""
    numbers = [msisdn for one in records.values() for msisdn in one["numbers"]]
    params = {"id": found["contact_id"], "msisdns": numbers, "group_ids": found["group_ids"]}
    queries.run(session, _GIVE_NUMBERS, params)
    back = trash.bring_back(session, account_id, list(records))
    if not back:
        raise NotUndoable("not_undoable_nothing_left", "None of the merged contacts can be brought back.")
    if not queries.value(session, _HAS_NUMBERS, params):
        raise NotUndoable("not_undoable_no_number", "The contact would be left without a number.")
    queries.run(session, _PRIMARY, params)
    queries.run(session, _LEAVE_GROUPS, params)
    return back


def _restore_fields(session: Any, found: Found, kept: Found, records: dict[int, Found]) -> list[Found]:
    """Blank again what the merge filled, unless somebody wrote there since; what stays is returned."""
    others = [records[one]["contact"] for one in found["others"] if one in records]
    before = kept | dict.fromkeys(found["filled"], "") | {"note": kept["note"][: found["note_length"]]}
    then = merged(before, others)
    changed = [name for name in (*found["filled"], "note") if kept[name] != then[name]]
    texts = {name: kept[name] if name in changed else before[name] for name in domain.TEXT_FIELDS}
    sql = f"UPDATE contacts SET {SET_TEXTS}, version = version + 1, updated_at = now() WHERE id = %(id)s"
    queries.run(session, sql, texts | {"id": kept["id"]})
    queries.run(session, _CARRY, {"id": kept["id"], "version": kept["version"], "merged": found["version"]})
    return [{"contact_id": kept["id"], "code": "field_changed", "field": name} for name in changed]


def _left(
    session: Any, account_id: int, found: Found, records: dict[int, Found], back: list[int]
) -> Iterator[Found]:
    """What could not be brought back, and why. Numbers are not named, so that none has to be erased here."""
    missing = [one for one in found["others"] if one not in records]
    yield from _missing(session, account_id, missing)
    numbers = [msisdn for one in records.values() for msisdn in one["numbers"]]
    holders = owners_of(session, account_id, numbers)
    wanted = sorted({group_id for one in records.values() for group_id in one["group_ids"]})
    known = queries.rows(session, _GROUPS, {"account_id": account_id, "ids": wanted})
    groups = {one["id"] for one in known}
    for contact_id, record in records.items():
        about = {"contact_id": contact_id}
        taken = [holders[one] for one in record["numbers"] if holders.get(one, contact_id) != contact_id]
        yield from (about | {"code": "number_taken", "taken_by": holder} for holder in taken)
        if contact_id in back:
            deleted = [one for one in record["group_ids"] if one not in groups]
            yield from (about | {"code": "group_deleted", "group_id": group_id} for group_id in deleted)


def _missing(session: Any, account_id: int, ids: list[int]) -> Iterator[Found]:
    params = {"account_id": account_id, "ids": ids}
    live = {one["id"] for one in queries.rows(session, _LIVE, params)}
    deleted = {one["id"] for one in queries.rows(session, _DELETED, params)}
    for contact_id in ids:
        code = (
            "already_restored" if contact_id in live else "deleted_since" if contact_id in deleted else "gone"
        )
        yield {"contact_id": contact_id, "code": code}
