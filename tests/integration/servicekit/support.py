"""A toy service seen from outside: its broker, its database, its processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pika
from psycopg2 import sql

from contracts import envelope
from contracts.events import Event
from deploy.local import worlds
from deploy.local.layout import ROOT
from servicekit import topology, wire
from servicekit.outbox import EXCHANGE
from tests.support.infra import Infra
from tests.support.ports import free_port
from tests.support.queues import depths
from tests.support.sql import rows_of
from tests.support.waiting import eventually

from . import toy
from .gate import Gate


@dataclass
class Program:
    """A process; what it logs is kept."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def get(self, path: str) -> httpx.Response:
        """One of its health pages."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=15)

    def is_ready(self) -> bool:
        """Whether it says so itself. AssertionError with its log when it has ended."""
        assert self.process.poll() is None, self.log.read_text()[-4_000:]
        try:
            return self.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def wait_ready(self) -> None:
        """Return once it is ready."""
        eventually(self.is_ready, timeout=30, what=f"{self.name} to be ready")

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Its log lines of ``event``."""
        lines = (line for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in map(json.loads, lines) if line.get("event") == event]

    def metric(self, sample: str) -> float:
        """The value of a sample such as ``name{label="x"}``; 0 when it has none yet."""
        lines = (line.rsplit(" ", 1) for line in self.get("/metrics").text.splitlines())
        return next((float(value) for name, value in lines if name == sample), 0.0)

    @contextmanager
    def held(self) -> Iterator[None]:
        """It stands still meanwhile; what it is sent, it finds afterwards."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def terminate(self, seconds: float = 20) -> int:
        """SIGTERM; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """kill -9, if it still runs."""
        self.process.kill()
        self.process.wait(10)


