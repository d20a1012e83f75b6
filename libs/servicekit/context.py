"""The correlation id of what is being worked on, carried through RPC, events and batches."""

from __future__ import annotations

from contextvars import ContextVar
from uuid import uuid4

HEADER = "correlation_id"
_correlation: ContextVar[str] = ContextVar("correlation", default="")
_causation: ContextVar[str | None] = ContextVar("causation", default=None)


def correlation_id() -> str:
    """The id in force; a new one is made and kept when there is none."""
    current = _correlation.get()
    if not current:
        current = uuid4().hex
        _correlation.set(current)
    return current


def causation_id() -> str | None:
    """The id of the event being consumed, if one is."""
    return _causation.get()


def enter(correlation: str | None, causation: str | None = None) -> None:
    """From here on, in this thread or greenlet, work belongs to ``correlation``."""
    _correlation.set(correlation or uuid4().hex)
    _causation.set(causation)
