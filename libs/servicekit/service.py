"""The nameko side of a service: its entry points, its dependencies and its process.

A process calls ``cooperative.patch()`` before it imports this module. ``@rpc``, ``@consumes`` and ``@every`` are the only
entry points allowed (a test checks): nameko's own event handler acknowledges a failed event and so loses it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import eventlet
import pika
import psycopg2
from kombu import Exchange, Queue
from nameko.amqp.publish import Publisher, UndeliverableMessage
from nameko.extensions import DependencyProvider
from nameko.messaging import Consumer, QueueConsumer
from nameko.rpc import Rpc
from nameko.timer import Timer
from sqlalchemy.exc import InterfaceError, OperationalError

from contracts.envelope import BadEnvelope, Envelope
from contracts.errors import KeryxError, Unavailable, Unexpected
from contracts.events import Event

from . import (
    context,
    crashpoints,
    database,
    health,
    inbox,
    logs,
    metrics,
    rpcclient,
    settings,
    topology,
    wire,
)
from .calls import BROKEN
from .outbox import EXCHANGE

log = logs.get(__name__)

DRAIN_SECONDS = 20
QUEUE_ATTRIBUTE, EVENT_ATTRIBUTE = "keryx_queue", "keryx_event"
"""On each consumer; the contract test compares them with contracts.queues."""
_REDELIVERED = "redelivered"


@contextlib.contextmanager
def _connected_soon(consumer: QueueConsumer) -> Iterator[Any]:
    with consumer.connection.clone() as connection:
        connection.ensure_connection(
            consumer.on_connection_error, interval_start=1, interval_step=1, interval_max=2
        )
        yield connection


# By itself it waits 2 s longer at each attempt, up to 30 s: services came back half a minute after their broker.
QueueConsumer.establish_connection = _connected_soon
_consumers_of_nameko = QueueConsumer.get_consumers


def _consumers_with_their_own_prefetch(self: QueueConsumer, consumer_cls: Any, channel: Any) -> list[Any]:
    """All consumers, consuming. The broker gives a consumer the prefetch that its channel has when it begins."""
    consumers = list(_consumers_of_nameko(self, consumer_cls, channel))
    for provider, consumer in self._consumers.items():
        consumer.qos(prefetch_count=getattr(provider, "at_once", None) or self.prefetch_count)
        consumer.consume()
    return consumers


QueueConsumer.get_consumers = _consumers_with_their_own_prefetch


class Context(DependencyProvider):
    """Puts the caller's correlation id in force for each worker, and notes when it began."""

    def worker_setup(self, worker_ctx: Any) -> None:
        """Enter the context that arrived in the message's headers."""
        data = worker_ctx.data
        redelivered = bool(data.pop(_REDELIVERED, False))
        context.enter(data.get(context.HEADER), actor=data.get(context.ACTOR_HEADER), redelivered=redelivered)
        worker_ctx.data[context.HEADER] = context.correlation_id()
        worker_ctx.began = time.monotonic()


class Database(DependencyProvider):
    """Gives a service ``self.db.transaction()`` on its own database."""

    def setup(self) -> None:
        """Make the engine; connections come later."""
        config = self.container.config
        engine = database.make_engine(config["DATABASE_URL"], f"{self.container.service_name}-service")
        self._database = database.Database(engine)

    def stop(self) -> None:
        """Close the pool."""
        self._database.engine.dispose()

    def get_dependency(self, worker_ctx: Any) -> database.Database:
        """The same database for every worker."""
        return self._database


_BUSY = frozenset({"55P03", "40P01", "40001"})
"""SQLSTATE: lock_not_available, deadlock_detected, serialization_failure."""


class _Rpc(Rpc):
    """nameko's RPC with our failures: expected ones travel as their kind, others are logged and hidden.

    A transaction that waited too long for another one, or was taken back for its sake, is ``busy``: it can be tried again.

    A call is acknowledged once it is answered. Killed before, it is delivered again, also when it was carried out
    (``idempotency``).
    """

    def unpack_message_headers(self, message: Any) -> dict[str, Any]:
        """The headers, and whether the call may have come before."""
        headers: dict[str, Any] = super().unpack_message_headers(message)
        before = headers.pop(context.AGAIN_HEADER, False) or message.delivery_info.get("redelivered")
        return headers | {_REDELIVERED: bool(before)}

    def handle_result(self, message: Any, worker_ctx: Any, result: Any, exc_info: Any) -> Any:
        """Translate the failure, answer, acknowledge. An answer that the broker does not take is lost, like that of one
        who was killed here: raised, it would end the whole service.
        """
        outcome = "ok"
        if exc_info is not None:
            error = exc_info[1]
            if _sqlstate(error) in _BUSY:
                log.warning("rpc_busy", method=self.method_name, reason=type(error).__name__)
                error = Unavailable("busy", "Somebody else is changing the same; try again in a moment.")
            elif not isinstance(error, KeryxError):
                log.error("rpc_failed", method=self.method_name, exc_info=exc_info)
                error = Unexpected("internal_error", "Something went wrong on our side.")
            outcome = error.code
            exc_info = (type(error.as_kind()), error.as_kind(), None)
        else:
            crashpoints.reach(f"{self.container.service_name}.{self.method_name}.done")
        metrics.rpc_calls.labels(self.method_name, outcome).inc()
        if worker_ctx is not None:  # a call that does not fit the method never had a worker
            metrics.rpc_seconds.labels(self.method_name).observe(time.monotonic() - worker_ctx.began)
        try:
            return super().handle_result(message, worker_ctx, result, exc_info)
        except BROKEN as failure:
            log.warning("answer_lost", method=self.method_name, reason=f"{type(failure).__name__}: {failure}")
            _answer(message, message.ack)
            return result, exc_info


