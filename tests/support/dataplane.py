"""The data plane as processes: acceptor, sender and relay on a database, a broker and an SMSC of the test's own."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pika
import psycopg2

from contracts import envelope
from contracts.chunks import QUEUES, Chunk
from deploy.local.layout import ROOT
from servicekit import topology, wire
from services.dispatcher import partitions, secrets
from services.dispatcher.domain import State
from simulators.smsc.testing import Smsc
from tests.support.sql import rows_of

from .waiting import eventually

SECRET = "a key for tests"
os.environ.setdefault("KERYX_SECRET_KEY", SECRET)


TOLD = (  # one statement, so that nothing is seen twice or missed while it is gathered
    "SELECT body, true FROM outbox_0 WHERE exchange <> '' UNION ALL SELECT chunks, false FROM untold_progress"
)


def chunks_of(octets: bytes, is_told: bool) -> list[dict[str, Any]]:
    """The chunks of a row of ``TOLD``: of an event in the outbox, or of a row that waits to be told."""
    chunks: list[dict[str, Any]] = wire.decode(octets).data["chunks"] if is_told else orjson.loads(octets)
    return chunks


@dataclass
class Dataplane:
    """Remote control of the processes, and what the database says of their work."""

    database_url: str
    amqp_uri: str
    smsc: Smsc
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(6_900_000_000))
    _holds: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def start(self, name: str, argv: list[str], **environment: str) -> subprocess.Popen[bytes]:
        """Start a process under ``name``; its log goes to standard error of the test when KERYX_TEST_LOGS is set."""
        loud = None if os.environ.get("KERYX_TEST_LOGS") else subprocess.DEVNULL
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", *argv],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}",
                "KERYX_AMQP_URI": self.amqp_uri,
                "KERYX_DATABASE_URL_DISPATCHER": self.database_url,
                "KERYX_INSTANCE": name,
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=loud,
            stderr=loud,
        )
        return self.processes[name]

    def start_sender(self, name: str = "sender") -> subprocess.Popen[bytes]:
        """A sender."""
        return self.start(name, ["services.dispatcher.sender"])

    def start_all(self) -> None:
        """Acceptor, relay and one sender."""
        self.start("relay", ["servicekit.relay", "dispatcher"])
        self.start("acceptor", ["services.dispatcher.acceptor"])
        self.start_sender()

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self, name: str, seconds: float = 15) -> int:
        """SIGTERM, and the exit status."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(seconds)

    def stop_all(self) -> None:
        """End whatever runs."""
        for name in list(self.processes):
            if self.processes[name].poll() is None:
                self.kill(name)

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of ``statement``, committed."""
        return rows_of(self.database_url, statement, *parameters)

    def prepare(self, window: int = 100, **more: Any) -> None:
        """Tables for messages, one connector to the simulator, routes to it for everything Greek."""
        connection = psycopg2.connect(self.database_url)
        with connection, connection.cursor() as cursor:
            partitions.ensure(cursor)
            values = {
                "name": "sim", "host": self.smsc.host, "port": self.smsc.port, "system_id": self.smsc.system_id,
                "password": secrets.hide(self.smsc.password), '"window"': window, **more,
            }  # fmt: skip
            cursor.execute(
                f"INSERT INTO connectors ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))}) RETURNING id",
                list(values.values()),
            )
            row = cursor.fetchone()
            assert row
            for price_class in ("normal", "low"):
                cursor.execute(
                    "INSERT INTO routes (price_class, prefix, connector_id) VALUES (%s, '30', %s)",
                    (price_class, row[0]),
                )
        connection.close()
        topology.declare(self.amqp_uri)

    def send_chunk(
        self, count: int = 500, text: str = "Καλημέρα {n}", campaign_id: int = 1, **more: Any
    ) -> Chunk:
        """Publish a chunk of ``count`` messages to numbers not used before; returns it."""
        rows = [
            [
                f"30{next(self._numbers)}",
                text.replace("{n}", str(n)),
                more.get("encoding", "unicode"),
                more.get("parts", 1),
                40_000,
            ]
            for n in range(count)
        ]
        chunk = Chunk(
            hold_id=more.get("hold_id") or f"c{next(self._holds)}",
            account_id=more.get("account_id", 7),
            campaign_id=campaign_id,
            sender=more.get("sender", "KERYX"),
            price_class="normal",
            kind=more.get("kind", "marketing"),
            messages=rows,
        )
        self.publish(chunk, more.get("lane", "bulk"))
        return chunk

    def publish(self, chunk: Chunk, lane: str = "bulk") -> None:
        """Put a chunk on its queue, confirmed."""
        message = envelope.make(
            Chunk.TYPE, Chunk.VERSION, Chunk.PRODUCER, chunk.to_data(), account_id=chunk.account_id
        )
        connection = pika.BlockingConnection(pika.URLParameters(self.amqp_uri))
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("", QUEUES[lane], wire.encode(message), mandatory=True)
        connection.close()

    def states(self) -> Counter[str]:
        """Messages by state."""
        rows = self.sql("SELECT state, count(*) FROM messages GROUP BY state")
        return Counter({State(number).label: count for number, count in rows})

    def wait_final(self, count: int, timeout: float = 30.0) -> Counter[str]:
        """Wait until ``count`` messages are there and all are final, and no batch is left; their states."""
        open_states = {"accepted", "queued", "submitted"}

        def done() -> Counter[str] | None:
            states = self.states()
            over = sum(states.values()) == count and not open_states & states.keys()
            return states if over and not self.sql("SELECT 1 FROM batches") else None

        try:
            return eventually(done, timeout) or Counter()
        except AssertionError as error:
            raise AssertionError(
                f"{self.states()} of {count}; batches {self.sql('SELECT * FROM batches')}"
            ) from error

    def progress(self) -> dict[str, Counter[str]]:
        """Sum of what was or will be told of each hold: the outbox (nobody truncates it in these tests), what is kept."""
        totals: dict[str, Counter[str]] = {}
        for body, is_told in self.sql(TOLD):
            for row in chunks_of(bytes(body), is_told):
                total = totals.setdefault(row["hold_id"], Counter())
                total.update(
                    {
                        k: row[k]
                        for k in ("accepted", "submitted", "left", "captured", "released", "captured_parts")
                    }
                )
                total.update(row["finals"])
        return totals


@contextmanager
def dataplane(database_url: str, amqp_uri: str, smsc: Smsc) -> Iterator[Dataplane]:
    """A data plane whose processes end with the block."""
    plane = Dataplane(database_url, amqp_uri, smsc)
    with ExitStack() as stack:
        stack.callback(plane.stop_all)
        yield plane
