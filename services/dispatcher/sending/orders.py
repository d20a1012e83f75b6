"""Orders off the broker: a thread of its own, which hands deliveries to the loop and takes acknowledgements back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from pika.exceptions import AMQPError

from contracts.envelope import BadEnvelope
from servicekit import logs, topology, wire

from ..accepting import queue_name
from .lane import Delivery

log = logs.get(__name__)

PREFETCH = 4
LANES = ("priority", "bulk")


class Orders(threading.Thread):
    """Consumes ``smsc.<connector>.<lane>`` of each connector; comes back by itself after a broker's outage.

    Acknowledgements for a connection that is gone are dropped: its deliveries come again, and find their batches done
    or in hand.
    """

    def __init__(
        self, amqp_uri: str, deliver: Callable[[str, str, Delivery], None], stopping: threading.Event
    ) -> None:
        """``deliver(connector, lane, delivery)`` is called from this thread."""
        super().__init__(name="orders", daemon=True)
        self._uri, self._deliver, self._stopping = amqp_uri, deliver, stopping
        self._wanted: frozenset[str] = frozenset()
        self._connection: Any = None
        self.connected = False

    def want(self, connectors: frozenset[str]) -> None:
        """Consume the queues of exactly these connectors from now on."""
        self._wanted = connectors

    def run(self) -> None:
        """The thread."""
        while not self._stopping.is_set():
            try:
                self._consume()
            except (AMQPError, OSError) as error:
                log.warning("broker_outage", reason=f"{type(error).__name__}: {error}"[:200])
            self.connected = False
            self._stopping.wait(0.5)

    def _consume(self) -> None:
        connection = topology.connect_patiently(self._uri, "dispatcher-sender", self._stopping.is_set)
        self._connection = connection
        channels: dict[str, Any] = {}
        self.connected = True
        while not self._stopping.is_set():
            wanted = self._wanted
            # The broker closes a channel, not the connection, when an order waits for its answer too long (half an hour).
            channels = {name: channel for name, channel in channels.items() if channel.is_open}
            for name in wanted - channels.keys():
                channels[name] = self._open(connection, name)
            for name in channels.keys() - wanted:
                channels.pop(name).close()
            connection.process_data_events(time_limit=0.5)
        connection.close()

    def _open(self, connection: Any, connector: str) -> Any:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=PREFETCH)
        for lane in LANES:
            queue = queue_name(connector, lane)
            topology.declare_data_queue(channel, queue)
            channel.basic_consume(queue, partial(self._on_message, connection, connector, lane))
        return channel

    def _on_message(
        self, connection: Any, connector: str, lane: str, channel: Any, method: Any, _: Any, body: bytes
    ) -> None:
        tag = method.delivery_tag
        try:
            order = wire.decode(body).data
            delivery = Delivery(
                int(order["batch_id"]), int(order["generation"]), partial(self._ack, connection, channel, tag)
            )
        except (BadEnvelope, KeyError, ValueError) as error:
            # The order says nothing that can be acted on; the batch itself is a row, and the sweep orders it again.
            log.error("order_unreadable", connector=connector, reason=str(error))
            channel.basic_ack(tag)
            return
        self._deliver(connector, lane, delivery)

    def _ack(self, connection: Any, channel: Any, tag: int) -> None:
        def ack() -> None:
            if channel.is_open:
                channel.basic_ack(tag)

        if connection.is_open:
            try:
                connection.add_callback_threadsafe(ack)
            except AMQPError:
                log.debug("ack_dropped")

    def finish(self, seconds: float) -> None:
        """Wait for the thread to end after ``stopping`` was set."""
        self.join(seconds)
