"""Acceptance: messages get their ids, their way and their batches, and exist from here on (DESIGN §3.4).

One transaction holds the messages, the batches, the orders to the senders and what campaigns and billing are told. The same
code serves chunks of campaigns (the acceptor process, by COPY) and direct sends (the RPC, by arrays).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from contracts import envelope
from contracts.events import ChunkProgress
from servicekit import context, outbox

from . import erasing, progress
from .bulk import copy_rows, insert_rows
from .domain import Route, Router, State

GRACE_SECONDS = 3_600  # how long after its validity a receipt may still come
LANES = {"marketing": "bulk", "transactional": "priority"}
_COLUMNS = (
    "id, chunk_id, batch_id, account_id, connector_id, recipient, sender, text, reference, encoding, parts, price,"
    " state, reason"
)
_TYPES = (
    *("bigint", "bigint", "bigint", "bigint", "int", "bigint", "text", "text", "text", "text"),
    *("smallint", "int", "smallint", "text"),
)


class Message(NamedTuple):
    """One message to accept; ``price`` is micro-euro a part, ``encoding`` gsm or unicode."""

    msisdn: str
    sender: str
    text: str
    encoding: str
    parts: int
    price: int
    reference: str | None = None


@dataclass(frozen=True)
class Incoming:
    """What is accepted together. Its price is held already under ``hold_id``.

    ``prepared_at`` (RFC 3339) is when it was decided to whom it goes; None when that is now.
    """

    hold_id: str
    account_id: int
    campaign_id: int | None
    price_class: str
    kind: str
    channel: str
    validity_seconds: int
    messages: Sequence[Message]
    prepared_at: str | None = None


@dataclass(frozen=True)
class Accepted:
    """The chunk's row, and the id and state each message got, in the order they came."""

    chunk_id: int
    ids: list[int] = field(default_factory=list)
    states: list[State] = field(default_factory=list)


@dataclass(frozen=True)
class Ways:
    """Routes and connector names as they stood at one moment."""

    open: Router
    all: Router
    names: dict[int, str]

    @classmethod
    def load(cls, cursor: Any) -> Ways:
        """Read routes and connectors."""
        cursor.execute("SELECT id, name, enabled FROM connectors")
        connectors = cursor.fetchall()
        cursor.execute("SELECT price_class, prefix, connector_id, priority, weight FROM routes")
        routes = [Route(*row) for row in cursor.fetchall()]
        enabled = {connector_id for connector_id, _, is_enabled in connectors if is_enabled}
        return cls(
            Router([route for route in routes if route.connector_id in enabled]),
            Router(routes),
            {connector_id: name for connector_id, name, _ in connectors},
        )

    def connector(self, price_class: str, msisdn: str) -> int | None:
        """The connector that takes the message; one that is switched off only where there is no other: then it waits."""
        found = self.open.connector(price_class, msisdn)
        return found if found is not None else self.all.connector(price_class, msisdn)


def queue_name(connector: str, lane: str) -> str:
    """The queue that the senders of ``connector`` read."""
    return f"smsc.{connector}.{lane}"


def by_copy(cursor: Any, rows: list[tuple[Any, ...]]) -> None:
    """Store message rows by COPY; for native connections."""
    copy_rows(cursor, "messages", _COLUMNS, rows)


def by_arrays(cursor: Any, rows: list[tuple[Any, ...]]) -> None:
    """Store message rows by one INSERT; for connections under eventlet."""
    insert_rows(cursor, "messages", _COLUMNS, _TYPES, rows)


