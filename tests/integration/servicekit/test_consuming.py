"""``@consumes``: one effect per event, and no event is ever lost."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest

from contracts import envelope
from servicekit import outbox, topology, wire
from tests.support.waiting import eventually

from . import toy
from .conftest import Town
from .support import Program, channel_of, declare
from .toy import ThingHappened

pytestmark = pytest.mark.integration

DEAD = f"{toy.QUEUE}.dead"


def test_an_event_delivered_many_times_to_two_replicas_has_one_effect(town: Town) -> None:
    ids = [town.site.tell(ThingHappened("many"), times=4) for _ in range(10)]

    eventually(lambda: len(town.site.effects("many")) == 10)
    eventually(lambda: town.site.depth(toy.QUEUE) == 0)
    eventually(lambda: sum(_consumed(one, "done") for one in town.replicas) >= 40)
    assert all(_consumed(one, "done") for one in town.replicas)
    assert sorted(row[0] for row in town.site.effects("many")) == sorted(ids)


def test_a_handler_that_fails_once_leaves_nothing_behind_and_succeeds_after_the_delay(town: Town) -> None:
    event_id = town.site.tell(ThingHappened("second try", "once"))

    eventually(lambda: town.site.effects("second try"))
    assert [row[0] for row in town.site.effects("second try")] == [event_id]


def test_what_fails_again_and_again_ends_among_the_dead_with_its_reason(town: Town) -> None:
    event_id = town.site.tell(ThingHappened("hopeless", "always"))

    eventually(lambda: town.site.depth(DEAD))
    ((headers, body),) = town.site.take(DEAD)
    assert headers["x-error"] == "RuntimeError: no luck with hopeless"
    assert wire.decode(body).id == event_id
    assert town.site.effects("hopeless") == []
    assert town.site.depth(toy.QUEUE) == town.site.depth(f"{toy.QUEUE}.retry") == 0
    failures = [
        line for one in town.replicas for line in one.logged("event_failed") if "hopeless" in str(line)
    ]
    assert [line["dead"] for line in sorted(failures, key=lambda line: line["retries"])] == [
        False
    ] * toy.RETRIES + [True]


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\xff not compressed",
        wire.encode(envelope.make("thing_happened", 2, "toy", {"name": "later version"})),
        wire.encode(envelope.make("thing_happened", 1, "toy", {"fault": "no name"})),
        b"",
    ],
    ids=["garbage", "another version", "a field is missing", "nothing at all"],
)
def test_what_cannot_be_read_goes_to_the_dead_at_once_and_the_next_event_is_served(
    town: Town, body: bytes
) -> None:
    town.site.publish(body)
    town.site.tell(ThingHappened(f"after {body[:20]!r}"))

    eventually(lambda: town.site.effects(f"after {body[:20]!r}"))
    eventually(lambda: town.site.depth(DEAD))
    ((headers, buried),) = town.site.take(DEAD)
    assert buried == body
    assert headers["x-error"].startswith("BadEnvelope: ")
    assert all(one.process.poll() is None for one in town.replicas)


def test_an_event_whose_consumers_die_has_no_effect_and_is_put_aside_before_the_broker_drops_it(
    town: Town,
) -> None:
    killer = town.site.tell(ThingHappened("killer", "exit"))
    eventually(lambda: all(one.process.poll() is not None for one in town.replicas))
    assert town.site.effects("killer") == []
    found = eventually(lambda: town.site.take(toy.QUEUE))
    assert [wire.decode(body).id for _, body in found] == [killer]

    event_id = town.site.tell(ThingHappened("survivor"))
    with channel_of(town.site.amqp_uri) as channel:
        for _ in range(topology.UNANSWERED_LIMIT):
            method, _, _ = eventually(lambda: _got(channel))
            channel.basic_nack(method.delivery_tag, requeue=True)

    town.start_replicas()

    eventually(lambda: town.site.effects("survivor"))
    assert [row[0] for row in town.site.effects("survivor")] == [event_id]
    assert [
        line
        for one in town.replicas
        for line in one.logged("event_failed")
        if "_TooManyDeliveries" in str(line)
    ]


def test_an_outage_of_the_database_is_waited_for_and_uses_up_no_tries(town: Town) -> None:
    before = [len(one.logged("database_not_there")) for one in town.replicas]
    with town.site.database_away():
        event_id = town.site.tell(ThingHappened("patience"))
        eventually(lambda: [len(one.logged("database_not_there")) for one in town.replicas] != before)

    eventually(lambda: town.site.effects("patience"))
    eventually(lambda: town.site.depth(toy.QUEUE) == 0)
    assert [row[0] for row in town.site.effects("patience")] == [event_id]
    assert not [
        line for one in town.replicas for line in one.logged("event_failed") if "patience" in str(line)
    ]


def test_connections_cut_by_the_broker_come_back_and_nothing_is_done_twice(town: Town) -> None:
    eventually(lambda: all(one.is_ready() for one in (*town.replicas, town.relay)))
    slow = town.site.tell(ThingHappened("cut", "slow"))
    eventually(town.site.is_working)

    assert town.site.cut_broker_connections() >= 3
    later = town.site.tell(ThingHappened("cut"))

    eventually(lambda: len(town.site.effects("cut")) == 2)
    eventually(lambda: all(one.is_ready() for one in (*town.replicas, town.relay)))
    assert {row[0] for row in town.site.effects("cut")} == {slow, later}
    assert town.client.call("toy", "nap", 0) == "awake"


def test_an_outage_of_the_broker_is_outlived_by_services_and_relay(town: Town) -> None:
    running = town.site.tell(ThingHappened("outage", "slow"))
    eventually(town.site.is_working)
    with town.site.gate.shut():
        eventually(lambda: not any(one.is_ready() for one in (*town.replicas, town.relay)))
        without = {"database": True, "broker": False, "consuming": False}
        eventually(lambda: town.replicas[0].get("/readyz").json() == without)
        with psycopg2.connect(town.site.database_url) as connection:
            later = outbox.add(connection.cursor(), ThingHappened("outage"))
        connection.close()
        eventually(lambda: town.relay.metric("keryx_outbox_backlog") == 1)

    eventually(lambda: len(town.site.effects("outage")) == 2)
    assert {row[0] for row in town.site.effects("outage")} == {running, later}
    eventually(lambda: all(one.is_ready() for one in (*town.replicas, town.relay)))
    assert all(one.process.poll() is None for one in (*town.replicas, town.relay))


def test_a_failing_handler_whose_connection_was_cut_does_not_end_the_process(town: Town) -> None:
    town.site.tell(ThingHappened("cut and failing", "slow once"))
    eventually(town.site.is_working)

    town.site.cut_broker_connections()

    eventually(lambda: town.site.effects("cut and failing"))
    assert all(one.process.poll() is None for one in town.replicas)


def test_an_event_that_cannot_be_buried_is_not_lost(town: Town) -> None:
    with channel_of(town.site.amqp_uri) as channel:
        channel.queue_delete(DEAD)
    town.site.publish(b"unburied")
    eventually(lambda: any(one.logged("event_not_buried") for one in town.replicas))

    declare(town.site.amqp_uri)

    eventually(lambda: town.site.depth(DEAD))
    assert [body for _, body in town.site.take(DEAD)] == [b"unburied"]


def _got(channel: Any) -> Any:
    got = channel.basic_get(toy.QUEUE)
    return got if got[0] else None


def _consumed(replica: Program, outcome: str) -> float:
    return replica.metric(f'keryx_events_consumed_total{{outcome="{outcome}",queue="{toy.QUEUE}"}}')
