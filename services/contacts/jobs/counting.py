"""Counts of groups: what statements on ``group_members`` have noted (0010) is summed up, so that reading it stays cheap."""

from __future__ import annotations

from typing import Any

from .. import queries

PAGE = 20_000
"""Deltas summed up at once; a million rows of an import are some hundreds."""

# In the order of groups, so that two workers wait for each other and do not block each other.
_FOLD = """
WITH gone AS (
    DELETE FROM group_deltas WHERE id IN (
        SELECT id FROM group_deltas ORDER BY id LIMIT %(page)s FOR UPDATE SKIP LOCKED)
    RETURNING group_id, members
)
INSERT INTO group_counts AS c (group_id, members)
SELECT group_id, sum(members) FROM gone GROUP BY group_id ORDER BY group_id
ON CONFLICT (group_id) DO UPDATE SET members = c.members + excluded.members RETURNING group_id
"""

_FORGET = """
DELETE FROM group_counts c WHERE c.group_id = ANY(%(ids)s) AND NOT EXISTS (SELECT FROM groups g WHERE g.id = c.group_id)
"""


def fold(connection: Any) -> None:
    """Sum up a page of deltas; who reads meanwhile sees the same counts. Groups that are gone are forgotten."""
    with connection, connection.cursor() as cursor:
        ids = [one["group_id"] for one in queries.rows(cursor, _FOLD, {"page": PAGE})]
        if ids:
            queries.run(cursor, _FORGET, {"ids": ids})
