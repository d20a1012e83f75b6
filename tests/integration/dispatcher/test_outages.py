"""The broker or the database goes away under the processes: nobody gets it twice, nobody is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pika
import psycopg2
import pytest

from contracts import envelope
from deploy.local import worlds
from servicekit import topology, wire
from services.dispatcher.sending.lane import Delivery
from services.dispatcher.sending.orders import Orders
from tests.integration.dispatcher.test_doubt import check_nobody_twice_nobody_forgotten, prepare
from tests.support.dataplane import Dataplane
from tests.support.infra import Infra
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

WINDOW = 50


def close_broker_connections(infra: Infra, amqp_uri: str) -> int:
    """Close every connection to the virtual host, as an operator would; how many there were."""
    host = urlsplit(amqp_uri).path.lstrip("/")
    answer = infra.pair.rabbitmq.evaluate(
        'length([rabbit_networking:close_connection(proplists:get_value(pid, I), "test")'
        f" || I <- rabbit_networking:connection_info_all([pid, vhost]),"
        f" proplists:get_value(vhost, I) =:= {worlds._binary(host)}])"
    )
    return int(answer.strip().splitlines()[-1])


def end_database_sessions(infra: Infra, plane: Dataplane, name: str) -> int:
    """pg_terminate_backend for the sessions of a process; how many there were."""
    with worlds.administering(infra.world.admin_url) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name LIKE %s",
            (urlsplit(plane.database_url).path.lstrip("/"), f"{name}%"),
        )
        return len(cursor.fetchall())


def test_broker_connections_closed_under_everybody(plane: Dataplane, infra: Infra) -> None:
    count = prepare(plane)
    for _ in range(2):
        eventually(lambda: close_broker_connections(infra, plane.amqp_uri), 30, what="connections to close")
        plane.send_chunk(250)
        count += 250
    check_nobody_twice_nobody_forgotten(plane, count, 0)


@pytest.mark.parametrize("name", ["dispatcher-sender", "dispatcher-acceptor"])
def test_database_sessions_ended_under_a_process(plane: Dataplane, infra: Infra, name: str) -> None:
    count = prepare(plane)
    for rok in (500, 900):
        plane.smsc.wait(rok=rok)
        eventually(lambda: end_database_sessions(infra, plane, name), 30, what="sessions to end")
        plane.send_chunk(250)
        count += 250
    check_nobody_twice_nobody_forgotten(plane, count, 0)


def test_a_sender_that_restarts_under_its_old_name_beside_another(plane: Dataplane) -> None:
    count = prepare(plane)
    plane.kill("sender")
    plane.start_sender("sender-2")
    plane.start_sender("sender")
    check_nobody_twice_nobody_forgotten(plane, count, WINDOW)


def test_a_receipt_is_answered_only_after_its_commit(plane: Dataplane) -> None:
    plane.smsc.faults(preset="calm", receipts={"paused": True, "window": 10})
    plane.prepare(window=WINDOW)
    plane.start_all()
    plane.send_chunk(50)
    eventually(lambda: plane.states()["submitted"] == 50, 30, what="all submitted")
    blocker = psycopg2.connect(plane.database_url)
    with blocker.cursor() as cursor:
        cursor.execute("LOCK TABLE messages IN SHARE MODE")
        plane.smsc.faults(receipts={"paused": False})
        plane.smsc.wait(receipts_sent=10)
        eventually(lambda: waiting_for_a_lock(plane), what="the flush waits for the table")
        receipts = plane.smsc.stats()["receipts"]
        assert (receipts["answered"], receipts["pending"]) == (0, 50)
    blocker.rollback()
    blocker.close()
    plane.smsc.wait(receipts_answered=50)
    assert plane.wait_final(50)["delivered"] == 50


def test_a_message_from_a_phone_is_stored_before_it_is_answered(plane: Dataplane) -> None:
    plane.prepare(window=WINDOW)
    plane.start_sender()
    plane.smsc.wait(binds=1)
    blocker = psycopg2.connect(plane.database_url)
    with blocker.cursor() as cursor:
        cursor.execute("LOCK TABLE inbound IN SHARE MODE")
        plane.smsc.inbound("306941234567", "54555", "ΣΤΟΠ")
        eventually(lambda: waiting_for_a_lock(plane), what="the message waits to be stored")
        assert plane.smsc.stats()["mo"]["answered"] == 0
    blocker.rollback()
    blocker.close()
    plane.smsc.wait(mo_answered=1)
    ((sender, recipient, coding, body),) = plane.sql(
        "SELECT sender, recipient, data_coding, body FROM inbound"
    )
    assert (sender, recipient) == ("306941234567", "54555")
    assert bytes(body) == "ΣΤΟΠ".encode("utf-16-be") if coding == 8 else bytes(body)


def waiting_for_a_lock(plane: Dataplane) -> bool:
    return bool(
        plane.sql(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


# --- orders alone


@pytest.fixture
def orders(fresh_broker: str) -> Iterator[tuple[list[Delivery], str]]:
    """What arrives of the orders for the connector "sim", and the broker."""
    stopping = threading.Event()
    arrived: list[Delivery] = []
    thread = Orders(fresh_broker, lambda _, __, delivery: arrived.append(delivery), stopping)
    thread.want(frozenset({"sim"}))
    thread.start()
    yield arrived, fresh_broker
    stopping.set()
    thread.finish(10)


def put(amqp_uri: str, batch_id: int, body: bytes | None = None) -> None:
    message = envelope.make("batch_queued", 1, "dispatcher", {"batch_id": batch_id, "generation": 1})
    connection = pika.BlockingConnection(pika.URLParameters(amqp_uri))
    channel = connection.channel()
    topology.declare_data_queue(channel, "smsc.sim.bulk")
    channel.basic_publish("", "smsc.sim.bulk", body or wire.encode(message))
    connection.close()


def test_orders_come_again_after_the_broker_closed_their_channel(
    orders: tuple[list[Delivery], str],
) -> None:
    """It does so when a delivery waits for its answer longer than the broker's patience, half an hour by default."""
    arrived, broker = orders
    put(broker, 1)
    eventually(lambda: len(arrived) == 1, what="the order")
    arrived[0].ack()
    arrived[0].ack()  # an answer to nothing: the broker closes the channel
    put(broker, 2)
    eventually(lambda: arrived[-1].batch_id == 2, 15, what="the next order")


def test_an_order_that_cannot_be_read_stands_in_nobodys_way(orders: tuple[list[Delivery], str]) -> None:
    arrived, broker = orders
    put(broker, 1, b"not an order")
    put(broker, 2)
    eventually(lambda: [d.batch_id for d in arrived] == [2], what="the next order")
