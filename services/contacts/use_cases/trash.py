"""Deleted contacts: out of every list at once, brought back as they were while the time for that lasts, then purged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import domain, queries
from ..errors import NumberTaken, UnknownContact
from ..keeping import keeping
from ..queries import contacts as read
from . import audit, lock_contacts

_NAMES = ", ".join(domain.TEXT_FIELDS)

# ``search`` is computed anew when it comes back.
_THROW = """
INSERT INTO trash (account_id, contact_id, contact, numbers, group_ids, job_id, merge_id)
SELECT c.account_id, c.id, to_jsonb(c) - 'search',
    ARRAY(SELECT p.msisdn FROM phones p WHERE p.contact_id = c.id ORDER BY p.is_primary DESC, p.msisdn),
    ARRAY(SELECT m.group_id FROM group_members m WHERE m.contact_id = c.id), %(job_id)s, %(merge_id)s
FROM contacts c WHERE c.account_id = %(account_id)s AND c.id = ANY(%(ids)s)
RETURNING contact_id
"""

# Memberships at once, before the trigger takes those of each contact by itself: that would be a row of group_deltas for each.
_DROP = (
    "DELETE FROM group_members WHERE contact_id = ANY(%(thrown)s)",
    "DELETE FROM contacts WHERE id = ANY(%(thrown)s)",
)

# Who goes for good at this moment is waited for, and is not among the free ones then.
_LOCKED = """
SELECT contact_id FROM trash WHERE account_id = %(account_id)s AND contact_id = ANY(%(ids)s) ORDER BY contact_id FOR UPDATE
"""

# A number that somebody else has meanwhile stays his; a contact that would have none left stays where it is.
_FREE = """
SELECT t.contact_id, n.msisdn, row_number() OVER (PARTITION BY t.contact_id ORDER BY n.place) = 1 AS is_primary
FROM trash t, unnest(t.numbers) WITH ORDINALITY n (msisdn, place)
WHERE t.account_id = %(account_id)s AND t.contact_id = ANY(%(ids)s)
    AND (%(job_id)s IS NULL OR t.job_id = %(job_id)s)
    AND NOT EXISTS (SELECT FROM phones p WHERE p.account_id = %(account_id)s AND p.msisdn = n.msisdn)
ORDER BY t.contact_id, n.place
"""

# Back as it was, a merge into it can still be undone: the version that the merge left counts on with the contact's.
_RESTORE = f"""
WITH back AS (
    DELETE FROM trash WHERE account_id = %(account_id)s AND contact_id = ANY(%(ids)s)
    RETURNING contact, group_ids, contact_id
), carried AS (
    UPDATE merges m SET version = m.version + 1 FROM back b
    WHERE m.contact_id = b.contact_id AND m.version = (b.contact->>'version')::int AND m.undone_at IS NULL
), made AS (
    INSERT INTO contacts (id, account_id, {_NAMES}, version, created_at)
    SELECT contact_id, %(account_id)s, {", ".join(f"contact->>'{name}'" for name in domain.TEXT_FIELDS)},
        (contact->>'version')::int + 1, (contact->>'created_at')::timestamptz
    FROM back RETURNING id
)
SELECT b.contact_id, b.group_ids FROM back b JOIN made m ON m.id = b.contact_id
"""

_PHONES = """
INSERT INTO phones (account_id, msisdn, contact_id, is_primary)
SELECT %(account_id)s, * FROM unnest(%(msisdns)s::bigint[], %(ids)s::bigint[], %(primaries)s::boolean[])
"""

_GROUPS = """
INSERT INTO group_members (group_id, contact_id)
SELECT g.id, n.contact_id FROM unnest(%(groups)s::bigint[], %(ids)s::bigint[]) n (group_id, contact_id)
JOIN groups g ON g.id = n.group_id AND g.account_id = %(account_id)s ON CONFLICT DO NOTHING
"""

_OF_MERGE = """
SELECT t.contact_id, t.contact, t.numbers, t.group_ids FROM merges m
JOIN trash t ON t.account_id = m.account_id AND t.contact_id = ANY(m.others) AND t.merge_id = m.id
WHERE m.account_id = %(account_id)s AND m.id = %(merge_id)s ORDER BY t.contact_id
"""

_PURGE = """
DELETE FROM trash WHERE (account_id, contact_id) IN (
    SELECT account_id, contact_id FROM trash WHERE deleted_at < now() - make_interval(secs => %(seconds)s)
    ORDER BY deleted_at LIMIT %(page)s)
