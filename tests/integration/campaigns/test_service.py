"""The service as it runs: RPC and events over RabbitMQ, deliveries repeated, two replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest

from contracts import envelope
from contracts.errors import Conflict, Invalid, NotFound
from contracts.events import AudienceFrozen, ChunkProgress, Event, MessagesProgressed, NumbersErased
from servicekit import topology, wire
from servicekit.database import Database, make_engine
from servicekit.outbox import EXCHANGE
from servicekit.rpcclient import Client
from services.campaigns import progress
from tests.integration.billing.processes import running
from tests.integration.campaigns.support import ACCOUNT, DATA, Campaigns
from tests.support.queues import depths
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

REPLICAS = 2
QUEUE = "campaigns.messages_progressed"


@dataclass
class Service:
    """Two replicas of the service, seen from outside; billing, contacts and dispatcher are away."""

    uri: str
    client: Client
    inside: Campaigns

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda *args, **kwargs: self.client.call("campaigns", method, *args, **kwargs)

    def tell(self, *events: Event, times: int = 1) -> None:
        """Publish events as a relay would, each ``times`` times under one id."""
        connection = pika.BlockingConnection(pika.URLParameters(self.uri))
        channel = connection.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(
            content_type=wire.CONTENT_TYPE, content_encoding=wire.CONTENT_ENCODING, delivery_mode=2
        )
        for event in events:
            body = wire.encode(envelope.make(event.TYPE, event.VERSION, event.PRODUCER, event.to_data()))
            for _ in range(times):
                channel.basic_publish(EXCHANGE, event.routing_key(), body, properties, mandatory=True)
        connection.close()


@pytest.fixture(scope="module")
def service(
    module_database: Callable[[str], str], module_broker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Running on a database and a virtual host of this module."""
    topology.declare(module_broker)
    url = module_database("campaigns")
    environment = {
        "KERYX_AMQP_URI": module_broker,
        "KERYX_DATABASE_URL_CAMPAIGNS": url,
        "KERYX_PUBLIC_HOST": "sms.example.gr",
    }
    engine, client = make_engine(url, "test"), Client(module_broker)
    folder: Path = tmp_path_factory.mktemp("campaigns")
    with running(*[("services.campaigns.main",)] * REPLICAS, environment=environment, folder=folder):
        yield Service(module_broker, client, Campaigns(Database(engine)))
    client.close()
    engine.dispose()


def test_a_campaign_is_made_read_and_changed(service: Service) -> None:
    made = service.create(ACCOUNT, DATA, "k1")
    assert service.create(ACCOUNT, DATA, "k1") == made
    assert service.get(ACCOUNT, made["id"]) == made
    assert service.update(ACCOUNT, made["id"], {"name": "Θέρος"}, 1)["version"] == 2
    assert made["id"] in [
        one["id"] for one in service.list(ACCOUNT, state="draft", cursor=None, limit=100)["data"]
    ]
    service.delete(ACCOUNT, made["id"])
    with pytest.raises(NotFound) as refused:
        service.get(ACCOUNT, made["id"])
    assert refused.value.code == "unknown_campaign"


def test_an_erasure_delivered_thrice_takes_the_number_out_once(service: Service) -> None:
    erased, kept = "306970000001", "306970000002"
    made = service.create(ACCOUNT, {**DATA, "audience": {"numbers": [erased, kept]}})

    service.tell(NumbersErased(ACCOUNT, [erased]), times=3)

    eventually(lambda: service.get(ACCOUNT, made["id"])["audience"] == {"numbers": [kept]})
    queue = "campaigns.numbers_erased"
    eventually(lambda: not depths(service.uri, [queue])[queue])
    assert service.get(ACCOUNT, made["id"])["version"] == 2


def test_mistakes_arrive_as_they_are(service: Service) -> None:
    with pytest.raises(Invalid) as refused:
        service.create(ACCOUNT, {**DATA, "text": "{%nobody}"})
    assert refused.value.errors[0]["pointer"] == "/text"
    made = service.create(ACCOUNT, DATA)
    with pytest.raises(Conflict) as conflict:
        service.pause(ACCOUNT, made["id"])
    assert conflict.value.code == "wrong_state"


def test_a_start_holds_although_the_neighbours_are_away(service: Service) -> None:
    made = service.create(ACCOUNT, DATA)
    assert service.start(ACCOUNT, made["id"])["phase"] == "freezing"
    paused = service.pause(ACCOUNT, made["id"])
    assert (paused["state"], paused["version"]) == ("paused", 3)
    assert service.cancel(ACCOUNT, made["id"])["state"] == "cancelled"


def test_a_due_campaign_is_started_once_by_the_clock(service: Service) -> None:
    ids = [service.create(ACCOUNT, DATA)["id"] for _ in range(6)]
    for campaign_id in ids:
        service.schedule(ACCOUNT, campaign_id, "2100-01-01T00:00:00Z")
    service.inside.sql("UPDATE campaigns SET scheduled_at = now() WHERE id = ANY(%s)", ids)

    def states() -> set[tuple[str, int]]:
        return {(one["state"], one["version"]) for one in map(service.inside.get, ids)}

    eventually(lambda: {state for state, _ in states()} == {"running"}, timeout=15)
    assert states() == {("running", 3)}


def test_events_take_a_campaign_to_its_end_however_often_they_come(service: Service) -> None:
    made = service.create(ACCOUNT, DATA)
    campaign_id = made["id"]
    service.start(ACCOUNT, campaign_id)
    service.tell(AudienceFrozen(5, campaign_id, ACCOUNT, 40), times=3)
    eventually(lambda: service.get(ACCOUNT, campaign_id)["phase"] == "expanding")
    chunk_id = service.inside.chunk(campaign_id, 1, 40)
    service.inside.counting(progress.finish_expanding, campaign_id)
    hold = f"c{chunk_id}"
    events = [
        MessagesProgressed([ChunkProgress(hold, ACCOUNT, campaign_id, accepted=1, submitted=1, left=1)])
        for _ in range(40)
    ] + [
        MessagesProgressed([ChunkProgress(hold, ACCOUNT, campaign_id, finals={"delivered": 1})])
        for _ in range(40)
    ]
    service.tell(*events, times=2)
    # The last final state ends it; that some were accepted may still be on its way from the queue.
    all_told = ("finished", 40, 40)

    def told() -> tuple[str, int, int]:
        one = service.get(ACCOUNT, campaign_id)
        return (one["state"], one["counts"]["accepted"], one["counts"]["delivered"])

    eventually(lambda: told() == all_told, timeout=30)
    eventually(lambda: depths(service.uri, [QUEUE]) == {QUEUE: 0})
    assert told() == all_told
    assert depths(service.uri, [f"{QUEUE}.dead", "campaigns.audience_frozen.dead"]) == {
        f"{QUEUE}.dead": 0,
        "campaigns.audience_frozen.dead": 0,
    }
