"""Calls from one service to another, and how any call is put on its queue: it does not outlive its caller, and is told from
its own repetition.

Imported only by what makes calls: it brings nameko with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import eventlet
from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError
from nameko.amqp.publish import Publisher, UndeliverableMessage
from nameko.exceptions import UnknownService
from nameko.rpc import MethodProxy, RpcProxy
from nameko.rpc import ServiceProxy as Methods

from contracts.errors import Unavailable

from . import context

RPC_TIMEOUT_SECONDS = 10
BROKEN = (KombuError, AMQPError, OSError)
"""What speaking to a broker that is not there raises."""


class _CallPublisher(Publisher):
    """Repeats what a broken connection left unconfirmed, and says so.

    Connections are kept, and after a broker's restart all of them are broken, so it is worth it. kombu alone would publish
    again in silence: had the broker taken the first, an order of money would be carried out twice.
    """

    retry = False

    def publish(self, payload: Any, **kwargs: Any) -> None:
        """Publish, confirmed. Raises UndeliverableMessage when nobody has such a queue, and what BROKEN names."""
        try:
            super().publish(payload, **kwargs)
        except UndeliverableMessage:
            raise
        except BROKEN:
            headers = kwargs["extra_headers"] | {context.AGAIN_HEADER: True}
            super().publish(payload, **kwargs | {"extra_headers": headers, "retry": True})


MethodProxy.publisher_cls = _CallPublisher


def proxy(worker_ctx: Any, service: str, replies: Any, seconds: float) -> Any:
    """The methods of ``service``. A call that nobody took within ``seconds`` is dropped by the broker.

    Whoever asked has given up by then: carried out when the service is back, an hour later, it would be a message that
    nobody expects, or money for the second time.
    """
    return Methods(worker_ctx, service, replies, expiration=seconds)


class ServiceProxy(RpcProxy):
    """RPC to another service: ``contracts.errors`` come back as they were, and no answer means Unavailable."""

    def get_dependency(self, worker_ctx: Any) -> Any:
        """A proxy whose calls give up after RPC_TIMEOUT_SECONDS."""
        made = proxy(worker_ctx, self.target_service, self.rpc_reply_listener, RPC_TIMEOUT_SECONDS)
        return _TimedProxy(self.target_service, made, worker_ctx)


class _TimedProxy:
    def __init__(self, service: str, proxy: Any, worker_ctx: Any) -> None:
        self._service, self._proxy, self._worker_ctx = service, proxy, worker_ctx

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            # Of now, not of when the worker began: an event's correlation id is known only once it is read.
            self._worker_ctx.data[context.HEADER] = context.correlation_id()
            try:
                with eventlet.Timeout(RPC_TIMEOUT_SECONDS):
                    return getattr(self._proxy, method)(*args, **kwargs)
            except (eventlet.Timeout, UnknownService, *BROKEN):
                raise Unavailable("service_unavailable", f"{self._service} does not answer") from None

        return call