"""
PURGE_PAGE = 2_000


def throw_away(
    session: Any, account_id: int, ids: Sequence[int], job_id: int | None = None, merge_id: int | None = None
) -> int:
    """Delete these contacts of the account, to be brought back within ``keeping().undo_days``; how many there were.

    The caller holds ``lock_contacts``.
    """
    params = {"account_id": account_id, "ids": list(ids), "job_id": job_id, "merge_id": merge_id}
    thrown = [one["contact_id"] for one in queries.rows(session, _THROW, params)]
    for statement in _DROP:
        queries.run(session, statement, {"thrown": thrown})
    return len(thrown)


def of_merge(session: Any, account_id: int, merge_id: int) -> list[dict[str, Any]]:
    """``{contact_id, contact, numbers, group_ids}`` of those whom a merge took and who still lie here because of it."""
    return queries.rows(session, _OF_MERGE, {"account_id": account_id, "merge_id": merge_id})


def bring_back(session: Any, account_id: int, ids: Sequence[int], job_id: int | None = None) -> list[int]:
    """Make deleted contacts again with the numbers that are still free and the groups that are still there; their ids.

    Of ``job_id`` only those that this bulk action deleted. The caller holds ``lock_contacts``.
    """
    params = {"account_id": account_id, "ids": list(ids), "job_id": job_id}
    queries.rows(session, _LOCKED, params)
    phones = queries.rows(session, _FREE, params)
    back = sorted({phone["contact_id"] for phone in phones})
    if not back:
        return []
    restored = queries.rows(session, _RESTORE, params | {"ids": back})
    numbers = {
        "msisdns": [phone["msisdn"] for phone in phones],
        "ids": [phone["contact_id"] for phone in phones],
        "primaries": [phone["is_primary"] for phone in phones],
    }
    queries.run(session, _PHONES, numbers | {"account_id": account_id})
    pairs = [(group_id, one["contact_id"]) for one in restored for group_id in one["group_ids"]]
    members = {"groups": [pair[0] for pair in pairs], "ids": [pair[1] for pair in pairs]}
    queries.run(session, _GROUPS, members | {"account_id": account_id})
    return back


def restore(session: Any, account_id: int, contact_id: int) -> dict[str, Any]:
    """Bring one contact back. Raises UnknownContact when it is not deleted, NumberTaken when others have all its numbers."""
    lock_contacts(session, account_id)
    params = {"account_id": account_id, "id": contact_id}
    sql = "SELECT 1 FROM trash WHERE account_id = %(account_id)s AND contact_id = %(id)s FOR UPDATE"
    if not domain.is_id(contact_id) or queries.value(session, sql, params) is None:
        raise UnknownContact("There is no such deleted contact.")
    if not bring_back(session, account_id, [contact_id]):
        raise NumberTaken("Other contacts have all its numbers now.")
    audit.note(session, account_id, "contact.restored", f"contact:{contact_id}")
    return read.get_contact(session, account_id, contact_id)


def purge(session: Any) -> bool:
    """Drop a page of what was deleted too long ago to be brought back; False when nothing is left of it."""
    params = {"seconds": keeping().undo_days * 86_400, "page": PURGE_PAGE}
    return queries.run(session, _PURGE, params) == PURGE_PAGE
