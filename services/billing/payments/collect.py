"""Asks a provider what became of a payment and hands its answer to ``receive``: after a webhook, the payer's return, and by
itself when neither came. Nothing is open in the database while the provider is asked.
"""

from __future__ import annotations

from datetime import timedelta

from contracts.errors import KeryxError
from servicekit import crashpoints, logs
from servicekit.database import Database, cursor_of

from . import receive
from .receive import Outcome
from .registry import Registry

log = logs.get(__name__)

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240, 720, 1_440, 2_880))
"""Between one look and the next at a checkout that nobody told us about; then no more: a webhook still counts."""

_CLAIM = """
UPDATE checkouts SET checks = checks + 1,
    next_check_at = now() + (%(pauses)s::interval[])[least(checks + 1, %(count)s)]
WHERE id = (
    SELECT id FROM checkouts WHERE next_check_at <= now() ORDER BY next_check_at LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id, provider, provider_order, checks
"""

_DONE = """
UPDATE checkouts c SET next_check_at = NULL WHERE c.id = %s AND (c.checks > %s OR EXISTS (
    SELECT FROM payments p WHERE p.provider = c.provider AND p.provider_order = c.provider_order))
"""


def collect(
    db: Database,
    registry: Registry,
    provider: str,
    provider_order: str | None = None,
    transaction_id: str | None = None,
) -> list[Outcome]:
    """Fetch what the provider knows and receive each payment, in a transaction of its own.

    What a payer only agreed to is taken when it would be credited: nobody pays for an order that is cancelled, paid
    otherwise or not ours. Raises MethodNotOffered, ProviderDown, ProviderRefused.
    """
    adapter = registry.get(provider)
    with db.transaction() as session:
        take = receive.is_awaited(session, provider, provider_order)
    payments = adapter.fetch(provider_order, transaction_id, take=take)
    crashpoints.reach("billing.fetched")
    outcomes = []
    for payment in payments:
        with db.transaction() as session:
            outcomes.append(receive.receive(session, provider, payment))
    return outcomes


def sweep(db: Database, registry: Registry, most: int = 20) -> int:
    """Look at checkouts that are due, at most ``most``; returns how many. Safe beside other replicas."""
    looked = 0
    while looked < most and _look(db, registry):
        looked += 1
    return looked


def _look(db: Database, registry: Registry) -> bool:
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(_CLAIM, {"pauses": list(PAUSES), "count": len(PAUSES)})
        row = cursor.fetchone()
    if row is None:
        return False
    checkout_id, provider, provider_order, _ = row
    try:
        collect(db, registry, provider, provider_order)
    except KeryxError as error:
        log.warning("checkout_not_checked", provider=provider, checkout_id=checkout_id, code=error.code)
    with db.transaction() as session:
        cursor_of(session).execute(_DONE, (checkout_id, len(PAUSES)))
    return True
