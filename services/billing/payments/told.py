"""What reaches us from outside about payments: webhooks of providers, and payers who come back from a provider's page.

Both are hints from anybody. They only say what to ask the provider for (``collect``); what it answers is credited or not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from contracts.errors import KeryxError
from servicekit import logs
from servicekit.database import Database

from .. import audit, metrics
from ..orders.domain import PAID_STATES
from ..orders.models import Order
from .collect import collect
from .models import Checkout, Payment
from .port import ForgedWebhook, Hint, Provider, ProviderRefused, UnreadableWebhook
from .registry import MethodNotOffered, Registry

log = logs.get(__name__)

NOTE_EVERY_SECONDS = 1.0
"""Between two lines in the audit about refused webhooks, so that whoever sends many does not fill it; all are counted."""

_noted = 0.0


def webhook(db: Database, registry: Registry, name: str, headers: Mapping[str, str], body: bytes) -> str:
    """Deal with a webhook; what came of it in a word, for the log. Again, late or out of order it changes nothing more.

    Raises MethodNotOffered, ForgedWebhook, UnreadableWebhook, and ProviderDown when the provider must send it again.
    """
    provider = registry.get(name)
    try:
        hint = provider.read_webhook(headers, body)
    except (ForgedWebhook, UnreadableWebhook) as error:
        _refused(db, name, error.code)
        raise
    outcome = _follow(db, registry, provider, hint)
    metrics.webhooks.labels(name, outcome).inc()
    log.info("webhook", provider=name, kind=hint.kind, outcome=outcome, event_id=hint.event_id)
    return outcome


def _follow(db: Database, registry: Registry, provider: Provider, hint: Hint) -> str:
    """Ask the provider for what the webhook names, unless that is nothing or was dealt with."""
    if hint.kind == "other":
        return "ignored"
    if hint.kind == "payment" and _is_known(db, provider.name, hint.transaction_id):
        return "known"
    try:
        outcomes = collect(db, registry, provider.name, hint.provider_order, hint.transaction_id)
    except ProviderRefused:
        return "refused"  # such as a declined instrument: the same webhook again would change nothing
    if not outcomes:
        # Forged, or so early that the provider does not find it yet: then the sweep does.
        _note(db, "webhook_names_nothing", name=provider.name)
        return "nothing"
    return "credited" if any(one.state == "credited" for one in outcomes) else outcomes[-1].state


def returned(db: Database, registry: Registry, name: str, provider_order: str, paid: bool) -> dict[str, Any]:
    """What to tell a payer who comes back, ``paid`` when through the address for that: anybody can open it.

    ``state`` is paid, waiting (the provider says so, or says nothing now), not_paid (then ``pay_url`` leads to the page
    again) or unknown. A payment is looked for at once, so that the webhook need not come.
    """
    found = _checkout(db, name, provider_order)
    if found is None:
        return {"state": "unknown", "locale": None, "order_id": None, "pay_url": None}
    checkout, order = found
    waiting = False
    if paid and order.state not in PAID_STATES:
        waiting = _look(db, registry, name, provider_order)
        _, order = _checkout(db, name, provider_order) or found
    state = "paid" if order.state in PAID_STATES else "waiting" if waiting else "not_paid"
    again = checkout.pay_url if state == "not_paid" and order.state == "awaiting_payment" else None
    return {"state": state, "locale": order.locale, "order_id": order.id, "pay_url": again}


def _look(db: Database, registry: Registry, name: str, provider_order: str) -> bool:
    """Collect what was paid; True when it is not decided or not known now."""
    try:
        outcomes = collect(db, registry, name, provider_order)
    except MethodNotOffered:
        return True
    except KeryxError as error:
        log.warning("payer_returned_in_vain", provider=name, code=error.code)
        return error.status == 503
    return any(outcome.state in ("open", "review", "known") for outcome in outcomes)


def _checkout(db: Database, name: str, provider_order: str) -> tuple[Checkout, Order] | None:
    with db.transaction() as session:
        row = session.execute(
            select(Checkout, Order)
            .join(Order, Order.id == Checkout.order_id)
            .where(Checkout.provider == name, Checkout.provider_order == provider_order)
        ).first()
        if row is None:
            return None
        session.expunge_all()
        return row[0], row[1]


def _is_known(db: Database, name: str, transaction_id: str | None) -> bool:
    with db.transaction() as session:
        known = select(Payment.id).where(Payment.provider == name, Payment.transaction_id == transaction_id)
        return session.scalar(known) is not None


def _refused(db: Database, name: str, code: str) -> None:
    metrics.webhooks.labels(name, code).inc()
    log.warning("webhook_refused", provider=name, code=code)
    _note(db, "webhook_refused", name=name, code=code)


def _note(db: Database, action: str, name: str, **details: Any) -> None:
    """A line in the audit, one a second of this process at most."""
    global _noted
    if time.monotonic() < _noted + NOTE_EVERY_SECONDS:
        return
    _noted = time.monotonic()
    with db.transaction() as session:
        audit.note(session, action, provider=name, **details)