rpc = _Rpc.decorator


class _Every(Timer):
    """nameko's timer; a failure is logged and the next tick tries again."""

    def handle_result(self, worker_ctx: Any, result: Any, exc_info: Any) -> Any:
        """Log the failure, let the timer go on."""
        if exc_info is not None:
            log.error("timer_failed", method=self.method_name, exc_info=exc_info)
        return super().handle_result(worker_ctx, result, None)


every = _Every.decorator


class _TooManyDeliveries(Exception):
    """An event was delivered again and again and never answered: whoever took it died, or lost the broker."""


class _EventConsumer(Consumer):
    """Consumes a declared queue; a failure goes to the retry queue, and after RETRIES to the dead letters."""

    def __init__(self, queue: Queue, at_once: int | None = None) -> None:
        """``at_once`` deliveries of ``queue`` are worked on together; None means as many as there are workers."""
        super().__init__(queue)
        self.at_once = at_once

    def handle_message(self, body: Any, message: Any) -> None:
        """Hand the delivery to a worker, unless it went unanswered too often.

        Beyond the queue's own limit the broker would put it aside, and drop it on its way back from the retry
        queue: it takes a message that comes round without a single rejection for one that circles for ever.
        """
        unanswered = message.headers.get("x-delivery-count") or 0
        if unanswered < topology.UNANSWERED_LIMIT:
            super().handle_message(body or b"", message)  # an empty body arrives as a str
        else:
            self._put_aside(message, _TooManyDeliveries(f"unanswered {unanswered} times"))

    def handle_result(self, message: Any, worker_ctx: Any, result: Any, exc_info: Any) -> Any:
        """Acknowledge what is done; put aside what is not."""
        if exc_info is not None:
            self._put_aside(message, exc_info[1])
            return result, None
        _answer(message, message.ack)
        metrics.events_consumed.labels(self.queue.name, "done").inc()
        return result, exc_info

    def _put_aside(self, message: Any, error: BaseException) -> None:
        retries = retries_so_far(message.headers)
        hopeless = isinstance(error, BadEnvelope) or retries >= topology.RETRIES
        log.error("event_failed", queue=self.queue.name, retries=retries, dead=hopeless, exc_info=error)
        if hopeless and self._bury(message, error):
            _answer(message, message.ack)
            metrics.events_consumed.labels(self.queue.name, "dead").inc()
        else:
            _answer(message, message.reject)
            metrics.events_consumed.labels(self.queue.name, "retry").inc()

    def _bury(self, message: Any, error: BaseException) -> bool:
        """Copy ``message`` to the dead letters; False when that could not be done now.

        Confirmed before the ack: killed between the two, the message is there twice, never not at all.
        """
        try:
            Publisher(self.container.config["AMQP_URI"]).publish(
                message.body or b"",
                routing_key=f"{self.queue.name}.dead",
                exchange="",
                mandatory=True,
                serializer=None,
                content_type=wire.CONTENT_TYPE,
                content_encoding=wire.CONTENT_ENCODING,
                headers={"x-error": f"{type(error).__name__}: {error}"[:500]},
            )
        except (UndeliverableMessage, *BROKEN) as failure:
            log.error(
                "event_not_buried", queue=self.queue.name, reason=f"{type(failure).__name__}: {failure}"
            )
            return False
        return True


def _answer(message: Any, answer: Callable[[], None]) -> None:
    """Acknowledge or reject. When the delivery's connection is gone the broker has taken it back already."""
    if message.channel.connection:
        with contextlib.suppress(*BROKEN):
            answer()


def retries_so_far(headers: dict[str, Any]) -> int:
    """How often the broker has put the message aside already."""
    deaths = headers.get("x-death") or []
    return int(sum(death.get("count", 0) for death in deaths if death.get("reason") != "expired"))


