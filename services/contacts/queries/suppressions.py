"""The blacklist, read."""

from __future__ import annotations

from typing import Any

from .. import domain, schemas
from . import page, rows, value

_LIST = """
SELECT msisdn::text AS number, msisdn, reason, source, at FROM suppressions
WHERE account_id = %(account_id)s AND active AND msisdn > %(after)s ORDER BY msisdn LIMIT %(limit)s
"""

# WITH TIES: a sequence holds up to 500 numbers, and a page never ends within one.
_SINCE = """
SELECT msisdn::text AS number, active, sequence FROM suppressions
WHERE account_id = %(account_id)s AND sequence > %(sequence)s
ORDER BY sequence FETCH FIRST %(limit)s ROWS WITH TIES
"""

_SEQUENCE = "SELECT sequence FROM suppression_sequences WHERE account_id = %(account_id)s FOR SHARE"


def list_suppressed(session: Any, account_id: int, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of the blacklisted numbers in numeric order. Raises BadCursor."""
    limit = domain.page_size(limit)
    params = {"account_id": account_id, "after": domain.read_cursor(cursor), "limit": limit + 1}
    data, following = page(rows(session, _LIST, params), limit, key="msisdn")
    shown = [
        {k: v for k, v in found.items() if k != "msisdn"} | {"at": schemas.iso(found["at"])} for found in data
    ]
    return {"data": shown, "next_cursor": following}


def suppressions_since(session: Any, account_id: int, sequence: int, limit: int) -> dict[str, Any]:
    """What changed after ``sequence``, each number once as it is now, and the sequence that the answer reaches.

    The current sequence is read first and locked, so that nothing below it can still be on its way.
    """
    limit = domain.page_size(limit, 10_000)
    current = value(session, _SEQUENCE, {"account_id": account_id}) or 0
    found = rows(session, _SINCE, {"account_id": account_id, "sequence": sequence, "limit": limit})
    more = len(found) >= limit and found[-1]["sequence"] < current
    return {
        "sequence": found[-1]["sequence"] if more else max(current, sequence),
        "suppressed": [change["number"] for change in found if change["active"]],
        "lifted": [change["number"] for change in found if not change["active"]],
        "more": more,
    }
