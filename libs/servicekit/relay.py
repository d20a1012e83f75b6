"""The relay: publishes a service's outbox, and is the only thing that publishes events.

It selects what is not sent (never what is newer than a mark: transactions commit out of order), publishes with confirms in
one window and ``mandatory``, and marks what the broker took. Two relays share the work by SKIP LOCKED. Killed between
confirm and mark it publishes again; the inbox of each consumer takes care of that.

Run as ``python -m servicekit.relay <service>``.
"""

from __future__ import annotations

import contextlib
import select
import sys
import time
from typing import Any

import psycopg2
from amqp import AMQPError
from amqp.basic_message import Message
from kombu import Connection

from . import crashpoints, logs, metrics, wire, worker
from .tables import OUTBOX_SLOTS

log = logs.get(__name__)

PAGE = 200
ROTATE_AT_ROWS = 20_000
IDLE_SECONDS = 1.0
TEND_SECONDS = 1.0
COMPANY_SECONDS = (
    0.005  # what commits meanwhile goes with the same page: each costs the relay two transactions
)


class Publisher:
    """Publishes rows on one channel and waits for all confirms together."""

    def __init__(self, amqp_uri: str) -> None:
        """Connect now. Raises OSError or AMQPError when the broker is not there."""
        self._connection = Connection(amqp_uri, heartbeat=30, connect_timeout=5)
        self._connection.connect()
        self._channel = self._connection.default_channel
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._tag = 0
        self._open: dict[int, str] = {}
        self._refused: set[str] = set()

    def publish(self, rows: list[tuple[int, str, str, str, memoryview]]) -> set[str]:
        """Publish ``rows`` (id, exchange, routing key, message id, body); returns the message ids the broker took."""
        self._refused.clear()
        for _, exchange, routing_key, message_id, body in rows:
            message = Message(
                bytes(body),
                content_type=wire.CONTENT_TYPE,
                content_encoding=wire.CONTENT_ENCODING,
                message_id=message_id,
                delivery_mode=2,
            )
            self._tag += 1
            self._open[self._tag] = message_id
            self._channel.basic_publish(message, exchange=exchange, routing_key=routing_key, mandatory=True)
        while self._open:
            self._connection.drain_events(timeout=30)
        return {row[3] for row in rows} - self._refused

    def beat(self) -> None:
        """Keep the connection alive while there is nothing to publish: hear the broker's heartbeats, send ours."""
        with contextlib.suppress(TimeoutError):
            self._connection.drain_events(timeout=0.001)
        self._connection.heartbeat_check()

    def close(self) -> None:
        """Close the connection."""
        self._connection.release()

    def _settle(self, tag: int, multiple: bool) -> list[str]:
        tags = [t for t in self._open if t <= tag] if multiple else [tag]
        return [self._open.pop(t) for t in tags if t in self._open]

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple)

    def _on_nack(self, tag: int, multiple: bool, *_: Any) -> None:
        self._refused.update(self._settle(tag, multiple))

    def _on_return(self, error: Exception, exchange: str, routing_key: str, message: Message) -> None:
        log.warning("unroutable", exchange=exchange, routing_key=routing_key, reason=str(error))
        self._refused.add(message.properties["message_id"])


