"""Search entries follow their contacts: what statements have noted as changed (0014) is brought up to date, a page at a time.

Made for each contact as it is stored, they were two fifths of an import. Whatever is still noted, a search reads from the
contacts themselves (``queries.filters``), at about a microsecond a contact.
"""

from __future__ import annotations

from typing import Any

from prometheus_client import Gauge

from .. import queries
from ..queries.filters import CONTACT_NAME_KEY

PAGE = 30_000
"""Contacts sorted in at once, at 0.03 to 0.04 ms each; nobody waits for it."""

NARROW = 1_000
"""A note about fewer contacts is no import, and is not put off."""

MOST_WAITING = 500_000
"""So many may wait until an import is over, which would have to share the processors."""

INDEX = "search_entries_search"

contacts_unsorted = Gauge("keryx_contacts_unsorted", "Changed contacts that each search has to read itself")

# One at a time, and each statement sees all that was committed before: what an earlier one wrote is never older.
_ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended('contacts-sorting', 0))"

_WAITING = "SELECT coalesce(sum(last_id - first_id + 1), 0)::bigint FROM search_changes"

_IMPORTING = "SELECT EXISTS (SELECT FROM imports WHERE state = 'running')"

_NEXT = """
SELECT id, last_id - first_id + 1 AS contacts FROM search_changes
WHERE NOT %(busy)s OR last_id - first_id < %(narrow)s ORDER BY id LIMIT 500
"""

# Contacts may be noted twice, and neighbours apart.
_NOTED = """
WITH noted AS MATERIALIZED (
    SELECT n.account_id, lower(r) AS first_id, upper(r) AS end_id FROM (
        SELECT account_id, range_agg(int8range(first_id, last_id, '[]')) AS ranges FROM search_changes
        WHERE id = ANY(%(ids)s) GROUP BY account_id) n, unnest(n.ranges) r
)"""

# OFFSET 0 keeps each range a walk along the index, whatever the statistics of a growing table say.
_FORGET = f"""{_NOTED}
DELETE FROM search_entries WHERE contact_id IN (
    SELECT e.contact_id FROM noted n CROSS JOIN LATERAL (
        SELECT e.contact_id FROM search_entries e
        WHERE e.contact_id >= n.first_id AND e.contact_id < n.end_id AND e.account_id = n.account_id OFFSET 0) e
    WHERE NOT EXISTS (SELECT FROM contacts c WHERE c.id = e.contact_id))
"""

_SORT_IN = f"""{_NOTED}
INSERT INTO search_entries AS e (contact_id, account_id, search, digits, name_key, created_at)
SELECT c.id, c.account_id, c.search, coalesce(
        (SELECT string_agg(p.msisdn::text, ' ' ORDER BY p.msisdn) FROM phones p WHERE p.contact_id = c.id), ''),
    {CONTACT_NAME_KEY}, c.created_at
FROM noted n CROSS JOIN LATERAL (
    SELECT c.* FROM contacts c WHERE c.account_id = n.account_id AND c.id >= n.first_id AND c.id < n.end_id OFFSET 0) c
ORDER BY c.id
ON CONFLICT (contact_id) DO UPDATE SET search = excluded.search, digits = excluded.digits, name_key = excluded.name_key
WHERE (e.search, e.digits, e.name_key) IS DISTINCT FROM (excluded.search, excluded.digits, excluded.name_key)
"""

_DONE = "DELETE FROM search_changes WHERE id = ANY(%(ids)s)"


def sort_in(connection: Any) -> bool:
    """Bring a page of entries up to date; False when nothing is left that should not wait for the end of an import.

    Any number of workers may call it: the others go away empty-handed while one is at it.
    """
    with connection, connection.cursor() as cursor:
        waiting = queries.value(cursor, _WAITING, {})
        contacts_unsorted.set(waiting)
        if not waiting or not queries.value(cursor, _ALONE, {}):
            return False
        busy = waiting <= MOST_WAITING and queries.value(cursor, _IMPORTING, {})
        ids = _page(queries.rows(cursor, _NEXT, {"busy": busy, "narrow": NARROW}))
        if not ids:
            return False
        for statement in (_FORGET, _SORT_IN, _DONE):
            queries.run(cursor, statement, {"ids": ids})
    with connection, connection.cursor() as cursor:
        # Until then each search looks through the page's trigrams one by one.
        queries.value(cursor, "SELECT gin_clean_pending_list(%(index)s::regclass)", {"index": INDEX})
    return True


def _page(noted: list[dict[str, Any]]) -> list[int]:
    """The first notes that make a page together, at least one of them."""
    ids: list[int] = []
    contacts = 0
    for note in noted:
        if ids and contacts + note["contacts"] > PAGE:
            break
        ids.append(note["id"])
        contacts += note["contacts"]
    return ids
