"""Looking into queues from outside, with nothing but AMQP."""

from __future__ import annotations

from collections.abc import Iterable

import pika
from pika.exceptions import ChannelClosedByBroker


def depths(amqp_uri: str, queues: Iterable[str]) -> dict[str, int]:
    """Messages ready in each of ``queues``; those that are not declared are left out."""
    found: dict[str, int] = {}
    connection = pika.BlockingConnection(pika.URLParameters(amqp_uri))
    try:
        for queue in queues:
            try:
                channel = connection.channel()
                found[queue] = channel.queue_declare(queue, passive=True).method.message_count
                channel.close()
            except ChannelClosedByBroker:
                continue
    finally:
        connection.close()
    return found


def purge(amqp_uri: str, queues: Iterable[str]) -> None:
    """Empty each of ``queues`` that is declared."""
    declared = depths(amqp_uri, queues)
    connection = pika.BlockingConnection(pika.URLParameters(amqp_uri))
    try:
        channel = connection.channel()
        for queue in declared:
            channel.queue_purge(queue)
    finally:
        connection.close()