class Relay:
    """Empties both slots of one service's outbox."""

    def __init__(self, process: worker.Process) -> None:
        """Connect to database and broker, waiting for them."""
        self._process = process
        self._crash_point = f"relay-{process.settings.service}.published"
        self._database = process.connect("relay")
        self._listener = process.connect("relay-listen", autocommit=True)
        self._listener.cursor().execute("LISTEN outbox")
        self._passed = dict.fromkeys(OUTBOX_SLOTS, 0)
        self._full = set(OUTBOX_SLOTS)
        self._current = OUTBOX_SLOTS[0]
        with self._database, self._database.cursor() as cursor:
            _tell_backlog(cursor)  # before the broker is asked for: while it is away the backlog grows
        self._publisher = Publisher(process.settings.amqp_uri)

    def run(self) -> None:
        """Work until the process is asked to stop; raises when database or broker went away."""
        tended = 0.0
        while not self._process.stopping.is_set():
            if time.monotonic() - tended > TEND_SECONDS:
                tended = time.monotonic()
                self._tend()
                self._full = set(OUTBOX_SLOTS)
            busy = self._empty_all()
            self._process.progressed()
            if not busy:
                self._publisher.beat()
                self._wait()

    def close(self) -> None:
        """Close all connections."""
        for connection in (self._database, self._listener, self._publisher):
            connection.close()

    def _empty_all(self) -> bool:
        """Publish a page of each slot that may have rows; False when there is nothing more to do now.

        The slot that writers have left is looked at while it has rows, and once a second: another relay may have turned
        them to it, and then that one is looking.
        """
        self._full = {
            slot for slot in OUTBOX_SLOTS if slot in {*self._full, self._current} and self._empty(slot)
        }
        return bool(self._full)

    def _empty(self, slot: str) -> bool:
        """Publish a page of ``slot``; False when it was not a full one: what commits from now on wakes us.

        A page that the broker did not take whole is passed by for this round: what nobody can route yet must not
        stand in front of what everybody waits for.
        """
        with self._database, self._database.cursor() as cursor:
            cursor.execute(
                f"SELECT id, exchange, routing_key, message_id, body FROM {slot} WHERE NOT sent AND id > %s"
                " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
                (self._passed[slot], PAGE),
            )
            rows = cursor.fetchall()
            taken = self._publisher.publish(rows) if rows else set()
            if taken:
                crashpoints.reach(self._crash_point)
            sent = [row[0] for row in rows if row[3] in taken]
            if sent:
                cursor.execute(f"UPDATE {slot} SET sent = true WHERE id = ANY(%s)", (sent,))
        metrics.outbox_published.inc(len(sent))
        full = len(rows) == PAGE
        self._passed[slot] = rows[-1][0] if full and len(sent) < PAGE else 0
        return full

    def _tend(self) -> None:
        """Tell the backlog; switch the writers to the other slot once this one is long, and truncate the one they left.

        A writer that has not committed holds its slot's table lock, so under the exclusive lock "no unsent row" is the truth.
        """
        with self._database, self._database.cursor() as cursor:
            _tell_backlog(cursor)
            cursor.execute("SELECT slot FROM outbox_slot")
            self._current = OUTBOX_SLOTS[cursor.fetchone()[0]]
            cursor.execute("SELECT slot FROM outbox_slot FOR UPDATE SKIP LOCKED")
            row = cursor.fetchone()
            if row is None:
                return
            current, other = OUTBOX_SLOTS[row[0]], OUTBOX_SLOTS[1 - row[0]]
            if _has_rows(cursor, other):
                _truncate_if_sent(cursor, other)
            elif _length(cursor, current) >= ROTATE_AT_ROWS:
                cursor.execute("UPDATE outbox_slot SET slot = 1 - slot, since = now()")
                self._current = other

    def _wait(self) -> None:
        ready, _, _ = select.select([self._listener], [], [], IDLE_SECONDS)
        if ready:
            time.sleep(COMPANY_SECONDS)
            self._listener.poll()
            self._listener.notifies.clear()


def _tell_backlog(cursor: Any) -> None:
    cursor.execute(
        "SELECT (SELECT count(*) FROM outbox_0 WHERE NOT sent) + (SELECT count(*) FROM outbox_1 WHERE NOT sent)"
    )
    metrics.outbox_backlog.set(cursor.fetchone()[0])


def _has_rows(cursor: Any, slot: str) -> bool:
    cursor.execute(f"SELECT EXISTS (SELECT FROM {slot})")
    return bool(cursor.fetchone()[0])


def _length(cursor: Any, slot: str) -> int:
    cursor.execute(f"SELECT coalesce(max(id) - min(id), 0) FROM {slot}")
    return int(cursor.fetchone()[0])


def _truncate_if_sent(cursor: Any, slot: str) -> None:
    cursor.execute("SET LOCAL lock_timeout = '200ms'")
    cursor.execute("SAVEPOINT truncating")
    try:
        cursor.execute(f"LOCK TABLE {slot} IN ACCESS EXCLUSIVE MODE")
    except psycopg2.errors.LockNotAvailable:
        cursor.execute("ROLLBACK TO SAVEPOINT truncating")
        return
    cursor.execute(f"SELECT EXISTS (SELECT FROM {slot} WHERE NOT sent)")
    if not cursor.fetchone()[0]:
        cursor.execute(f"TRUNCATE {slot}")


def main() -> None:
    """Run the relay of the service named on the command line."""
    worker.run(sys.argv[1], "relay", Relay, retry_on=(psycopg2.Error, AMQPError, OSError))


if __name__ == "__main__":
    main()
