"""What imports leave behind: the file and the staged rows go when it is over, the workbook of rejects a month later."""

from __future__ import annotations

from typing import Any

from servicekit import idempotency

from .. import queries

PAGE_ROWS = 10_000

_ABANDON = """
UPDATE imports SET state = 'cancelled', updated_at = now() WHERE id = ANY(
    ARRAY(SELECT id FROM imports WHERE NOT purged AND state IN ('receiving', 'analysed')
        AND updated_at < now() - interval '3 days' ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED))
"""

# A failed one keeps its file for as long as its mapping may still be corrected.
_OVER = """
SELECT id FROM imports WHERE NOT purged AND (state IN ('done', 'cancelled')
    OR state = 'failed' AND updated_at < now() - interval '3 days')
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""

# A range, not a list: without statistics of a table that was just filled a list is looked through for every row.
_ROWS = """
DELETE FROM import_rows WHERE import_id = %(id)s AND row_no <= (
    SELECT max(row_no) FROM (
        SELECT row_no FROM import_rows WHERE import_id = %(id)s ORDER BY row_no LIMIT %(page)s) page)
"""

_OLD_REJECTS = """
DELETE FROM import_pieces p USING imports i
WHERE p.import_id = i.id AND p.kind = 'rejects' AND i.purged AND i.updated_at < now() - interval '30 days'
"""


def purge_next(connection: Any) -> bool:
    """Drop a page of what an import that is over has left; False when nothing is."""
    with connection, connection.cursor() as cursor:
        found = queries.row(cursor, _OVER, {})
        if found is None:
            return False
        if queries.run(cursor, _ROWS, found | {"page": PAGE_ROWS}) < PAGE_ROWS:
            queries.run(cursor, "DELETE FROM import_pieces WHERE import_id = %(id)s AND kind = 'file'", found)
            queries.run(cursor, "UPDATE imports SET purged = true WHERE id = %(id)s", found)
    return True


def sweep(connection: Any) -> None:
    """Once an hour: cancel imports nobody committed for three days, drop old workbooks and idempotency keys."""
    with connection, connection.cursor() as cursor:
        queries.run(cursor, _ABANDON, {})
        queries.run(cursor, _OLD_REJECTS, {})
        idempotency.forget_old(cursor)
