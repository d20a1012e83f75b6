"""A price list taken over whole or not at all. What held before is kept: prices are added, never changed in the past."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from contracts.errors import Invalid
from servicekit import logs
from servicekit.database import cursor_of

from .. import audit, queries
from . import reading, sheets
from .reading import Fault, Wanted

log = logs.get(__name__)

ERRORS_SHOWN = 200

# In milliseconds, as times are shown and exported.
_OWN = """
SELECT price_class, prefix, date_trunc('milliseconds', valid_from), price FROM prices
WHERE account_id IS NOT DISTINCT FROM %s ORDER BY valid_from
"""
_ADD = """
INSERT INTO prices (account_id, price_class, prefix, price, valid_from)
SELECT %s, price_class, prefix, price, coalesce(valid_from, now())
FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::timestamptz[]) AS p (price_class, prefix, price, valid_from)
ON CONFLICT (account_id, price_class, prefix, valid_from) DO UPDATE SET price = excluded.price
"""


class PriceListRefused(Invalid):
    """Some rows are wrong, so none was taken over; ``errors`` names each by row and column."""

    code = "price_list_refused"


def take_over(session: Any, account_id: int | None, data: bytes, dry_run: bool) -> dict[str, Any]:
    """Add what the file says to the list of the account (None: everybody's); what is there already is left alone.

    ``dry_run`` only tells what would be done. Raises Unreadable, PriceListRefused.
    """
    cursor = cursor_of(session)
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('prices', %s)), now()", (account_id or 0,))
    now = cursor.fetchone()[1]
    wanted, faults = reading.read(sheets.cells(data), queries.zone(session, account_id))
    cursor.execute(_OWN, (account_id,))
    new, past = _sorted_out(wanted, cursor.fetchall(), now)
    faults += past
    if not wanted and not faults:
        faults = [Fault(1, "", "empty", "The file has no prices.")]
    if faults:
        shown = [fault.shown() for fault in sorted(faults, key=lambda fault: fault.row)[:ERRORS_SHOWN]]
        raise PriceListRefused(f"{len(faults)} faults; no price was changed.", shown)
    counts = {"prices": len(wanted), "added": len(new), "unchanged": len(wanted) - len(new)}
    if new and not dry_run:
        _add(cursor, account_id, new)
        audit.note(session, "price_list_imported", account_id, **counts)
        log.info("price_list_imported", account_id=account_id, **counts)
    return {**counts, "dry_run": dry_run}


def _sorted_out(
    wanted: Iterable[Wanted], own: Iterable[tuple[str, str, datetime, int | None]], now: datetime
) -> tuple[list[Wanted], list[Fault]]:
    """What is not said yet, and what would change the past."""
    said = {(row[0], row[1], row[2]): row[3] for row in own}
    in_force = {(row[0], row[1]): row[3] for row in said_until(said, now)}
    new: list[Wanted] = []
    past: list[Fault] = []
    for one in wanted:
        if one.valid_from is None:
            if in_force.get((one.price_class, one.prefix)) != one.price:
                new.append(one)
        elif one.key in said and said[one.price_class, one.prefix, one.valid_from] == one.price:
            continue
        elif one.valid_from <= now:
            detail = "This time has passed; leave it empty to change the price from now on."
            past.append(Fault(one.row, "valid_from", "in_the_past", detail))
        else:
            new.append(one)
    return new, past


def said_until(
    said: dict[tuple[str, str, datetime], int | None], now: datetime
) -> Iterable[tuple[str, str, datetime, int | None]]:
    """What was said for moments up to ``now``, oldest first."""
    return (
        (*key, price) for key, price in sorted(said.items(), key=lambda item: item[0][2]) if key[2] <= now
    )


def _add(cursor: Any, account_id: int | None, new: list[Wanted]) -> None:
    columns = (
        [one.price_class for one in new],
        [one.prefix for one in new],
        [one.price for one in new],
        [one.valid_from for one in new],
    )
    cursor.execute(_ADD, (account_id, *columns))


def export(session: Any, account_id: int | None, tick: Callable[[], None]) -> bytes:
    """The prices in force for the account (None: everybody's list) as a workbook that can be imported again."""
    own = [row for row in queries.list_prices(session, account_id) if account_id is None or row["own"]]
    return sheets.workbook(own, tick)
