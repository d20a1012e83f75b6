"""What the tests of billing say in one word."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import orjson

from contracts.events import AccountChanged, ChunkProgress
from servicekit import wire
from servicekit.database import Database, cursor_of
from services.billing import queries, use_cases
from services.billing.domain import HoldRequest

EURO = 1_000_000


def topup(db: Database, account_id: int, amount: int, key: str | None = None) -> dict[str, Any]:
    """Give the account money."""
    with db.transaction() as session:
        return use_cases.topup(session, account_id, amount, "deposit", key)


def hold(
    db: Database, account_id: int, amount: int, id_: str | None = None, reference: str = "r"
) -> str | None:
    """Hold ``amount``; the id when it is held, else None."""
    id_ = id_ or f"hold:{uuid4().hex}"
    with db.transaction() as session:
        (result,) = use_cases.hold(session, [HoldRequest(id_, account_id, amount, reference)])
    return id_ if result["ok"] else None


def progress(hold_id: str, account_id: int, captured: int = 0, released: int = 0) -> ChunkProgress:
    """What the dispatcher says of a hold."""
    return ChunkProgress(hold_id=hold_id, account_id=account_id, captured=captured, released=released)


def settle(db: Database, *chunks: ChunkProgress) -> None:
    """Deliver an event of its own with these."""
    with db.transaction() as session:
        use_cases.settle(session, uuid4().hex, chunks)


def change_account(db: Database, account_id: int, version: int = 1, **changes: Any) -> None:
    """Deliver an account_changed."""
    values: dict[str, Any] = {"name": "Άνθη", "locale": "el", "version": version} | changes
    event = AccountChanged(account_id=account_id, **values)
    with db.transaction() as session:
        use_cases.apply_account_change(session, event)


def money(db: Database, account_id: int) -> tuple[int, int]:
    """Available and held."""
    with db.transaction() as session:
        balance = queries.balance(session, account_id)
    return balance["available"], balance["held"]


def books(db: Database) -> dict[str, Any]:
    """The operator's check."""
    with db.transaction() as session:
        return queries.books(session)


def told(db: Database, account_id: int) -> list[dict[str, Any]]:
    """The data of every balance_low of the account that waits in the outbox, oldest first."""
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute("SELECT body FROM outbox_0 WHERE routing_key = 'billing.balance_low' ORDER BY id")
        envelopes = [wire.decode(bytes(row[0])) for row in cursor.fetchall()]
    return [envelope.data for envelope in envelopes if envelope.account_id == account_id]


def details_of(db: Database, account_id: int) -> list[dict[str, Any]]:
    """The details of the account's entries, oldest first."""
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute("SELECT details::text FROM entries WHERE account_id = %s ORDER BY id", (account_id,))
        return [orjson.loads(row[0]) for row in cursor.fetchall()]
