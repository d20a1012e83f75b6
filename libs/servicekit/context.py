"""The correlation id of what is being worked on, carried through RPC, events and batches; and who asked, through RPC.

Of a call also whether the broker delivered it before: somebody may have carried it out already.
"""

from __future__ import annotations

from contextvars import ContextVar
from uuid import uuid4

HEADER = "correlation_id"
ACTOR_HEADER = "actor"
AGAIN_HEADER = "published_again"
_correlation: ContextVar[str] = ContextVar("correlation", default="")
_causation: ContextVar[str | None] = ContextVar("causation", default=None)
_actor: ContextVar[str] = ContextVar("actor", default="")
_redelivered: ContextVar[bool] = ContextVar("redelivered", default=False)


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


def actor() -> str:
    """Who asked for this, for audits: ``key:<id>`` of an API key, ``user:<id>`` of a person; "" when nobody did."""
    return _actor.get()


def is_redelivered() -> bool:
    """Whether the call may have come before: it was delivered and not acknowledged (who took it may have died after its
    commit), or published and not confirmed.
    """
    return _redelivered.get()


def act_as(actor: str) -> None:
    """From here on, in this thread or greenlet, work is asked for by ``actor``."""
    _actor.set(actor)


def enter(
    correlation: str | None, causation: str | None = None, actor: str | None = None, redelivered: bool = False
) -> None:
    """From here on, in this thread or greenlet, work belongs to ``correlation`` and is asked for by ``actor``."""
    _redelivered.set(redelivered)
    _correlation.set(correlation or uuid4().hex)
    _causation.set(causation)
    _actor.set(actor or "")