def accept(
    cursor: Any, incoming: Incoming, ways: Ways, store: Callable[[Any, list[tuple[Any, ...]]], None]
) -> Accepted | None:
    """Accept ``incoming`` in the caller's transaction; None when its hold was accepted before.

    A message that no route takes, or whose recipient was erased since it was prepared, is rejected here (reasons ``no_route``,
    ``erased``) and its price given back.
    """
    erased = erasing.erased_since(cursor, incoming.account_id, incoming.prepared_at, incoming.messages)
    chosen = [
        None if m.msisdn in erased else ways.connector(incoming.price_class, m.msisdn)
        for m in incoming.messages
    ]
    # Ids in the order of connectors make each batch one range of ids, so a batch needs no list of its messages.
    order = sorted(range(len(chosen)), key=lambda i: (chosen[i] is None, chosen[i] or 0))
    chunk_id, first_id = _insert_chunk(cursor, incoming)
    if chunk_id is None:
        return None
    erasing.revive(cursor, incoming.account_id, [message.msisdn for message in incoming.messages])
    ids = [0] * len(order)
    groups: dict[int | None, list[int]] = defaultdict(list)
    for offset, index in enumerate(order):
        ids[index] = first_id + offset
        groups[chosen[index]].append(index)
    batches = {
        connector: _insert_batch(cursor, incoming, chunk_id, connector, ids[members[0]], len(members), ways)
        for connector, members in groups.items()
        if connector is not None
    }
    states = [State.REJECTED if connector is None else State.QUEUED for connector in chosen]
    store(
        cursor,
        [
            (
                ids[i], chunk_id, batches.get(chosen[i] or 0), incoming.account_id, chosen[i], m.msisdn, m.sender, m.text,
                m.reference, m.encoding, m.parts, m.price, int(states[i]), _reason(chosen[i], m, erased),
            )
            for i, m in enumerate(incoming.messages)
        ],
    )  # fmt: skip
    _tell(cursor, incoming, groups.get(None, []))
    return Accepted(chunk_id, ids, states)


def _reason(connector: int | None, message: Message, erased: frozenset[str]) -> str | None:
    if connector is not None:
        return None
    return "erased" if message.msisdn in erased else "no_route"


def _insert_chunk(cursor: Any, incoming: Incoming) -> tuple[int | None, int]:
    """The chunk's id and its first message id. The counter's row stays locked until the caller commits."""
    cursor.execute("SELECT EXISTS (SELECT FROM chunks WHERE hold_id = %s)", (incoming.hold_id,))
    if cursor.fetchone()[0]:
        return None, 0
    count = len(incoming.messages)
    cursor.execute(
        "WITH ids AS (UPDATE message_ids SET next_id = next_id + %s RETURNING next_id - %s AS first)"
        " INSERT INTO chunks (hold_id, account_id, campaign_id, price_class, kind, channel, validity_seconds,"
        " first_id, last_id, correlation_id, look_at) SELECT %s, %s, %s, %s, %s, %s, %s, first, first + %s - 1, %s,"
        " now() + make_interval(secs => %s) FROM ids"
        " ON CONFLICT (hold_id) DO NOTHING RETURNING id, first_id",
        (
            count, count, incoming.hold_id, incoming.account_id, incoming.campaign_id, incoming.price_class,
            incoming.kind, incoming.channel, incoming.validity_seconds, count, context.correlation_id(),
            incoming.validity_seconds + GRACE_SECONDS,
        ),
    )  # fmt: skip
    row = cursor.fetchone()
    return (int(row[0]), int(row[1])) if row else (None, 0)


def _insert_batch(
    cursor: Any, incoming: Incoming, chunk_id: int, connector: int, first_id: int, count: int, ways: Ways
) -> int:
    lane = LANES[incoming.kind]
    cursor.execute(
        "INSERT INTO batches (chunk_id, account_id, campaign_id, connector_id, lane, first_id, last_id, messages)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id, generation",
        (
            chunk_id, incoming.account_id, incoming.campaign_id, connector, lane,
            first_id, first_id + count - 1, count,
        ),
    )  # fmt: skip
    batch_id, generation = cursor.fetchone()
    order_batch(cursor, int(batch_id), int(generation), queue_name(ways.names[connector], lane))
    return int(batch_id)


def order_batch(cursor: Any, batch_id: int, generation: int, queue: str) -> None:
    """Tell the senders of ``queue`` that the batch is theirs; the order travels by the outbox."""
    message = envelope.make(
        "batch_queued",
        1,
        "dispatcher",
        {"batch_id": batch_id, "generation": generation},
        correlation_id=context.correlation_id(),
        causation_id=context.causation_id(),
    )
    outbox.put(cursor, "", queue, message)


def _tell(cursor: Any, incoming: Incoming, refused: list[int]) -> None:
    released = sum(incoming.messages[i].price * incoming.messages[i].parts for i in refused)
    changed = ChunkProgress(
        hold_id=incoming.hold_id,
        account_id=incoming.account_id,
        campaign_id=incoming.campaign_id,
        accepted=len(incoming.messages),
        left=len(refused),
        finals={State.REJECTED.label: len(refused)} if refused else {},
        released=released,
    )
    progress.keep(cursor, [changed])
