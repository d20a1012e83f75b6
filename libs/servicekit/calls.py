"""How a call is put on its service's queue: not to outlive its caller, and told from its own repetition.

Imported only by what makes calls: it brings nameko with it.
"""

from __future__ import annotations

from typing import Any

from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError
from nameko.amqp.publish import Publisher, UndeliverableMessage
from nameko.rpc import MethodProxy, ServiceProxy

from . import context

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
    return ServiceProxy(worker_ctx, service, replies, expiration=seconds)
