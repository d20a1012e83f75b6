"""The examples of what travels: those who tell can still make them, those who listen still understand them."""

from __future__ import annotations

import json
import threading
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest

from contracts import describe, envelope
from contracts.chunks import MAX_MESSAGES, Chunk
from contracts.describe import BATCH_FIELDS, EXAMPLES, example_path
from contracts.envelope import Envelope
from contracts.events import ALL, ChunkProgress, MessagesProgressed, Sale
from servicekit import wire
from services.dispatcher import accepting, acceptor
from services.dispatcher.sending.lane import Delivery
from services.dispatcher.sending.orders import Orders

SHAPES: tuple[Any, ...] = (*ALL, Chunk)
BATCH = ("dispatcher", "batch_queued", 1)


def names(shape: Any) -> set[str]:
    return {one.name for one in fields(shape)}


def example(producer: str, type_: str, version: int) -> Envelope:
    """The example, after a journey over the broker."""
    raw = json.loads(example_path(producer, type_, version).read_text(encoding="utf-8"))
    return wire.decode(wire.encode(envelope.read(raw)))


def example_of(shape: Any) -> Envelope:
    return example(shape.PRODUCER, shape.TYPE, shape.VERSION)


def test_each_shape_has_its_example_and_there_are_no_others() -> None:
    expected = {example_path(s.PRODUCER, s.TYPE, s.VERSION) for s in SHAPES} | {example_path(*BATCH)}
    released_before = {path for path in EXAMPLES.iterdir() if path not in expected}
    assert expected <= set(EXAMPLES.iterdir())
    assert all(path.name.endswith(".json") and ".v" in path.name for path in released_before)
    latest = {(s.PRODUCER, s.TYPE): s.VERSION for s in SHAPES} | {BATCH[:2]: BATCH[2]}
    for path in released_before:
        producer, type_, version, _ = path.name.split(".")
        assert int(version.removeprefix("v")) < latest[producer, type_], (
            f"{path.name} is an example of nothing"
        )


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_an_example_is_a_whole_envelope_under_its_own_name(path: Any) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))

    read = envelope.read(raw)

    assert path.name == f"{read.producer}.{read.type}.v{read.version}.json"
    assert list(raw) == list(describe.ENVELOPE)
    assert read.to_dict() == raw


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.TYPE)
def test_a_shape_reads_its_example_and_writes_it_again_unchanged(shape: Any) -> None:
    data = example_of(shape).data

    assert shape.from_data(data).to_data() == data
    assert names(shape) == data.keys()


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.TYPE)
def test_a_shape_ignores_fields_of_later_releases(shape: Any) -> None:
    data = example_of(shape).data

    assert shape.from_data({**data, "of_a_later_release": {"x": 1}}) == shape.from_data(data)


@pytest.mark.parametrize("shape", ALL, ids=lambda shape: shape.TYPE)
def test_a_shape_reads_events_of_earlier_releases_that_lack_optional_fields(shape: Any) -> None:
    data = example_of(shape).data
    needed = {row[0] for s in describe.sections() if s.type == shape.TYPE for row in s.fields if not row[2]}

    assert shape.from_data({name: value for name, value in data.items() if name in needed})
    for name in needed:
        with pytest.raises((TypeError, KeyError)):
            shape.from_data({key: value for key, value in data.items() if key != name})


def test_the_entries_of_progress_are_understood_in_the_same_way() -> None:
    data = example_of(MessagesProgressed).data
    for entry in data["chunks"]:
        assert entry.keys() == names(ChunkProgress)
    for sale in data["sold"]:
        assert sale.keys() == names(Sale)
    later = {list_: [{**entry, "of_a_later_release": 1} for entry in data[list_]] for list_ in data}
    assert MessagesProgressed.from_data(later).to_data() == data
    earlier = MessagesProgressed.from_data({"chunks": [{"hold_id": "c1", "account_id": 1}]})
    assert earlier == MessagesProgressed([ChunkProgress("c1", 1)], sold=[])


def test_the_acceptor_understands_the_example_of_a_chunk() -> None:
    example = example_of(Chunk)
    chunk = Chunk.from_data(example.data)

    incoming = acceptor._incoming(chunk, example.occurred_at)

    assert incoming.prepared_at == example.occurred_at
    assert [message.msisdn for message in incoming.messages] == [row[0] for row in chunk.messages]
    assert [message.price for message in incoming.messages] == [row[4] for row in chunk.messages]
    assert {message.sender for message in incoming.messages} == {chunk.sender}
    assert len(chunk.messages) <= MAX_MESSAGES


def test_the_dispatcher_writes_orders_like_their_example() -> None:
    written: list[tuple[str, str, str, bytes]] = []
    cursor = SimpleNamespace(execute=lambda _, row: written.append(row))

    accepting.order_batch(cursor, 3304, 0, "smsc.sim.bulk")

    ((exchange, routing_key, message_id, body),) = written
    order = wire.decode(body)
    assert (exchange, routing_key, message_id) == ("", "smsc.sim.bulk", order.id)
    assert (order.producer, order.type, order.version) == BATCH
    assert order.data == example(*BATCH).data
    assert order.data.keys() == BATCH_FIELDS.keys()


def test_a_sender_understands_the_example_of_an_order() -> None:
    delivered: list[tuple[str, str, Delivery]] = []
    orders = Orders("amqp://nowhere", lambda *what: delivered.append(what), threading.Event())
    tag: Any = SimpleNamespace(delivery_tag=1)

    orders._on_message(None, "sim", "bulk", None, tag, None, wire.encode(example(*BATCH)))

    ((connector, lane, delivery),) = delivered
    assert (connector, lane) == ("sim", "bulk")
    assert (delivery.batch_id, delivery.generation) == (3304, 0)
