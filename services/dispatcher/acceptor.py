"""The acceptor: takes the chunks of campaigns off the broker and accepts them, a transaction each.

Run as ``python -m services.dispatcher.acceptor``. Two of them share the queues. A chunk is acknowledged after its commit; a
second delivery of it finds its hold accepted and changes nothing.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import ExitStack
from typing import Any

import psycopg2
from pika.exceptions import AMQPError
from prometheus_client import Counter, Histogram

from contracts.chunks import QUEUES, Chunk
from contracts.envelope import BadEnvelope, Envelope
from servicekit import context, crashpoints, inbox, logs, topology, wire, worker

from . import accepting, partitions

log = logs.get(__name__)

CONSUMER = "dispatcher.acceptor"
PREFETCH = 8
WAYS_SECONDS = 1.0
DEAD_QUEUE = "dispatch.dead"

messages_accepted = Counter("keryx_messages_accepted_total", "Messages accepted from chunks")
chunk_seconds = Histogram("keryx_chunk_accept_seconds", "Time to accept one chunk")


class Acceptor:
    """Accepts chunks until stopped; the priority queue first."""

    def __init__(self, process: worker.Process) -> None:
        """Connect to both sides and consume."""
        self._process = process
        self._ways: accepting.Ways | None = None
        self._ways_read = 0.0
        self._waiting: dict[str, deque[tuple[int, bytes]]] = {lane: deque() for lane in ("priority", "bulk")}
        self._database = process.connect("accept")
        with self._database, self._database.cursor() as cursor:
            partitions.ensure(cursor)
        self._connection = process.connect_broker()
        with ExitStack() as undo:
            # Failing half way, a consumer that nobody serves would keep its chunks until heartbeats run out (half a minute).
            undo.callback(self.close)
            self._consume()
            undo.pop_all()

    def _consume(self) -> None:
        self._channel = self._connection.channel()
        self._channel.basic_qos(prefetch_count=PREFETCH)
        topology.declare_data_queue(self._channel, DEAD_QUEUE)
        for lane, queue in QUEUES.items():
            topology.declare_data_queue(self._channel, queue)
            self._channel.basic_consume(queue, self._keeper(lane))

    def run(self) -> None:
        """Accept one chunk after another; raises when database or broker went away."""
        while not self._process.stopping.is_set():
            idle = not any(self._waiting.values())
            self._connection.process_data_events(time_limit=0.5 if idle else 0)
            self._process.progressed()
            lane = next((lane for lane, chunks in self._waiting.items() if chunks), None)
            if lane is not None:
                tag, body = self._waiting[lane].popleft()
                self._handle(body)
                crashpoints.reach("acceptor.committed")
                self._channel.basic_ack(tag)

    def close(self) -> None:
        """Let go; what is not acknowledged is delivered again."""
        self._database.close()
        if self._connection.is_open:
            self._connection.close()

    def _keeper(self, lane: str) -> Any:
        def keep(_: Any, method: Any, __: Any, body: bytes) -> None:
            self._waiting[lane].append((method.delivery_tag, body))

        return keep

    @chunk_seconds.time()
    def _handle(self, body: bytes) -> None:
        try:
            message = wire.decode(body)
            incoming = _incoming(Chunk.from_data(message.data), message.occurred_at)
        except (BadEnvelope, TypeError, ValueError) as error:
            # Only our own expander writes here, so this is a fault in a release: kept whole for whoever mends it.
            log.error("chunk_unreadable", reason=str(error))
            self._bury(body)
            return
        context.enter(message.correlation_id, message.id)
        self._accept(message, incoming)

    def _accept(self, message: Envelope, incoming: accepting.Incoming) -> None:
        with self._database, self._database.cursor() as cursor:
            ways = self._current_ways(cursor)
            if not inbox.first_time(cursor, CONSUMER, message.id):
                return
            if accepting.accept(cursor, incoming, ways, accepting.by_copy):
                messages_accepted.inc(len(incoming.messages))
            crashpoints.reach("acceptor.stored")

    def _current_ways(self, cursor: Any) -> accepting.Ways:
        now = time.monotonic()
        if self._ways is None or now - self._ways_read > WAYS_SECONDS:
            self._ways, self._ways_read = accepting.Ways.load(cursor), now
            partitions.ensure(cursor)
        return self._ways

    def _bury(self, body: bytes) -> None:
        channel = self._connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("", DEAD_QUEUE, body, mandatory=True)
        channel.close()


def _incoming(chunk: Chunk, prepared_at: str) -> accepting.Incoming:
    if chunk.kind not in accepting.LANES:
        raise ValueError(f"unknown kind {chunk.kind!r}")
    return accepting.Incoming(
        hold_id=chunk.hold_id,
        account_id=chunk.account_id,
        campaign_id=chunk.campaign_id,
        price_class=chunk.price_class,
        kind=chunk.kind,
        channel=chunk.channel,
        validity_seconds=chunk.validity_seconds,
        messages=[
            accepting.Message(msisdn, chunk.sender, text, encoding, parts, price)
            for msisdn, text, encoding, parts, price in chunk.messages
        ],
        prepared_at=prepared_at,
    )


def main() -> None:
    """Run the acceptor."""
    worker.run("dispatcher", "acceptor", Acceptor, retry_on=(psycopg2.Error, AMQPError, OSError))


if __name__ == "__main__":
    main()
