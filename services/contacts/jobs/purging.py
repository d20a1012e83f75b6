"""What imports leave behind: the file and the staged rows go when it is over, the workbook of rejects a month later."""

from __future__ import annotations

from typing import Any

from .. import domain, queries

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

_OLD_REJECTS = """
DELETE FROM import_pieces p USING imports i
WHERE p.import_id = i.id AND p.kind = 'rejects' AND i.purged AND i.updated_at < now() - interval '30 days'
"""


_OLD_LINKS = f"DELETE FROM link_pages WHERE frozen_at < now() - interval '{domain.LINK_MONTHS} months'"

_OLD_ATTEMPTS = "DELETE FROM opt_out_attempts WHERE minute < now() - interval '1 hour'"


def purge_next(connection: Any) -> bool:
    """Drop what an import that is over has left; False when nothing is."""
    with connection, connection.cursor() as cursor:
        found = queries.row(cursor, _OVER, {})
        if found is None:
            return False
        queries.run(cursor, "DELETE FROM import_pages WHERE import_id = %(id)s", found)
        queries.run(cursor, "DELETE FROM import_pieces WHERE import_id = %(id)s AND kind = 'file'", found)
        queries.run(cursor, "UPDATE imports SET purged = true WHERE id = %(id)s", found)
    return True


def sweep(connection: Any) -> None:
    """Once an hour: cancel imports nobody committed for three days, drop old workbooks and links."""
    with connection, connection.cursor() as cursor:
        queries.run(cursor, _OLD_LINKS, {})
        queries.run(cursor, _OLD_ATTEMPTS, {})
        queries.run(cursor, _ABANDON, {})
        queries.run(cursor, _OLD_REJECTS, {})