def consumes(event: type[Event], queue: str, at_once: int | None = None) -> Callable[..., Any]:
    """Entry point for an event: ``method(self, session, event, envelope)`` runs once per event id.

    Decoding, inbox and the method's effect share one transaction; the delivery is acknowledged after its commit.
    The class needs ``db = Database()``. While the database is away the handler waits and tries again in place.
    Of a queue that must leave workers to the others a process takes ``at_once`` events; 1 keeps their order within it.
    """

    def decorate(method: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(method)
        def handler(self: Any, body: bytes) -> None:
            envelope = wire.decode(body)
            if envelope.type != event.TYPE or envelope.version != event.VERSION:
                raise BadEnvelope(
                    f"{envelope.type} v{envelope.version} on a queue of {event.TYPE} v{event.VERSION}"
                )
            context.enter(envelope.correlation_id, envelope.id)
            message = _read(event, envelope)
            patiently(lambda: _consume_once(self, method, queue, message, envelope))
            crashpoints.reach(f"{queue}.committed")

        setattr(handler, QUEUE_ATTRIBUTE, queue)
        setattr(handler, EVENT_ATTRIBUTE, event)
        exchange = Exchange(EXCHANGE, "topic", durable=True, no_declare=True)
        entry = _EventConsumer.decorator(Queue(queue, exchange=exchange, no_declare=True), at_once=at_once)
        return entry(handler)  # type: ignore[no-any-return]

    return decorate


def _read(event: type[Event], envelope: Envelope) -> Event:
    try:
        return event.from_data(envelope.data)
    except (AttributeError, KeyError, TypeError) as error:
        raise BadEnvelope(f"not the data of {event.TYPE} v{event.VERSION}: {error}") from error


def _consume_once(service: Any, method: Any, queue: str, message: Event, envelope: Envelope) -> None:
    with service.db.transaction() as session:
        if inbox.first_time(session, queue, envelope.id):
            method(service, session, message, envelope)
            crashpoints.reach(f"{queue}.effect")


def patiently(work: Callable[[], None]) -> None:
    """Run ``work``, again and again while the database cannot be reached: an outage is not the event's fault."""
    pause = 0.2
    while True:
        try:
            return work()
        except (
            OperationalError,
            InterfaceError,
            psycopg2.OperationalError,
            psycopg2.InterfaceError,
        ) as error:
            if _is_answer(error):
                raise
            log.warning("database_not_there", reason=type(error).__name__)
            time.sleep(pause)
            pause = min(2.0, pause * 2)


def _is_answer(error: Exception) -> bool:
    """True when the server said it itself (a deadlock, a lock timeout): then it is there."""
    state = _sqlstate(error)
    return state is not None and not state.startswith(("57", "08"))


def _sqlstate(error: Exception) -> str | None:
    state: str | None = getattr(getattr(error, "orig", error), "pgcode", None)
    return state


def run(service_cls: type) -> None:
    """Run ``service_cls`` until SIGTERM or SIGINT, then drain: what is being worked on is finished first.

    A drain that takes longer than DRAIN_SECONDS (nameko's waits for a broker that is away) is cut short; what was not
    acknowledged is delivered again. Waits for the broker and the database before it starts, because nameko hangs
    when they are not there.
    """
    from nameko.runners import ServiceRunner

    own = settings.load(service_cls.name)  # type: ignore[attr-defined]
    logs.configure(own.service, "service", own.log_level)
    rpcclient.register_errors()
    service_cls._context = Context()  # type: ignore[attr-defined]
    database.connect_patiently(own.database_url, f"{own.service}-start").close()
    topology.connect_patiently(own.amqp_uri, f"{own.service}-start").close()
    runner = ServiceRunner({"AMQP_URI": own.amqp_uri, "DATABASE_URL": own.database_url, "heartbeat": 10})
    runner.add_service(service_cls)
    drains = threading.Event()  # not ready before a signal ends it in order
    checks = _checks(own) | {
        "consuming": lambda: drains.is_set() and all(map(_is_consuming, runner.containers))
    }
    server = health.HealthServer(own.health_host, own.health_port, checks)
    runner.start()

    def stop(*_: Any) -> None:
        # Asked twice, nameko would hang. Not SIG_IGN: of two signals found at once the second would be an OSError in the hub.
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: None)
        eventlet.spawn_n(runner.stop)  # a signal handler may not block
        eventlet.spawn_after(DRAIN_SECONDS, _cut_short)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    drains.set()
    log.info("started")
    runner.wait()
    server.close()
    log.info("stopped")
    sys.exit(0)


def _cut_short() -> None:
    log.error("drain_cut_short", seconds=DRAIN_SECONDS)
    os._exit(75)


def _checks(own: settings.Settings) -> dict[str, health.Check]:
    engine = database.make_engine(own.database_url, f"{own.service}-health", pool_size=1)

    def broker() -> bool:
        pika.BlockingConnection(topology.parameters(own.amqp_uri, f"{own.service}-health")).close()
        return True

    return {"database": database.Database(engine).is_there, "broker": broker}


def _is_consuming(container: Any) -> bool:
    """Whether calls and events reach the service: it has started, and its consumers' connection stands."""
    listeners = [one for one in container.subextensions if isinstance(one, QueueConsumer)]
    return all(_is_connected(listener) for listener in listeners)


def _is_connected(listener: QueueConsumer) -> bool:
    consumers = list(listener._consumers.values())
    connections = [consumer.channel.connection for consumer in consumers if consumer.channel is not None]
    return (
        bool(consumers) and len(connections) == len(consumers) and all(c and c.connected for c in connections)
    )
