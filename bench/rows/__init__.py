"""All rows, in the order of the table."""

from __future__ import annotations

from . import (
    alone,
    billing,
    campaign,
    contacts,
    expansion,
    history,
    http,
    idle,
    imports,
    simulator,
    suppressions,
    text,
)

ROWS = (
    *text.ROWS,
    *simulator.ROWS,
    *alone.ROWS,
    *expansion.ROWS,
    *campaign.ROWS,
    *http.ROWS,
    *imports.ROWS,
    *contacts.ROWS,
    *suppressions.ROWS,
    *history.ROWS,
    *billing.ROWS,
    *idle.ROWS,
)
