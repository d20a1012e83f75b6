"""The broker's topology: one topic exchange for events, and for each queue its retry and its dead letters.

Control plane, for every queue Q of ``contracts.queues``::

    Q        quorum, delivery limit, rejected messages go to Q.retry
    Q.retry  quorum, holds a message RETRY_DELAY_MS, then back to Q
    Q.dead   quorum, kept until somebody replays it

Data plane queues (``dispatch.*``, ``smsc.<connector>.<lane>``) are quorum without limit: a batch that cannot progress is
ended by its owner with a reason, never by the broker. Arguments of a queue never change in place: a new
name is declared beside the old one.
"""

from __future__ import annotations

import time
from typing import Any

import pika
from pika.exceptions import AMQPConnectionError

from contracts.chunks import QUEUES
from contracts.queues import SUBSCRIPTIONS

from . import logs, settings
from .outbox import EXCHANGE

log = logs.get(__name__)

RETRIES = 8
RETRY_DELAY_MS = 5_000
DELIVERY_LIMIT = 20
UNANSWERED_LIMIT = 5
"""Deliveries of one event that may end without an answer before its consumer puts it aside unread."""


def parameters(amqp_uri: str, name: str) -> pika.URLParameters:
    """Connection parameters for pika with TCP_NODELAY (its default), heartbeats and a name to be known by."""
    result = pika.URLParameters(amqp_uri)
    result.heartbeat = 10  # a frozen process loses its deliveries to others after two of these
    result.blocked_connection_timeout = 60
    result.client_properties = {"connection_name": name}
    return result


def connect_patiently(amqp_uri: str, name: str, stopping: Any = lambda: False) -> pika.BlockingConnection:
    """A connection to the broker, waited for with a growing pause. Raises the last error once ``stopping()``."""
    pause = 0.1
    while True:
        try:
            return pika.BlockingConnection(parameters(amqp_uri, name))
        except (AMQPConnectionError, OSError) as error:
            if stopping():
                raise
            log.warning("broker_not_there", reason=type(error).__name__)
            time.sleep(pause)
            pause = min(2.0, pause * 2)


def main_queue_arguments(queue: str) -> dict[str, Any]:
    """Arguments of a control-plane queue."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": f"{queue}.retry",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def declare_data_queue(channel: Any, queue: str) -> None:
    """Declare a queue of the data plane."""
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})


def declare_control_queue(channel: Any, queue: str, routing_key: str) -> None:
    """Declare a queue of the control plane with its retry and dead-letter queues, and bind it."""
    channel.queue_declare(queue, durable=True, arguments=main_queue_arguments(queue))
    channel.queue_declare(
        f"{queue}.retry",
        durable=True,
        arguments={
            "x-queue-type": "quorum",
            "x-message-ttl": RETRY_DELAY_MS,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": queue,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )
    channel.queue_declare(f"{queue}.dead", durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(queue, EXCHANGE, routing_key)


def declare(amqp_uri: str) -> list[str]:
    """Declare everything; safe to repeat. Returns the names of the queues."""
    connection = connect_patiently(amqp_uri, "topology")
    channel = connection.channel()
    channel.exchange_declare(EXCHANGE, "topic", durable=True)
    for queue, event in SUBSCRIPTIONS.items():
        declare_control_queue(channel, queue, event.routing_key())
    for queue in QUEUES.values():
        declare_data_queue(channel, queue)
    connection.close()
    return [*SUBSCRIPTIONS, *QUEUES.values()]


def main() -> None:
    """``python -m servicekit.topology``: declare on the broker of KERYX_AMQP_URI."""
    uri = settings.amqp_uri()
    for name in declare(uri):
        print(name)


if __name__ == "__main__":
    main()
