"""The read side of billing: plain SQL, nothing cached. Money is integer micro-euro, times ISO 8601 in UTC."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from contracts.events import AccountChanged
from contracts.tariff import Tariff
from servicekit.database import cursor_of

from . import domain

# The newest row of each list and prefix that is in force; an account's own row goes before everybody's.
EFFECTIVE = """
WITH in_force AS (
    SELECT DISTINCT ON (account_id, price_class, prefix) account_id, price_class, prefix, price, valid_from
    FROM prices
    WHERE (account_id IS NULL OR account_id = %(account_id)s) AND valid_from <= now()
        AND (%(price_class)s::text IS NULL OR price_class = %(price_class)s)
    ORDER BY account_id, price_class, prefix, valid_from DESC
)
SELECT DISTINCT ON (price_class, prefix) price_class, prefix, price, account_id IS NOT NULL AS own, valid_from
FROM in_force WHERE price IS NOT NULL
ORDER BY price_class, prefix, account_id NULLS LAST
"""

PRICE_HISTORY = """
SELECT id, price_class, prefix, price, valid_from FROM prices
WHERE account_id IS NOT DISTINCT FROM %(account_id)s AND id < %(before)s
    AND (%(price_class)s::text IS NULL OR price_class = %(price_class)s)
    AND (%(prefix)s::text IS NULL OR prefix = %(prefix)s)
ORDER BY id DESC LIMIT %(limit)s
"""

# What a statement shows: the account's entries before one of them, within its filters.
OF_STATEMENT = """
account_id = %(account_id)s AND id < %(before)s
    AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(cause)s::text IS NULL OR cause = %(cause)s)
    AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
"""

STATEMENT = f"""
SELECT e.id, e.created_at, e.kind, e.cause, e.details,
    coalesce(sum(p.amount) FILTER (WHERE p.ledger_account = %(available)s), 0)::bigint,
    coalesce(sum(p.amount) FILTER (WHERE p.ledger_account = %(held)s), 0)::bigint
FROM (SELECT * FROM entries WHERE {OF_STATEMENT} ORDER BY id DESC LIMIT %(limit)s) e
JOIN postings p ON p.entry_id = e.id
GROUP BY e.id, e.created_at, e.kind, e.cause, e.details ORDER BY e.id DESC
"""

# One statement, so one snapshot: money may move while the books are read.
BOOKS = """
WITH sums AS (SELECT ledger_account AS code, sum(amount)::bigint AS amount FROM postings GROUP BY 1),
open_holds AS (SELECT account_id, sum(amount - captured - released) AS amount FROM holds GROUP BY 1),
customers AS (
    SELECT b.account_id, b.available, b.held,
        coalesce(a.amount, 0) AS posted_available, coalesce(h.amount, 0) AS posted_held,
        coalesce(o.amount, 0) AS open_holds
    FROM balances b
    LEFT JOIN sums a ON a.code = b.account_id || ':available'
    LEFT JOIN sums h ON h.code = b.account_id || ':held'
    LEFT JOIN open_holds o ON o.account_id = b.account_id
)
SELECT
    (SELECT coalesce(sum(amount), 0)::bigint FROM sums),
    (SELECT count(*) FROM (SELECT FROM postings GROUP BY entry_id HAVING sum(amount) <> 0) unbalanced),
    (SELECT array_agg(account_id ORDER BY account_id) FROM customers
        WHERE available <> posted_available OR held <> posted_held),
    (SELECT array_agg(account_id ORDER BY account_id) FROM customers WHERE held <> open_holds),
    (SELECT jsonb_object_agg(a.code, coalesce(s.amount, 0))
        FROM ledger_accounts a LEFT JOIN sums s USING (code) WHERE a.account_id IS NULL),
    (SELECT coalesce(sum(available), 0)::bigint FROM balances),
    (SELECT coalesce(sum(held), 0)::bigint FROM balances)
"""

NEWEST = 2**63 - 1


def as_time(moment: datetime) -> str:
    """ISO 8601 in UTC with Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _effective(session: Any, account_id: int | None, price_class: str | None) -> list[tuple[Any, ...]]:
    cursor = cursor_of(session)
    cursor.execute(EFFECTIVE, {"account_id": account_id, "price_class": price_class})
    return list(cursor.fetchall())


def tariff(session: Any, account_id: int, price_class: str) -> Tariff:
    """The prices that hold for the account now. Its id is made of them: same id, same prices."""
    prices = tuple((row[1], row[2]) for row in _effective(session, account_id, price_class))
    digest = hashlib.sha256(repr(prices).encode()).hexdigest()[:16]
    return Tariff(f"{price_class}-{digest}", domain.CURRENCY, prices)


def list_prices(session: Any, account_id: int | None) -> list[dict[str, Any]]:
    """All prices in force for the account (None: everybody's list); ``own`` marks those of its own list."""
    return [
        {
            "price_class": row[0],
            "prefix": row[1],
            "price": row[2],
            "own": row[3],
            "valid_from": as_time(row[4]),
        }
        for row in _effective(session, account_id, None)
    ]


def remaining(session: Any, account_id: int, spendable: int) -> dict[str, int]:
    """How many one-part messages to a Greek mobile the money pays, by price class."""
    return {
        price_class: domain.messages_left(
            spendable, tariff(session, account_id, price_class).price(domain.A_GREEK_MOBILE)
        )
        for price_class in domain.PRICE_CLASSES
    }