@dataclass
class Site:
    """A virtual host with the toy's queues and a database with its tables. Processes reach the broker by a gate."""

    infra: Infra
    amqp_uri: str
    database_url: str
    folder: Path
    gate: Gate
    programs: list[Program] = field(default_factory=list)

    @property
    def amqp_uri_through_gate(self) -> str:
        """The same virtual host, as its processes reach it."""
        parts = urlsplit(self.amqp_uri)
        login = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{login}@127.0.0.1:{self.gate.port}").geturl()

    def start(self, name: str, *argv: str, ready: bool = True, **environment: str) -> Program:
        """``python -m argv…`` under ``name``; waits until it is ready."""
        port, log = free_port(), self.folder / f"{name}.log"
        kept = {key: os.environ[key] for key in ("HOME", "LANG", "PATH") if key in os.environ}
        told = {
            "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}",
            "PYTHONWARNINGS": "ignore",
            "KERYX_AMQP_URI": self.amqp_uri_through_gate,
            "KERYX_DATABASE_URL_TOY": self.database_url,
            "KERYX_HEALTH_PORT": str(port),
            "KERYX_INSTANCE": name,
        }
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *argv],
                cwd=ROOT,
                env=kept | told | environment,
                stdout=output,
                stderr=output,
            )
        program = Program(name, process, port, log)
        self.programs.append(program)
        if ready:
            program.wait_ready()
        return program

    def start_toy(self, name: str, ready: bool = True, **environment: str) -> Program:
        """A replica of the toy service."""
        return self.start(name, "tests.integration.servicekit.toy", ready=ready, **environment)

    def start_relay(self, name: str = "relay", ready: bool = True) -> Program:
        """A relay of its outbox."""
        return self.start(name, "servicekit.relay", "toy", ready=ready)

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of ``statement``, committed."""
        return rows_of(self.database_url, statement, *parameters)

    def effects(self, name: str) -> list[tuple[Any, ...]]:
        """(event id, replica, correlation id, asked correlation id) of each effect of ``name``."""
        return self.sql(
            "SELECT event_id, replica, correlation_id, asked_correlation_id FROM effects WHERE name = %s",
            name,
        )

    def told(self) -> list[str]:
        """Ids of the events in the outbox of a site without a relay."""
        return [row[0] for row in self.sql("SELECT message_id::text FROM outbox_0 ORDER BY id")]

    def is_working(self) -> bool:
        """Whether a handler is in the middle of its slow work."""
        return bool(
            self.sql(
                "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1)' AND state = 'active'"
                " AND datname = current_database()"
            )
        )

    def publish(self, body: bytes, times: int = 1, **properties: Any) -> None:
        """Put octets on the toy's queue by way of the exchange, as a relay would."""
        given = {
            "content_type": wire.CONTENT_TYPE,
            "content_encoding": wire.CONTENT_ENCODING,
            "delivery_mode": 2,
        }
        with channel_of(self.amqp_uri) as channel:
            for _ in range(times):
                channel.basic_publish(
                    EXCHANGE,
                    toy.ThingHappened.routing_key(),
                    body,
                    pika.BasicProperties(**given | properties),
                    mandatory=True,
                )

    def tell(self, event: Event, times: int = 1, correlation_id: str = "") -> str:
        """Publish one envelope of ``event`` ``times`` times; its id."""
        made = envelope.make(
            event.TYPE, event.VERSION, event.PRODUCER, event.to_data(), correlation_id=correlation_id
        )
        self.publish(wire.encode(made), times)
        return made.id

    def depth(self, queue: str) -> int:
        """Messages ready in ``queue``."""
        return depths(self.amqp_uri, [queue])[queue]

    def take(self, queue: str) -> list[tuple[dict[str, Any], bytes]]:
        """Everything out of ``queue``: (headers, body) each."""
        found = []
        with channel_of(self.amqp_uri) as channel:
            while (got := channel.basic_get(queue, auto_ack=True))[0]:
                found.append((got[1].headers or {}, got[2]))
        return found

    def cut_broker_connections(self) -> int:
        """Have the broker close all connections to this virtual host; how many."""
        host = urlsplit(self.amqp_uri).path.removeprefix("/")
        answer = self.infra.pair.rabbitmq.evaluate(
            'length([rabbit_networking:close_connection(proplists:get_value(pid, I), "test")'
            " || I <- rabbit_networking:connection_info_all([pid, vhost]),"
            f' proplists:get_value(vhost, I) =:= <<"{host}">>])'
        )
        return int(answer)

    @contextmanager
    def database_away(self) -> Iterator[None]:
        """Nobody can connect to the database inside the block, and who was connected is cut off."""
        name = urlsplit(self.database_url).path.removeprefix("/")
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        with worlds.administering(self.infra.world.admin_url) as cursor:
            cursor.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
            try:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
                )
                yield
            finally:
                cursor.execute(allow.format(sql.Identifier(name), sql.SQL("true")))

    def stop_all(self) -> None:
        """End what still runs."""
        for program in self.programs:
            if program.process.poll() is None:
                program.kill()


@contextmanager
def site(infra: Infra, folder: Path) -> Iterator[Site]:
    """A site of its own; its processes end with the block."""
    with ExitStack() as stack:
        database_url = stack.enter_context(infra.database("notifier"))
        amqp_uri = stack.enter_context(infra.virtual_host())
        broker = urlsplit(amqp_uri)
        gate = Gate((broker.hostname or "", broker.port or 5672))
        stack.callback(gate.close)
        made = Site(infra, amqp_uri, database_url, folder, gate)
        stack.callback(made.stop_all)
        made.sql(toy.TABLES)
        declare(amqp_uri)
        yield made


def declare(amqp_uri: str) -> None:
    """The exchange and the toy's queues, with a short retry delay."""
    delay, topology.RETRY_DELAY_MS = topology.RETRY_DELAY_MS, toy.RETRY_DELAY_MS
    try:
        with channel_of(amqp_uri) as channel:
            channel.exchange_declare(EXCHANGE, "topic", durable=True)
            topology.declare_control_queue(channel, toy.QUEUE, toy.ThingHappened.routing_key())
    finally:
        topology.RETRY_DELAY_MS = delay


@contextmanager
def channel_of(amqp_uri: str) -> Iterator[Any]:
    """A channel with confirms."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_uri))
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel
    finally:
        connection.close()
