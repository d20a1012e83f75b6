"""``suppression.check`` and ``suppression.search``: a blacklist of a million, before the wire and for people."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2

from services.contacts.queries import suppressions
from services.dispatcher import accepting, partitions
from services.dispatcher.accepting import Incoming, Message, Ways
from services.dispatcher.progress import ChunkCache
from services.dispatcher.sending import batches
from services.dispatcher.sending.batches import Taken

from ..harness import people
from ..harness.alone import Alone
from ..harness.bench import Bench
from ..harness.httpclient import milliseconds
from ..harness.row import Deadline, Row, Run

BLACKLISTED, CHECKED, ACCOUNT = 1_000_000, 500, 1


def check(bench: Bench, n: int, deadline: Deadline) -> Run:
    """``n`` marks of 500 messages: what a sender does before a slice leaves, none of its numbers on the list.

    The list is the dispatcher's copy, a million numbers of the same account, among which these 500 would lie. Milliseconds are
    of the statement that looks; the commit after it is in the rate.
    """
    with bench.alone("dispatcher") as alone, _connected(alone, "dispatcher") as connection:
        _fill(connection, "suppressions (account_id, msisdn)", "%s, number")
        taken, cache = _batch(connection), ChunkCache()
        ordinals = range(CHECKED)

        def mark(cursor: Any) -> None:
            found = batches.mark(cursor, taken, ordinals, cache)
            assert found.ours
            assert not found.blocked

        return _measured(bench, alone, n, connection, mark, {"numbers": CHECKED, "blacklisted": BLACKLISTED})


def search(bench: Bench, n: int, deadline: Deadline) -> Run:
    """``n`` pages of a million blacklisted numbers, by the first five digits of a Greek one without its country code."""
    with bench.alone("contacts") as alone, _connected(alone, "contacts") as connection:
        target = "suppressions (account_id, msisdn, active, source, sequence)"
        _fill(connection, target, "%s, number, true, 'import', row_number() OVER () / 500 + 1")
        chosen = random.Random(1)

        def page(cursor: Any) -> None:
            digits = f"69{chosen.randrange(1_000):03d}"
            assert suppressions.list_suppressed(cursor, ACCOUNT, digits, None, None, 50)["data"]

        return _measured(bench, alone, n, connection, page, {"blacklisted": BLACKLISTED})


def _measured(
    bench: Bench, alone: Alone, n: int, connection: Any, work: Callable[[Any], None], details: dict[str, Any]
) -> Run:
    took = []
    meter = bench.meter(alone.pids).start()
    for _ in range(n):
        with connection, connection.cursor() as cursor:
            began = time.perf_counter()
            work(cursor)
            took.append(time.perf_counter() - began)
    meter.stop()
    figures = {**details, **milliseconds(took), "longest_ms": round(max(took) * 1000, 1)}
    return Run(n, meter.seconds, meter.cpu, meter.peak_mb, meter.others, figures)


@contextmanager
def _connected(alone: Alone, service: str) -> Iterator[Any]:
    connection = psycopg2.connect(alone.world.database_urls[service])
    try:
        yield connection
    finally:
        connection.close()


def _fill(connection: Any, target: str, columns: str) -> None:
    """A million numbers in no order; those of ``people.number`` above are not among them."""
    numbers = f"SELECT {people.FIRST_NUMBER} + i * 7919999 %% {people.PLACES} AS number FROM generate_series(1, %s::bigint) i"
    with connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {target} SELECT {columns} FROM ({numbers}) n", (ACCOUNT, BLACKLISTED))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE suppressions")
    connection.autocommit = False


def _batch(connection: Any) -> Taken:
    """A batch of 500 messages, taken."""
    messages = [
        Message(str(people.number(BLACKLISTED + 1 + n)), "KERYX", "x", "gsm", 1, 45_000)
        for n in range(CHECKED)
    ]
    incoming = Incoming("b1", ACCOUNT, 1, "normal", "marketing", "campaign", 172_800, messages)
    with connection, connection.cursor() as cursor:
        partitions.ensure(cursor)
        cursor.execute(
            "INSERT INTO connectors (name, host, port, system_id, password) VALUES ('bench', 'localhost', 1, 'k', '')"
        )
        cursor.execute("INSERT INTO routes (price_class, connector_id) SELECT 'normal', id FROM connectors")
        accepting.accept(cursor, incoming, Ways.load(cursor), accepting.by_copy)
        cursor.execute("SELECT id, generation FROM batches")
        batch_id, generation = cursor.fetchone()
        taken = batches.take(cursor, batch_id, generation, "bench", ChunkCache())
    assert isinstance(taken, Taken)
    return taken


ROWS = (
    Row("suppression.check", "marks of 500", 1_000, "servers", check, seconds=120, runs=2),
    Row("suppression.search", "pages", 500, "servers", search, seconds=180, runs=2),
)
