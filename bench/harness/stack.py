"""The whole stack as its users see it: accounts made over the REST API, a connector to the simulator, prices, money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pika
import psycopg2
from pika.exceptions import ChannelClosedByBroker

from deploy.local.demo.api import Api
from deploy.local.worlds import World
from simulators.smsc.testing import Smsc

from .row import Deadline

CONNECTOR = "bench"
WINDOW = 200
RECEIPTS_AFTER_MS = 1000
ROUTES = tuple((price_class, prefix) for price_class in ("normal", "low") for prefix in ("30", ""))
PLENTY = "10000000.00"
READY_SECONDS = 30.0


@dataclass(frozen=True)
class Customer:
    """An account with money, and its view of the API."""

    id: int
    key: str
    api: Api


class Stack:
    """What rows do with the running stack. Databases are opened with the services' own roles, to seed and to watch."""

    def __init__(self, environment: Mapping[str, str], world: World) -> None:
        """``environment`` is what ``.run/bench/env`` says."""
        self.url = environment["KERYX_URL"]
        self.amqp_uri = world.amqp_uri
        self._world = world
        self.operator = Api(self.url, environment["KERYX_OPERATOR_KEY"])
        self.smsc = Smsc(
            environment["KERYX_SMSC_HOST"],
            int(environment["KERYX_SMSC_PORT"]),
            int(environment["KERYX_SMSC_URL"].rpartition(":")[2]),
        )

    def prepare(self) -> None:
        """A connector with a window of 200, routes, and a simulator that delivers everything, with receipts after a second."""
        self.calm()
        wanted = {
            "name": CONNECTOR,
            "host": self.smsc.host,
            "port": self.smsc.port,
            "system_id": self.smsc.system_id,
            "password": self.smsc.password,
            "window": WINDOW,
            "enabled": True,
        }
        self.operator.post("/operator/connectors", wanted)
        for price_class, prefix in ROUTES:
            body = {"price_class": price_class, "prefix": prefix, "connector": CONNECTOR}
            self.operator.post("/operator/routes", body)
        Deadline(READY_SECONDS).wait(self._bound, "the connector bound")

    def calm(self) -> None:
        """Empty the simulator's books and set its receipts."""
        self.smsc.reset()
        delay = {"min": RECEIPTS_AFTER_MS, "max": RECEIPTS_AFTER_MS}
        self.smsc.faults(preset="calm", receipts={"delay_ms": delay})

    def customer(self) -> Customer:
        """A new account with ten million euro."""
        mark = uuid4().hex[:8]
        made = self.operator.post(
            "/operator/accounts", {"name": f"Bench {mark}", "email": f"{mark}@example.gr"}
        )
        account_id, api = int(made["account_id"]), Api(self.url, made["api_key"])
        api.patch("/settings", {"default_sender": "KERYX"})
        body = {"account_id": made["account_id"], "amount": PLENTY, "reason": "bench"}
        self.operator.post("/operator/topups", body, headers={"Idempotency-Key": mark})
        return Customer(account_id, made["api_key"], api)

    def database(self, service: str) -> Any:
        """A connection to a service's database that commits each statement."""
        connection = psycopg2.connect(self._world.database_urls[service])
        connection.autocommit = True
        return connection

    def sql(self, service: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of one statement."""
        connection = self.database(service)
        try:
            cursor = connection.cursor()
            cursor.execute(statement, parameters)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def at_rest(self, deadline: Deadline) -> None:
        """Wait until nothing of former rows is on its way: no batch, no event, no receipt."""
        deadline.wait(self._is_at_rest, "the stack at rest", 0.2)

    def _is_at_rest(self) -> bool:
        if self.sql("dispatcher", "SELECT 1 FROM batches LIMIT 1"):
            return False
        unsent = (
            "SELECT 1 FROM outbox_0 WHERE NOT sent UNION ALL SELECT 1 FROM outbox_1 WHERE NOT sent LIMIT 1"
        )
        if any(self.sql(service, unsent) for service in ("campaigns", "dispatcher", "contacts")):
            return False
        events = ("billing.messages_progressed", "campaigns.messages_progressed")
        return not self.smsc.stats()["receipts"]["pending"] and not any(self.depths(*events).values())

    def depths(self, *queues: str) -> dict[str, int]:
        """Messages ready in these queues; -1 for one that is not there."""
        connection = pika.BlockingConnection(pika.URLParameters(self.amqp_uri))
        try:
            return {queue: depth(connection, queue) for queue in queues}
        finally:
            connection.close()

    def _bound(self) -> bool:
        return bool(self.operator.get(f"/operator/connectors/{CONNECTOR}")["state"] == "up")


def depth(connection: Any, queue: str) -> int:
    """Messages ready in one queue; -1 when it is not there."""
    channel = connection.channel()
    try:
        found: int = channel.queue_declare(queue, passive=True).method.message_count
    except ChannelClosedByBroker:
        return -1
    channel.close()
    return found
