"""The sender: hands batches to the operators and stores what they answer (DESIGN §3.5, §3.6).

Run as ``python -m services.dispatcher.sender``. One process serves every enabled connector, one bind each; a second process
shares the queues and binds again. Four threads: the loop (all sockets, all decisions), marks, results, orders.
Killed at any line it leaves at most one window a bind in doubt, which whoever takes its batches next writes down.
"""

from __future__ import annotations

import gc
import selectors
import threading
import time
from functools import partial
from typing import Any

import psycopg2

from servicekit import logs, worker

from . import secrets, sweeps
from .progress import ChunkCache
from .sending import batches
from .sending.connector import Connector, Settings
from .sending.lane import Delivery
from .sending.orders import Orders
from .sending.threads import Loop, Marks, Results
from .smpp.bind import Address

log = logs.get(__name__)

REFRESH_SECONDS = 2.0
RENEW_SECONDS = batches.LEASE_SECONDS / 3
SWEEP_SECONDS = 1.0
OBSERVE_SECONDS = 1.0
DRAIN_SECONDS = 5.0
LEAVE_SECONDS = 10.0
TICK_SECONDS = 0.05
IDLE_SECONDS = 5


class Sender:
    """The loop and its timetable."""

    def __init__(self, process: worker.Process) -> None:
        """Start the threads; connectors come with the first refresh."""
        self._process = process
        self._instance = process.settings.instance
        self._selector = selectors.DefaultSelector()
        self._loop = Loop(self._selector)
        self._cache = ChunkCache()
        self._ended = threading.Event()
        # Frozen in a transaction, a sender would keep its rows locked from whoever takes its batches over.
        connect = partial(process.connect, idle_seconds=IDLE_SECONDS)
        self._marks = Marks(connect, self._loop, self._ended)
        self._results = Results(connect, self._loop, self._cache)
        self._orders = Orders(process.settings.amqp_uri, self._deliver, self._ended)
        self._connectors: dict[str, Connector] = {}
        self._wanted: dict[str, Settings] = {}
        self._leaving: dict[str, float] = {}
        self._due = dict.fromkeys(("refresh", "renew", "sweep", "abandoned", "observe"), 0.0)
        self._busy: set[str] = set()
        for thread in (self._marks, self._results, self._orders):
            thread.start()
        # A million live tuples make each full collection slow, and nothing here makes cycles.
        gc.freeze()
        gc.set_threshold(50_000, 50, 100)

    def run(self) -> None:
        """Send until asked to stop, then end in order."""
        while not self._process.stopping.is_set():
            self._turn()
        self._end_in_order()

    def close(self) -> None:
        """End the threads and let go of the sockets."""
        self._ended.set()
        self._marks.finish()
        self._results.finish()
        for thread in (self._marks, self._results, self._orders):
            thread.join(DRAIN_SECONDS)
        for connector in self._connectors.values():
            connector.bind.close()
        self._loop.close()
        self._selector.close()

    def _turn(self) -> None:
        for key, mask in self._selector.select(TICK_SECONDS):
            key.data.on_event(mask)
        self._loop.run_posted()
        now = time.monotonic()
        for connector in self._connectors.values():
            connector.tick(now)
        self._let_leave(now)
        self._results.hand_over()
        self._keep_timetable(now)
        self._process.progressed()

    def _keep_timetable(self, now: float) -> None:
        sweep = partial(sweeps.rejoin_receipts, cache=self._cache)
        self._when_due("refresh", REFRESH_SECONDS, now, lambda: _read_settings, self._refreshed)
        self._when_due("renew", RENEW_SECONDS, now, self._renewal)
        self._when_due("sweep", SWEEP_SECONDS, now, lambda: sweep)
        self._when_due("abandoned", RENEW_SECONDS, now, lambda: batches.order_abandoned)
        self._when_due("observe", OBSERVE_SECONDS, now, self._observation)

    def _when_due(
        self, name: str, seconds: float, now: float, make_job: Any, done: Any = lambda _: None
    ) -> None:
        if now < self._due[name] or name in self._busy:
            return
        self._due[name] = now + seconds
        self._busy.add(name)

        def finished(result: Any) -> None:
            self._busy.discard(name)
            done(result)

        self._marks.do(make_job(), finished)

    def _renewal(self) -> Any:
        in_hand = [batch_id for c in self._connectors.values() for batch_id in c.batches_in_hand()]
        return partial(_renew, self._instance, in_hand)

    def _observation(self) -> Any:
        seen = [
            (c.connector_id, self._instance, *c.observe(), c.counted["submits"], c.counted["receipts"])
            for c in self._connectors.values()
        ]
        return partial(_write_binds, seen)

    def _refreshed(self, settings: list[Settings]) -> None:
        if self._process.stopping.is_set():
            return
        self._wanted = {s.name: s for s in settings}
        for name, connector in self._connectors.items():
            if self._wanted.get(name) != connector.settings and not connector.draining:
                self._retire(connector)
        for name in self._wanted.keys() - self._connectors.keys():
            self._begin(name)
        self._orders.want(frozenset(self._connectors))

    def _begin(self, name: str) -> Connector:
        connector = Connector(
            self._wanted[name], self._selector, self._marks, self._results, self._cache, self._instance
        )
        self._connectors[name] = connector
        return connector

    def _retire(self, connector: Connector) -> None:
        """A connector was changed or switched off: it begins nothing more, and leaves when the wire has answered."""
        log.info("connector_retired", connector=connector.name)
        connector.drain()
        self._leaving[connector.name] = time.monotonic() + LEAVE_SECONDS

    def _let_leave(self, now: float) -> None:
        for name, until in list(self._leaving.items()):
            connector = self._connectors[name]
            if connector.may_leave(late=now >= until):
                del self._leaving[name]
                connector.give_back(partial(self._left, connector))

    def _left(self, connector: Connector) -> None:
        """Its batches are given back. A successor takes over its orders: the broker will not deliver them again."""
        if self._process.stopping.is_set():
            return
        connector.bind.unbind()
        connector.bind.close()
        del self._connectors[connector.name]
        if connector.name in self._wanted:
            connector.hand_over(self._begin(connector.name))
        self._orders.want(frozenset(self._connectors))

    def _deliver(self, connector: str, lane: str, delivery: Delivery) -> None:
        self._loop.post(partial(self._delivered, connector, lane, delivery))

    def _delivered(self, name: str, lane: str, delivery: Delivery) -> None:
        connector = self._connectors.get(name)
        if connector is not None:
            connector.deliver(lane, delivery)

    def _end_in_order(self) -> None:
        """Begin nothing, wait for the answers on the wire, store them, give the batches back, unbind."""
        for connector in self._connectors.values():
            connector.drain()
        self._turn_until(lambda: all(c.is_idle() for c in self._connectors.values()))
        given_back: list[str] = []
        for name, connector in self._connectors.items():
            connector.give_back(partial(given_back.append, name))
        self._turn_until(lambda: len(given_back) == len(self._connectors))
        for connector in self._connectors.values():
            connector.bind.unbind()
        self._turn_until(lambda: all(c.bind.state == "down" for c in self._connectors.values()), 1.0)

    def _turn_until(self, condition: Any, seconds: float = DRAIN_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            self._turn()


def _read_settings(cursor: Any) -> list[Settings]:
    cursor.execute(
        'SELECT id, name, host, port, system_id, password, bind, "window", parts_per_second, response_timeout,'
        " receipt_ids, version FROM connectors WHERE enabled ORDER BY id"
    )
    return [
        Settings(
            row[0], row[1], Address(row[2], row[3], row[4], secrets.reveal(bytes(row[5])), row[6]),
            row[7], row[8], row[9], row[10], row[11],
        )
        for row in cursor.fetchall()
    ]  # fmt: skip


def _renew(instance: str, batch_ids: list[int], cursor: Any) -> None:
    batches.renew(cursor, instance, batch_ids)


def _write_binds(seen: list[tuple[Any, ...]], cursor: Any) -> None:
    """What the API shows of a connector. Rates are the differences of two observations a second apart."""
    for connector_id, instance, state, reason, in_flight, submits, receipts in seen:
        cursor.execute(
            "INSERT INTO binds (connector_id, instance, state, reason, in_flight, submits, receipts)"
            " SELECT %s, %s, %s, %s, %s, %s, %s WHERE EXISTS (SELECT FROM connectors WHERE id = %s)"
            " ON CONFLICT (connector_id, instance) DO UPDATE SET state = excluded.state, reason = excluded.reason,"
            " in_flight = excluded.in_flight, updated_at = now(),"
            " submits_per_second = greatest(excluded.submits - binds.submits, 0)"
            "  / greatest(extract(epoch FROM now() - binds.updated_at), 0.1),"
            " receipts_per_second = greatest(excluded.receipts - binds.receipts, 0)"
            "  / greatest(extract(epoch FROM now() - binds.updated_at), 0.1),"
            " submits = excluded.submits, receipts = excluded.receipts",
            (connector_id, instance, state, reason, in_flight, submits, receipts, connector_id),
        )
    cursor.execute("DELETE FROM binds WHERE updated_at < now() - interval '1 minute'")


def main() -> None:
    """Run the sender. Outages are waited out inside; what else goes wrong ends the process."""
    worker.run("dispatcher", "sender", Sender, retry_on=(psycopg2.OperationalError,))


if __name__ == "__main__":
    main()
