"""``alone.accept`` and ``alone.sender``: the data plane without what is before and behind it."""

from __future__ import annotations

import os

from contracts.chunks import QUEUES
from services.dispatcher import secrets
from services.dispatcher.domain import State
from simulators.smsc.testing import Smsc, running

from ..harness import traffic
from ..harness.alone import Alone
from ..harness.bench import Bench
from ..harness.meter import Meter
from ..harness.row import Deadline, Row, Run

WINDOW = 200
RECEIPTS_AFTER_MS = 1000


def accept(bench: Bench, n: int, deadline: Deadline) -> Run:
    """From the first chunk on the broker to the last message in the database."""
    bodies = traffic.bodies(n)
    with bench.alone("dispatcher") as alone:
        _connect(alone, "127.0.0.1", 9)  # nobody is there, and nobody is asked
        alone.start("acceptor")
        meter = bench.meter(alone.pids).start()
        _publish(alone, bodies)
        deadline.wait(lambda: _messages(alone) >= n, "all accepted")
        meter.stop()
    return Run(n, meter.seconds, meter.cpu, meter.peak_mb, meter.others)


def sender(bench: Bench, n: int, deadline: Deadline) -> Run:
    """From the first submit to the last receipt committed; the batches lie ready, their orders leave with the relay's start."""
    bodies = traffic.bodies(n)
    with bench.alone("dispatcher") as alone, running() as smsc:
        delay = {"min": RECEIPTS_AFTER_MS, "max": RECEIPTS_AFTER_MS}
        smsc.faults(receipts={"delay_ms": delay})
        _connect(alone, smsc.host, smsc.port)
        alone.start("acceptor")
        _publish(alone, bodies)
        deadline.wait(lambda: _messages(alone) >= n, "all accepted", 0.2)
        alone.end("acceptor")
        alone.start("sender")
        bench.checkpoint()
        return _send_all(bench, alone, smsc, n, deadline)


def _send_all(bench: Bench, alone: Alone, smsc: Smsc, n: int, deadline: Deadline) -> Run:
    alone.start("relay-dispatcher")
    smsc.wait(submits=1, timeout=deadline.left)
    meter = _meter(bench, alone, smsc)
    smsc.wait(rok=n, timeout=deadline.left)
    submitted = meter.so_far
    deadline.wait(lambda: _delivered(alone) >= n, "all delivered")
    meter.stop()
    details = {
        "submits_per_s": round(n / submitted),
        "window": WINDOW,
        "receipts_after_s": RECEIPTS_AFTER_MS / 1000,
    }
    return Run(n, meter.seconds, meter.cpu, meter.peak_mb, meter.others, details)


def _meter(bench: Bench, alone: Alone, smsc: Smsc) -> Meter:
    return bench.meter(lambda: {**alone.pids(), "smsc": smsc.pid}).start()


def _connect(alone: Alone, host: str, port: int) -> None:
    os.environ["KERYX_SECRET_KEY"] = alone.pair.state.password("KERYX_SECRET_KEY")
    [(connector,)] = alone.sql(
        "dispatcher",
        'INSERT INTO connectors (name, host, port, system_id, password, "window")'
        " VALUES ('bench', %s, %s, 'keryx', %s, %s) RETURNING id",
        host, port, secrets.hide("secret"), WINDOW,
    )  # fmt: skip
    alone.sql(
        "dispatcher",
        "INSERT INTO routes (price_class, prefix, connector_id) VALUES ('normal', '30', %s)",
        connector,
    )


def _publish(alone: Alone, bodies: list[bytes]) -> None:
    with alone.channel() as channel:
        for body in bodies:
            channel.basic_publish("", QUEUES["bulk"], body, mandatory=True)


def _messages(alone: Alone) -> int:
    """Counted by the ids that were given: counting rows would cost PostgreSQL more than accepting them."""
    [(given,)] = alone.sql("dispatcher", "SELECT next_id - 1 FROM message_ids")
    return int(given)


def _delivered(alone: Alone) -> int:
    """Batches first: while one is there the count of rows need not be asked."""
    if alone.sql("dispatcher", "SELECT 1 FROM batches LIMIT 1"):
        return 0
    if alone.sql("dispatcher", "SELECT 1 FROM messages WHERE id > (SELECT next_id - 5000 FROM message_ids)"
                 " AND state <> %s LIMIT 1", int(State.DELIVERED)):  # fmt: skip
        return 0
    [(count,)] = alone.sql(
        "dispatcher", "SELECT count(*) FROM messages WHERE state = %s", int(State.DELIVERED)
    )
    return int(count)


ROWS = (
    Row("alone.accept", "messages", 100_000, "servers", accept, seconds=90, runs=2),
    Row("alone.sender", "messages", 50_000, "servers", sender, seconds=120, runs=2),
)
