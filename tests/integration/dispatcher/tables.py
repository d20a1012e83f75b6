"""The dispatcher's tables without its processes: statements of several connections in the order a test wants."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from servicekit import wire
from services.dispatcher import accepting, partitions, stops, sweeps, unsent
from services.dispatcher.accepting import Incoming, Message, Ways
from services.dispatcher.domain import State
from services.dispatcher.outcomes import Finished, Receipt, Submit, apply
from services.dispatcher.progress import ChunkCache, Progress
from services.dispatcher.sending import batches
from services.dispatcher.sending.batches import Mark, Refusal, Row, Taken
from tests.support.dataplane import TOLD, chunks_of

ACCOUNT = 7
PRICE = 40_000


@dataclass
class Tables:
    """One database with a connector and a route to it. Each call is a transaction of its own."""

    url: str
    cache: ChunkCache = field(default_factory=ChunkCache)
    _holds: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(306_900_000_000))
    _campaigns: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _seen: int = 0

    def __post_init__(self) -> None:
        self.connection = psycopg2.connect(self.url)
        with self.cursor() as cursor:
            partitions.ensure(cursor)
            cursor.execute(
                "INSERT INTO connectors (name, host, port, system_id, password) VALUES ('sim', '127.0.0.1', 1, 'k', '')"
                " RETURNING id"
            )
            self.connector_id: int = cursor.fetchone()[0]
            cursor.execute(
                "INSERT INTO routes (price_class, prefix, connector_id) VALUES ('normal', '30', %s)",
                (self.connector_id,),
            )

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """A transaction on the usual connection."""
        with self.connection, self.connection.cursor() as cursor:
            yield cursor

    @contextmanager
    def another(self) -> Iterator[Any]:
        """A transaction on a connection of its own."""
        connection = psycopg2.connect(self.url)
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement."""
        with self.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall()) if cursor.description else []

    def accept(
        self, count: int = 4, parts: int = 1, campaign_id: int | None = None, number: str | None = None
    ) -> int:
        """Accept ``count`` messages as one chunk of a campaign of its own; the id of its batch."""
        messages = [
            Message(number or str(next(self._numbers)), "KERYX", f"text {n}", "gsm", parts, PRICE)
            for n in range(count)
        ]
        incoming = Incoming(
            f"t{next(self._holds)}", ACCOUNT, campaign_id or next(self._campaigns), "normal", "marketing", "campaign",
            172_800, messages,
        )  # fmt: skip
        with self.cursor() as cursor:
            accepted = accepting.accept(cursor, incoming, Ways.load(cursor), accepting.by_copy)
        assert accepted
        return int(self.sql("SELECT id FROM batches WHERE chunk_id = %s", accepted.chunk_id)[0][0])

    def campaign_of(self, batch_id: int) -> int:
        """Whose batch it is."""
        return int(self.sql("SELECT campaign_id FROM batches WHERE id = %s", batch_id)[0][0])

    def generation(self, batch_id: int) -> int | None:
        """The generation that an order must have to count; None when the batch is gone."""
        rows = self.sql("SELECT generation FROM batches WHERE id = %s", batch_id)
        return int(rows[0][0]) if rows else None

    def orders(self, batch_id: int) -> list[int]:
        """Generations of the orders that were written for the batch, oldest first."""
        rows = self.sql("SELECT body FROM outbox_0 WHERE exchange = '' ORDER BY id")
        orders = [wire.decode(bytes(body)).data for (body,) in rows]
        return [order["generation"] for order in orders if order["batch_id"] == batch_id]

    def take(self, batch_id: int, owner: str = "one", generation: int | None = None) -> Taken | Refusal:
        """Take the batch by its newest order."""
        current = self.generation(batch_id) if generation is None else generation
        with self.cursor() as cursor:
            return batches.take(cursor, batch_id, current or 0, owner, self.cache)

    def taken(self, batch_id: int, owner: str = "one") -> Taken:
        """The same, and it must succeed."""
        result = self.take(batch_id, owner)
        assert isinstance(result, Taken)
        return result

    def mark(self, taken: Taken, ordinals: list[int]) -> Mark:
        """Mark as a lane does, and remember it in ``taken``."""
        with self.cursor() as cursor:
            mark = batches.mark(cursor, taken, ordinals, self.cache)
            if mark.stop is not None:
                self.connection.rollback()
        if mark.ours and mark.stop is None:
            taken.marked = max(taken.marked, ordinals[-1] + 1)
            taken.holes.difference_update(ordinals)
            taken.todo = [n for n in taken.todo if n not in set(ordinals)]
        return mark

    def store(
        self,
        submits: list[Submit] | tuple[Submit, ...] = (),
        receipts: list[Receipt] | tuple[Receipt, ...] = (),
        finished: list[Finished] | tuple[Finished, ...] = (),
    ) -> Progress:
        """One flush."""
        with self.cursor() as cursor:
            return apply(cursor, self.cache, submits, receipts, finished)

    def submit(
        self, taken: Taken, ordinal: int, state: State = State.SUBMITTED, no: int = 1, smsc_id: str = ""
    ) -> Submit:
        """An outcome of a part of a message in hand."""
        row: Row = taken.rows[ordinal]
        ok = state is State.SUBMITTED
        error = None if ok else "no_answer" if state is State.UNCERTAIN else "smsc_0x0B"
        return Submit(
            row.id, no, row.parts, taken.chunk_id, row.price, self.connector_id, state,
            (smsc_id or f"s{row.id}-{no}") if ok else None, error, row.recipient, row.sender,
        )  # fmt: skip

    def receipt(
        self, taken: Taken, ordinal: int, state: State = State.DELIVERED, no: int = 1, smsc_id: str = ""
    ) -> Receipt:
        """A receipt for a part, whose message only the database knows."""
        row = taken.rows[ordinal]
        return Receipt(
            self.connector_id,
            smsc_id or f"s{row.id}-{no}",
            state,
            None if state is State.DELIVERED else "receipt_UNDELIV",
            row.recipient,
            row.sender,
        )

    def give_back(self, taken: Taken, unsent: list[int]) -> bool:
        """Let go of a batch."""
        with self.cursor() as cursor:
            return batches.give_back(cursor, taken, unsent)

    def stop_batch(self, taken: Taken) -> bool:
        """What a lane does once everything that left is settled."""
        with self.cursor() as cursor:
            return batches.stop_batch(cursor, taken, self.cache)

    def stop(self, campaign_id: int, version: int, state: str) -> None:
        """The order of campaigns."""
        with self.cursor() as cursor:
            stops.set_stop(cursor, campaign_id, version, state, self.cache)

    def cancel(self, message_id: int) -> None:
        """A client's order about one message."""
        with self.cursor() as cursor:
            progress = Progress()
            unsent.cancel_message(cursor, ACCOUNT, message_id, progress)
            progress.tell(cursor, self.cache)

    def rejoin(self) -> int:
        """The sender's sweep, with receipts old enough to prove something."""
        with self.cursor() as cursor:
            cursor.execute("UPDATE receipts_waiting SET received_at = received_at - interval '10 seconds'")
            return sweeps.rejoin_receipts(cursor, self.cache)

    def expire(self) -> int:
        """The service's sweep."""
        with self.cursor() as cursor:
            return sweeps.expire(cursor, self.cache)

    def end_leases(self) -> None:
        """As if every owner had been silent for long."""
        self.sql("UPDATE batches SET lease_until = now() - interval '10 seconds' WHERE owner IS NOT NULL")

    def states(self) -> Counter[str]:
        """Messages by state."""
        rows = self.sql("SELECT state, count(*) FROM messages GROUP BY state")
        return Counter({State(number).label: int(count) for number, count in rows})

    def told(self) -> Counter[str]:
        """The sum of everything that was or will be told, over all holds."""
        total: Counter[str] = Counter()
        for body, is_told in self.sql(TOLD):
            for row in chunks_of(bytes(body), is_told):
                names = ("accepted", "submitted", "left", "captured", "released", "captured_parts")
                total.update({name: row[name] for name in names})
                total.update(row["finals"])
        return +total

    def close(self) -> None:
        """Let go of the connection."""
        self.connection.close()