def balance(session: Any, account_id: int) -> dict[str, Any]:
    """What the account may spend and what is held; nothing of either when it never had any."""
    cursor = cursor_of(session)
    cursor.execute(
        "SELECT available, held, available + credit_limit FROM balances WHERE account_id = %s", (account_id,)
    )
    available, held, spendable = cursor.fetchone() or (0, 0, 0)
    return {
        "available": available,
        "held": held,
        "currency": domain.CURRENCY,
        "remaining": remaining(session, account_id, spendable),
    }


def statement(
    session: Any,
    account_id: int,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
    kind: str | None = None,
    cause: str | None = None,
) -> dict[str, Any]:
    """Entries of ``since`` ≤ time < ``until``, newest first: what each changed in available and held.

    ``kind`` and ``cause`` keep only those of one kind, or the one of a cause.
    """
    values = {
        "account_id": account_id,
        "available": domain.available(account_id),
        "held": domain.held(account_id),
        "since": since,
        "until": until,
        "before": before or NEWEST,
        "limit": limit + 1,
        "kind": kind,
        "cause": cause,
    }
    cursor = cursor_of(session)
    cursor.execute(STATEMENT, values)
    rows = cursor.fetchall()
    data = [
        {
            "id": row[0],
            "at": as_time(row[1]),
            "kind": row[2],
            "cause": row[3],
            "reason": row[4].get("reason"),
            "holds": len(row[4].get("holds", ())),
            "available": row[5],
            "held": row[6],
        }
        for row in rows[:limit]
    ]
    return {"data": data, "next_cursor": str(data[-1]["id"]) if len(rows) > limit else None}


def money_of(session: Any, references: list[str]) -> dict[str, dict[str, int]]:
    """By reference: what is held now, what was captured, what was released. Zeros for one without holds."""
    cursor = cursor_of(session)
    cursor.execute(
        "SELECT reference, sum(amount - captured - released)::bigint, sum(captured)::bigint,"
        " sum(released)::bigint FROM holds WHERE reference = ANY(%s) GROUP BY reference",
        (references,),
    )
    nothing = {reference: {"held": 0, "captured": 0, "released": 0} for reference in references}
    return nothing | {
        row[0]: {"held": row[1], "captured": row[2], "released": row[3]} for row in cursor.fetchall()
    }


def books(session: Any) -> dict[str, Any]:
    """Whether the books are right: all sums are zero, projections and open holds equal the postings.

    ``accounts`` are the sums of the system accounts and of all customers together; ``wrong`` are the account
    ids at fault.
    """
    cursor = cursor_of(session)
    cursor.execute(BOOKS)
    total, unbalanced, wrong_projections, wrong_holds, system, available, held = cursor.fetchone()
    return {
        "zero_sum": total == 0 and unbalanced == 0,
        "ledger_sum": total,
        "projections_match": not wrong_projections,
        "holds_match": not wrong_holds,
        "wrong": sorted({*(wrong_projections or ()), *(wrong_holds or ())})[:100],
        "accounts": {**system, "available": available, "held": held},
    }


def zone(session: Any, account_id: int | None) -> str:
    """The time zone of the account, or of the installation where nobody told one."""
    cursor = cursor_of(session)
    cursor.execute("SELECT timezone FROM accounts WHERE account_id = %s", (account_id,))
    row = cursor.fetchone()
    return str(row[0]) if row else domain.HOME_ZONE


def price_history(
    session: Any,
    account_id: int | None,
    price_class: str | None,
    prefix: str | None,
    before: int | None,
    limit: int,
) -> dict[str, Any]:
    """Everything that was ever said in the list of the account (None: everybody's), newest first.

    A ``price`` of None ended what was said before; what is valid from a later moment is there already.
    """
    values = {
        "account_id": account_id,
        "price_class": price_class,
        "prefix": prefix,
        "before": before or NEWEST,
        "limit": limit + 1,
    }
    cursor = cursor_of(session)
    cursor.execute(PRICE_HISTORY, values)
    rows = cursor.fetchall()
    data = [
        {
            "id": row[0],
            "price_class": row[1],
            "prefix": row[2],
            "price": row[3],
            "valid_from": as_time(row[4]),
        }
        for row in rows[:limit]
    ]
    return {"data": data, "next_cursor": str(data[-1]["id"]) if len(rows) > limit else None}


def account(session: Any, account_id: int) -> dict[str, Any]:
    """``account_name``, ``locale`` and ``emails`` of an account that has a low-balance level."""
    cursor = cursor_of(session)
    cursor.execute(
        "SELECT name, locale, low_balance_emails FROM accounts WHERE account_id = %s", (account_id,)
    )
    return dict(zip(("account_name", "locale", "emails"), cursor.fetchone(), strict=True))


def save_account(session: Any, event: AccountChanged) -> bool:
    """Store what an account is called, where it is and whom to tell; False when a newer version is known."""
    cursor = cursor_of(session)
    cursor.execute(
        "INSERT INTO accounts (account_id, name, locale, low_balance_emails, timezone, version)"
        " VALUES (%s, %s, %s, %s::text[], %s, %s) ON CONFLICT (account_id) DO UPDATE"
        " SET name = excluded.name, locale = excluded.locale, version = excluded.version,"
        " low_balance_emails = excluded.low_balance_emails, timezone = excluded.timezone"
        " WHERE accounts.version <= excluded.version",
        (
            event.account_id,
            event.name,
            event.locale,
            list(event.low_balance_emails),
            event.timezone,
            event.version,
        ),
    )
    return bool(cursor.rowcount)
