"""The outbox: an event is a row written in the transaction of the change. Only the relay publishes (DESIGN §4)."""

from __future__ import annotations

from typing import Any

from contracts import envelope
from contracts.events import Event

from . import context, wire
from .database import cursor_of

EXCHANGE = "keryx.events"


def add(session: Any, event: Event, account_id: int | None = None) -> str:
    """Write ``event`` beside the change that it tells of; returns the event's id.

    ``session`` is a SQLAlchemy Session or a psycopg2 cursor. It leaves when, and only when, the transaction commits.
    """
    message = envelope.make(
        event.TYPE,
        event.VERSION,
        event.PRODUCER,
        event.to_data(),
        account_id=account_id,
        correlation_id=context.correlation_id(),
        causation_id=context.causation_id(),
    )
    put(session, EXCHANGE, event.routing_key(), message)
    return message.id


def put(session: Any, exchange: str, routing_key: str, message: envelope.Envelope) -> None:
    """Write an envelope for any exchange; the data plane's commands go to queues by name (exchange "")."""
    cursor_of(session).execute(
        "SELECT outbox_put(%s, %s, %s, %s)", (exchange, routing_key, message.id, wire.encode(message))
    )