def many_messages(
    url: str, account: int, count: int, age: str = "0 s", campaign_id: int | None = None
) -> None:
    """Rows as an acceptance of that many, so long ago, would have left them."""
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        partitions.ensure(cursor)
        cursor.execute("UPDATE message_ids SET next_id = next_id + %s RETURNING next_id", (count,))
        row = cursor.fetchone()
        assert row
        first = row[0] - count
        cursor.execute(
            "INSERT INTO chunks (hold_id, account_id, price_class, kind, channel, validity_seconds, first_id, last_id,"
            " correlation_id, accepted_at, campaign_id) VALUES (%s, %s, 'normal', 'marketing', 'campaign', 60, %s, %s,"
            " 'x', now() - %s::interval, %s) RETURNING id",
            (f"many-{account}-{first}", account, first, first + count - 1, age, campaign_id),
        )
        row = cursor.fetchone()
        assert row
        cursor.execute(
            "INSERT INTO messages (id, chunk_id, account_id, recipient, sender, text, encoding, parts, price, state,"
            " accepted_at) SELECT n, %s, %s, 306900000000 + n, 'KERYX', 'κείμενο ' || md5(n::text) || n, 'unicode', 1,"
            " 40000, 3, now() - %s::interval FROM generate_series(%s, %s) n",
            (row[0], account, age, first, first + count - 1),
        )
    connection.close()
