"""Whether anything is still on its way, seen from outside: depths of queues, backlogs of outboxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pika
from pika.exceptions import ChannelClosedByBroker

from contracts.chunks import QUEUES
from contracts.queues import SUBSCRIPTIONS

BACKLOG = "keryx_outbox_backlog"
RELAY_PORT = "KERYX_HEALTH_PORT_RELAY_"
DEAD = ".dead"


def queue_depths(amqp_uri: str, connector: str) -> dict[str, int]:
    """Messages ready in every queue: of events, their retries and dead letters, of chunks, of ``connector``'s batches.

    Queues that nobody has declared yet are left out.
    """
    events = [f"{queue}{suffix}" for queue in SUBSCRIPTIONS for suffix in ("", ".retry", DEAD)]
    batches = [f"smsc.{connector}.{lane}" for lane in QUEUES]
    connection = pika.BlockingConnection(pika.URLParameters(amqp_uri))
    try:
        depths = {name: _depth(connection, name) for name in (*events, *QUEUES.values(), *batches)}
    finally:
        connection.close()
    return {name: depth for name, depth in depths.items() if depth is not None}


def _depth(connection: Any, queue: str) -> int | None:
    channel = connection.channel()  # the broker closes the channel on which a queue is not found
    try:
        depth: int = channel.queue_declare(queue, passive=True).method.message_count
    except ChannelClosedByBroker:
        return None
    channel.close()
    return depth


def outbox_backlogs(environment: Mapping[str, str]) -> dict[str, float]:
    """Events that each service's relay has still to publish, as its /metrics tells; -1 when it does not."""
    return {
        name.removeprefix(RELAY_PORT).lower(): _backlog(f"http://127.0.0.1:{port}/metrics")
        for name, port in environment.items()
        if name.startswith(RELAY_PORT)
    }


def _backlog(url: str) -> float:
    for line in httpx.get(url, timeout=10).text.splitlines():
        if line.startswith(f"{BACKLOG} "):
            return float(line.split()[1])
    return -1.0
