"""The service as it runs: RPC and events over RabbitMQ, replays, bad events, a kill in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest

from contracts import envelope
from contracts.envelope import Envelope
from contracts.errors import BadRequest, Conflict, Invalid
from contracts.events import AccountChanged, Event, MessagesProgressed
from servicekit import topology, wire
from servicekit.outbox import EXCHANGE
from servicekit.rpcclient import Client
from tests.integration.billing.processes import Running, running, start
from tests.integration.billing.support import EURO, progress
from tests.support.queues import depths
from tests.support.sql import rows_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

QUEUE = "billing.messages_progressed"


@dataclass
class Billing:
    """The running service, seen from outside."""

    uri: str
    environment: dict[str, str]
    client: Client
    service: Running
    folder: Path

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda *args, **kwargs: self.client.call("billing", method, *args, **kwargs)

    def tell(self, *events: Event, times: int = 1) -> None:
        """Publish events as a relay would, each ``times`` times."""
        messages = [
            (e.routing_key(), wire.encode(envelope.make(e.TYPE, e.VERSION, e.PRODUCER, e.to_data())))
            for e in events
        ]
        self.publish(*(message for message in messages for _ in range(times)))

    def publish(self, *messages: tuple[str, bytes]) -> None:
        """Publish octets by routing key."""
        connection = pika.BlockingConnection(pika.URLParameters(self.uri))
        channel = connection.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(
            content_type=wire.CONTENT_TYPE, content_encoding=wire.CONTENT_ENCODING, delivery_mode=2
        )
        for routing_key, body in messages:
            channel.basic_publish(EXCHANGE, routing_key, body, properties, mandatory=True)
        connection.close()

    def messages(self, queue: str) -> list[Envelope]:
        """Take everything out of a queue."""
        connection = pika.BlockingConnection(pika.URLParameters(self.uri))
        channel = connection.channel()
        found = []
        while (got := channel.basic_get(queue, auto_ack=True))[0]:
            found.append(wire.decode(got[2]))
        connection.close()
        return found


@pytest.fixture(scope="module")
def billing(
    module_database: Callable[[str], str], module_broker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Billing]:
    """The service and its relay, running."""
    topology.declare(module_broker)
    environment = {"KERYX_AMQP_URI": module_broker, "KERYX_DATABASE_URL_BILLING": module_database("billing")}
    folder = tmp_path_factory.mktemp("billing")
    client = Client(module_broker)
    commands = (("services.billing.main",), ("servicekit.relay", "billing"))
    with running(*commands, environment=environment, folder=folder) as (service, _):
        yield Billing(module_broker, environment, client, service, folder)
        client.close()


def hold_of(account_id: int, amount: int, id_: str, reference: str = "r") -> dict[str, Any]:
    return {"id": id_, "account_id": account_id, "amount": amount, "reference": reference}


def test_money_goes_its_way_from_topup_to_revenue(billing: Billing, account_id: int) -> None:
    billing.topup(account_id, 10 * EURO, "deposit 1", "key-1")
    reference = f"campaign:{account_id}"
    held = billing.hold([hold_of(account_id, 6 * EURO, f"c:{account_id}", reference)])
    assert held == {"results": [{"id": f"c:{account_id}", "ok": True}]}

    billing.tell(MessagesProgressed([progress(f"c:{account_id}", account_id, 4 * EURO, 1 * EURO)]), times=3)

    def settled() -> bool:
        return bool(billing.money_of([reference])[reference]["captured"])

    eventually(settled)
    assert billing.money_of([reference]) == {
        reference: {"held": EURO, "captured": 4 * EURO, "released": EURO}
    }
    assert billing.balance(account_id) == {
        "available": 5 * EURO,
        "held": EURO,
        "currency": "EUR",
        "remaining": {"normal": 111, "low": 142},
    }
    kinds = [entry["kind"] for entry in billing.ledger(account_id)["data"]]
    assert kinds == ["settlement", "hold", "topup"]
    found = billing.books()
    assert found["zero_sum"]
    assert found["projections_match"]
    assert found["holds_match"]


def test_a_topup_repeated_under_its_key_counts_once(billing: Billing, account_id: int) -> None:
    first = billing.topup(account_id, EURO, "deposit", "key")

    assert billing.topup(account_id, EURO, "deposit", "key") == first
    with pytest.raises(Conflict) as refused:
        billing.topup(account_id, 2 * EURO, "deposit", "key")
    assert refused.value.code == "idempotency_key_reused"


def test_the_low_balance_is_told_to_the_notifiers_queue_once(billing: Billing, account_id: int) -> None:
    billing.tell(
        AccountChanged(
            account_id, "Άνθη", "el", 1, low_balance_level=5 * EURO, low_balance_emails=["a@b.example"]
        )
    )
    billing.topup(account_id, 10 * EURO, "deposit")
    level = "SELECT 1 FROM balances WHERE account_id = %s AND low_level IS NOT NULL"
    url = billing.environment["KERYX_DATABASE_URL_BILLING"]
    eventually(lambda: rows_of(url, level, account_id), what="the level known")
    for index in range(8):
        billing.hold([hold_of(account_id, EURO, f"low:{account_id}:{index}")])

    events = eventually(lambda: billing.messages("notifier.balance_low"))

    assert [(e.account_id, e.data["available"], e.data["emails"]) for e in events] == [
        (account_id, 4 * EURO, ["a@b.example"])
    ]


def test_failures_arrive_with_their_kind_code_and_pointer(billing: Billing, account_id: int) -> None:
    with pytest.raises(Invalid) as invalid:
        billing.topup(account_id, -5, "deposit")
    assert (invalid.value.code, invalid.value.errors[0]["pointer"]) == ("invalid_fields", "/amount")
    with pytest.raises(Invalid) as unreadable:
        billing.release_hold("two words")
    assert unreadable.value.errors[0]["pointer"] == "/hold_id"
    with pytest.raises(BadRequest) as cursor:
        billing.ledger(account_id, cursor="'; DROP TABLE entries")
    assert cursor.value.code == "bad_cursor"
    assert billing.hold([hold_of(account_id, 1, "poor")])["results"][0]["code"] == "insufficient_funds"


def test_prices_and_quotes_agree(billing: Billing, account_id: int) -> None:
    billing.set_prices("normal", [["30", 40_000], ["3069", 39_000]], account_id)
    tariff = billing.tariff(account_id, "normal")
    quote = billing.quote(
        account_id, "normal", [["306912345678", 3], ["302101234567", 1], ["8613812345678", 1]]
    )

    assert quote["prices"] == [117_000, 40_000, None]
    assert ["3069", 39_000] in tariff["prices"]
    assert {row["prefix"] for row in billing.list_prices(account_id)["data"] if row["own"]} == {"30", "3069"}


def test_an_event_that_is_no_envelope_lies_among_the_dead_and_the_next_one_is_served(
    billing: Billing, account_id: int
) -> None:
    billing.publish((MessagesProgressed.routing_key(), b"\x00 not an envelope"))
    billing.topup(account_id, EURO, "deposit")
    billing.hold([hold_of(account_id, EURO, f"after:{account_id}")])
    billing.tell(MessagesProgressed([progress(f"after:{account_id}", account_id, released=EURO)]))

    eventually(lambda: billing.balance(account_id)["available"] == EURO)
    eventually(lambda: depths(billing.uri, [f"{QUEUE}.dead"])[f"{QUEUE}.dead"] == 1)


def test_an_event_beyond_its_hold_is_put_aside_and_changes_nothing(billing: Billing, account_id: int) -> None:
    billing.topup(account_id, EURO, "deposit")
    billing.hold([hold_of(account_id, EURO, f"small:{account_id}")])
    billing.tell(MessagesProgressed([progress(f"small:{account_id}", account_id, captured=EURO + 1)]))

    def put_aside() -> bool:
        return 'outcome="retry",queue="billing.messages_progressed"} ' in billing.service.metrics()

    eventually(put_aside)
    assert billing.balance(account_id)["held"] == EURO
    assert billing.books()["holds_match"]


def test_killed_in_the_middle_of_settling_it_loses_and_doubles_nothing(
    billing: Billing, account_id: int
) -> None:
    billing.topup(account_id, 1_000 * EURO, "deposit")
    count = 200
    holds = [hold_of(account_id, EURO, f"kill:{account_id}:{i}") for i in range(count)]
    billing.hold(holds)
    outcomes = (MessagesProgressed([progress(hold["id"], account_id, captured=EURO)]) for hold in holds)
    billing.tell(*outcomes, times=2)
    billing.service.kill()

    billing.service = start(
        "services.billing.main", environment=billing.environment, log=billing.folder / "again.log"
    )
    try:
        billing.client.close()
        eventually(lambda: billing.balance(account_id)["held"] == 0, timeout=30)
        assert billing.balance(account_id)["available"] == (1_000 - count) * EURO
        assert (
            len([e for e in billing.ledger(account_id, limit=1_000)["data"] if e["kind"] == "settlement"])
            == count
        )
        assert billing.books()["zero_sum"]
    finally:
        assert billing.service.terminate() == 0
