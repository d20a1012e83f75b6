"""The blacklist, read."""

from __future__ import annotations

from typing import Any

from .. import domain, schemas
from . import page, rows, value

# Each range is read by the key of the table and no further than a page, whatever the list holds besides.
_LIST = """
SELECT s.msisdn::text AS number, s.msisdn, s.reason, s.source, s.at
FROM unnest(%(lows)s::bigint[], %(highs)s::bigint[]) AS r (low, high) CROSS JOIN LATERAL (
    SELECT * FROM suppressions
    WHERE account_id = %(account_id)s AND msisdn BETWEEN greatest(r.low, %(after)s + 1) AND r.high AND active
        AND (%(way)s = '' OR split_part(source, ' ', 1) = %(way)s) AND (%(source)s = %(way)s OR source = %(source)s)
    ORDER BY msisdn LIMIT %(limit)s) s
ORDER BY s.msisdn LIMIT %(limit)s
"""

# WITH TIES: a sequence holds up to 500 numbers, and a page never ends within one.
_SINCE = """
SELECT msisdn::text AS number, active, sequence FROM suppressions
WHERE account_id = %(account_id)s AND sequence > %(sequence)s AND sequence <= %(current)s
ORDER BY sequence FETCH FIRST %(limit)s ROWS WITH TIES
"""

_SEQUENCES = """
SELECT account_id, sequence FROM suppression_sequences WHERE account_id > %(after)s ORDER BY account_id LIMIT %(limit)s
"""

_SEQUENCE = "SELECT sequence FROM suppression_sequences WHERE account_id = %(account_id)s"


def list_suppressed(
    session: Any, account_id: int, search: Any, source: Any, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the blacklisted numbers in numeric order; ``source`` is how they came, ``search`` a number's first digits.

    A ``source`` of one word takes all that came that way: ``import`` what ``import 12`` brought, too. Digits are with or
    without a country code, which is Greece's then, three digits or more; what holds fewer finds nothing.
    Raises BadCursor, InvalidFields.
    """
    wanted = schemas.load(schemas.SuppressionFilter, {"search": search, "source": source})
    limit = domain.page_size(limit)
    ranges = domain.beginning_with(wanted["search"]) if wanted["search"] else [(0, domain.MAX_ID)]
    params: dict[str, Any] = {
        "account_id": account_id,
        "after": domain.read_cursor(cursor),
        "limit": limit + 1,
    }
    params |= {
        "source": wanted["source"],
        "way": wanted["source"].split(" ")[0],
        "lows": [low for low, _ in ranges],
        "highs": [high for _, high in ranges],
    }
    data, following = page(rows(session, _LIST, params), limit, key="msisdn")
    shown = [
        {k: v for k, v in found.items() if k != "msisdn"} | {"at": schemas.iso(found["at"])} for found in data
    ]
    return {"data": shown, "next_cursor": following}


def suppressions_since(session: Any, account_id: int, sequence: int, limit: int) -> dict[str, Any]:
    """What changed after ``sequence``, each number once as it is now, and the sequence that the answer reaches.

    The current sequence is read first, and nothing beyond it: sequences commit in order, so nothing up to it can still be
    on its way. No lock, and so no waiting for whoever writes the account's list.
    """
    limit = domain.page_size(limit, 10_000)
    current = value(session, _SEQUENCE, {"account_id": account_id}) or 0
    params = {"account_id": account_id, "sequence": sequence, "current": current, "limit": limit}
    found = rows(session, _SINCE, params)
    more = len(found) >= limit and found[-1]["sequence"] < current
    return {
        "sequence": found[-1]["sequence"] if more else max(current, sequence),
        "suppressed": [change["number"] for change in found if change["active"]],
        "lifted": [change["number"] for change in found if not change["active"]],
        "more": more,
    }


def suppression_sequences(session: Any, after: int, limit: int) -> dict[str, Any]:
    """The last sequence of each account after ``after``, in order of accounts: ``{sequences: [[account, sequence], …]}``."""
    found = rows(session, _SEQUENCES, {"after": int(after), "limit": domain.page_size(limit, 10_000)})
    return {"sequences": [[one["account_id"], one["sequence"]] for one in found]}
