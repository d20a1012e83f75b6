"""What an event says was sold, booked by day in the transaction that captures its money: the two can not part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from contracts.events import ChunkProgress, Sale
from servicekit import logs
from servicekit.database import cursor_of

from ..ledger import array

log = logs.get(__name__)

UNKNOWN = ""  # connector and destination of what was captured and nobody told how it went

# Rows of an account are only written under the lock on its balance, so two of these never wait for each other in a circle.
_BOOK = """
INSERT INTO sales (day, account_id, connector, destination, parts, captured)
SELECT (now() AT TIME ZONE %s)::date, s.*
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[]) AS s
ON CONFLICT (day, account_id, connector, destination) DO UPDATE
SET parts = sales.parts + excluded.parts, captured = sales.captured + excluded.captured
"""


class Sold(NamedTuple):
    """Parts, and what was captured for them in micro-euro."""

    account_id: int
    connector: str
    destination: str
    parts: int
    captured: int


def of_event(chunks: Iterable[ChunkProgress], told: Iterable[Sale]) -> list[Sold]:
    """What an event sold, in the order of its keys: per account exactly what its chunks captured.

    What ``told`` leaves out is unknown; what it says beyond the chunks is taken off the unknown, to be made up by a
    later event, for differences commute. Raises ValueError for a negative figure.
    """
    sums: defaultdict[tuple[int, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for chunk in chunks:
        _add(sums[chunk.account_id, UNKNOWN, UNKNOWN], chunk.captured_parts, chunk.captured)
    for sale in told:
        if sale.parts < 0 or sale.captured < 0:
            raise ValueError(f"account {sale.account_id}: a sale of less than nothing")
        _add(sums[sale.account_id, UNKNOWN, UNKNOWN], -sale.parts, -sale.captured)
        _add(sums[sale.account_id, sale.connector, sale.destination], sale.parts, sale.captured)
    return [Sold(*key, *figures) for key, figures in sorted(sums.items()) if any(figures)]


def _add(figures: list[int], parts: int, captured: int) -> None:
    figures[0] += parts
    figures[1] += captured


def book(session: Any, sold: list[Sold], zone: str) -> None:
    """Add to the sales of today in ``zone``, by the time of the entry. Take the accounts' locks first."""
    if not sold:
        return
    beyond = sorted({one.account_id for one in sold if one.captured < 0 or one.parts < 0})
    if beyond:
        log.warning("sales_beyond_captures", accounts=beyond[:20])
    columns = (array(column) for column in zip(*sold, strict=True))
    cursor_of(session).execute(_BOOK, (zone, *columns))
