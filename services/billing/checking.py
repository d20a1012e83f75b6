"""The check of the books: every night by one of the replicas, and whenever somebody asks (``services.billing.check``)."""

from __future__ import annotations

from typing import Any

from psycopg2.extras import Json

from servicekit import logs
from servicekit.database import cursor_of

from . import metrics, queries

log = logs.get(__name__)

# The night begins at 01:00 UTC, which is 03:00 or 04:00 in Greece.
_IS_DUE = """
SELECT pg_try_advisory_xact_lock(hashtext('billing.book_checks')) AND NOT EXISTS (
    SELECT FROM book_checks WHERE checked_at >= date_trunc('day', now() - interval '1 hour') + interval '1 hour'
)
"""
# What was posted for each payment or voucher is what its credit says, and nothing was posted without one.
_WRONG_CREDITS = """
SELECT coalesce(c.account_id, p.account_id)
FROM credits c FULL JOIN (
    SELECT e.details->'payment'->>0 AS kind, e.details->'payment'->>1 AS id, min(e.account_id) AS account_id,
        -sum(p.amount) AS amount
    FROM postings p JOIN entries e ON e.id = p.entry_id WHERE p.ledger_account IN ('payments', 'vouchers')
    GROUP BY 1, 2
) p ON p.kind = c.cause_kind AND p.id = c.cause_id
WHERE c.amount - c.reversed IS DISTINCT FROM p.amount
"""
# What was captured is what was sold, from the first entry on that says so itself: earlier ones, and those that a replica of
# the release before still wrote, have no sales.
_WRONG_SALES = """
SELECT coalesce(s.account_id, p.account_id)
FROM (SELECT account_id, sum(captured) AS amount FROM sales GROUP BY 1) s
FULL JOIN (
    SELECT e.account_id, sum(p.amount) AS amount
    FROM postings p JOIN entries e ON e.id = p.entry_id
    WHERE p.ledger_account = 'revenue' AND e.kind = 'settlement' AND e.details ? 'sales'
    GROUP BY 1
) p USING (account_id)
WHERE coalesce(s.amount, 0) <> coalesce(p.amount, 0)
"""
CHECKS = ("zero_sum", "projections_match", "holds_match", "credits_match", "sales_match")


def check(session: Any) -> dict[str, Any]:
    """What ``queries.books`` finds, whether credits and sales agree with what was posted, and ``right``: all of it.

    Money may move meanwhile: each question is one statement, and so one snapshot.
    """
    found = queries.books(session)
    cursor = cursor_of(session)
    for name, question in (("credits_match", _WRONG_CREDITS), ("sales_match", _WRONG_SALES)):
        cursor.execute(question)
        wrong = {row[0] for row in cursor.fetchall()}
        found |= {name: not wrong, "wrong": sorted({*found["wrong"], *wrong})[:100]}
    return {"right": all(found[name] for name in CHECKS), **found}


def check_and_keep(session: Any) -> dict[str, Any]:
    """Check, and keep what was found in the table of checks."""
    found = check(session)
    cursor_of(session).execute("INSERT INTO book_checks (found) VALUES (%s)", (Json(found),))
    return found


def check_nightly(session: Any) -> None:
    """Check and keep when it is due, and say what was found: in the log, in ``keryx_books_right``."""
    if not is_due(session):
        return
    found = check_and_keep(session)
    metrics.books_right.set(found["right"])
    if found["right"]:
        log.info("books_right")
    else:
        log.error("books_wrong", **{name: found[name] for name in CHECKS}, wrong=found["wrong"])


def is_due(session: Any) -> bool:
    """Whether nobody checked this night. Then the caller, and no other replica, does it in this transaction."""
    cursor = cursor_of(session)
    cursor.execute(_IS_DUE)
    return bool(cursor.fetchone()[0])
