"""In the place of the dispatcher: takes chunks off the broker and tells that all of their messages have left.

Started by the row ``expansion`` as ``python -m bench.standin`` with KERYX_AMQP_URI, so that the expander can be measured
without what comes after it. Flow control sees a connector without a limit.
"""

from __future__ import annotations

import os
from typing import Any

import pika

from contracts import envelope
from contracts.chunks import QUEUES, Chunk
from contracts.events import ChunkProgress, MessagesProgressed
from servicekit import wire
from servicekit.outbox import EXCHANGE

PREFETCH = 8
AS_WRITTEN = pika.BasicProperties(
    content_type=wire.CONTENT_TYPE, content_encoding=wire.CONTENT_ENCODING, delivery_mode=2
)


def on_chunk(channel: Any, method: Any, _: Any, body: bytes) -> None:
    """Everything accepted, everything gone."""
    chunk = Chunk.from_data(wire.decode(body).data)
    count = len(chunk.messages)
    gone = ChunkProgress(
        hold_id=chunk.hold_id,
        account_id=chunk.account_id,
        campaign_id=chunk.campaign_id,
        accepted=count,
        left=count,
    )
    event = MessagesProgressed([gone])
    message = envelope.make(event.TYPE, event.VERSION, event.PRODUCER, event.to_data())
    channel.basic_publish(EXCHANGE, event.routing_key(), wire.encode(message), AS_WRITTEN, mandatory=True)
    channel.basic_ack(method.delivery_tag)


def main() -> None:
    """Until SIGTERM."""
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["KERYX_AMQP_URI"]))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=PREFETCH)
    channel.basic_consume(QUEUES["bulk"], on_chunk)
    channel.start_consuming()


if __name__ == "__main__":
    main()
