"""Receipts and credit notes: numbered without gaps, a series of each for a year in Greece, never changed once issued."""

from __future__ import annotations

from typing import Any, Literal

from servicekit.database import cursor_of

from .models import Order, Receipt
from .tax import Amounts

_PREFIX = {"receipt": "R", "credit_note": "C"}

# The row's lock is kept until the commit: the next number is given only once this one is sure to exist.
_NEXT = """
INSERT INTO receipt_series (series, last_number)
VALUES (%s || to_char(now() AT TIME ZONE 'Europe/Athens', 'YYYY'), 1)
ON CONFLICT (series) DO UPDATE SET last_number = receipt_series.last_number + 1
RETURNING series, last_number
"""


def issue(session: Any, order: Order, kind: Literal["receipt", "credit_note"], amounts: Amounts) -> Receipt:
    """Write the next receipt of its series. Call it last in a transaction: others wait for the number."""
    cursor = cursor_of(session)
    cursor.execute(_NEXT, (_PREFIX[kind],))
    series, number = cursor.fetchone()
    receipt = Receipt(
        order_id=order.id,
        kind=kind,
        series=series,
        number=number,
        net_cents=amounts.net,
        vat_cents=amounts.vat,
        gross_cents=amounts.gross,
    )
    session.add(receipt)
    session.flush()
    return receipt


def label(receipt: Receipt) -> str:
    """The number as people read it, ``R2026-000017``."""
    return f"{receipt.series}-{receipt.number:06d}"
