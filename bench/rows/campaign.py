"""``campaign``: the main job on the whole stack, from "start" to the last receipt booked.

Personalised texts with a vocative, two more fields and an unsubscribe link, one part of GSM each; priced, held, stored, sent
over SMPP with a window of 200, receipts a second later, captured in the ledger, counted in the campaign.
"""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pika

from contracts.chunks import QUEUES

from ..harness import seeds, traffic
from ..harness.bench import Bench
from ..harness.row import Deadline, Row, Run
from ..harness.stack import CONNECTOR, RECEIPTS_AFTER_MS, WINDOW, Customer, Stack, depth

PAUSE = 0.1
_STANDING = "SELECT state, recipients, delivered, submitted FROM campaigns WHERE id = %s AND state IN ('finished', 'paused')"
_TIMES = """
SELECT extract(epoch FROM (SELECT min(created_at) FROM chunks WHERE campaign_id = c.id) - started_at),
    extract(epoch FROM expanded_at - started_at), extract(epoch FROM sent_at - started_at)
FROM campaigns c WHERE id = %s
"""


class Depths:
    """The deepest that queues have been, looked at twice a second."""

    def __init__(self, stack: Stack) -> None:
        """Looks from now on."""
        self._queues = (
            QUEUES["bulk"],
            f"smsc.{CONNECTOR}.bulk",
            "billing.messages_progressed",
            "campaigns.messages_progressed",
        )
        self._amqp_uri = stack.amqp_uri
        self._ended = threading.Event()
        self.deepest = dict.fromkeys(self._queues, 0)
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self._amqp_uri))
        while not self._ended.wait(0.5):
            for queue in self._queues:
                self.deepest[queue] = max(self.deepest[queue], depth(connection, queue))
        connection.close()

    def end(self) -> dict[str, int]:
        """No more; what was found."""
        self._ended.set()
        self._thread.join()
        return self.deepest


def measure(bench: Bench, n: int, deadline: Deadline) -> Run:
    """One campaign to ``n`` customers."""
    stack = bench.stack()
    customer, group = bench.kept(f"customers {n}", lambda: _customers(stack, n))
    stack.at_rest(deadline)
    stack.calm()
    campaign_id = draft(customer, group)
    bench.checkpoint()
    depths = Depths(stack)
    connections = {service: stack.database(service) for service in ("campaigns", "billing")}
    meter = bench.meter().start()
    customer.api.post(f"/campaigns/{campaign_id}/start")
    state, recipients, delivered, _ = deadline.wait(
        lambda: _one(connections["campaigns"], _STANDING, campaign_id), "the campaign finished", PAUSE
    )
    deadline.wait(lambda: _booked(connections["billing"], campaign_id), "all of it booked", PAUSE)
    meter.stop()
    if (state, recipients, delivered) != ("finished", n, n):
        raise ValueError(
            f"campaign {campaign_id}: {state}, {delivered} delivered of {recipients}, {n} wanted"
        )
    details = _details(connections["campaigns"], campaign_id, n) | {"deepest": depths.end()}
    for connection in connections.values():
        connection.close()
    return Run(n, meter.seconds, meter.cpu, meter.peak_mb, meter.others, details)


def _customers(stack: Stack, n: int) -> tuple[Customer, int]:
    customer, connection = stack.customer(), stack.database("contacts")
    group = seeds.contacts(connection, customer.id, n)
    connection.close()
    return customer, group


def draft(customer: Customer, group: int) -> str:
    """A campaign to ``group``; its id."""
    wanted = {**traffic.CAMPAIGN, "audience": {"group_ids": [str(group)]}}
    made: dict[str, Any] = customer.api.post("/campaigns", wanted, headers={"Idempotency-Key": uuid4().hex})
    return str(made["id"])


def _one(connection: Any, statement: str, *parameters: Any) -> Any:
    cursor = connection.cursor()
    cursor.execute(statement, parameters)
    return cursor.fetchone()


def _booked(connection: Any, campaign_id: str) -> bool:
    statement = "SELECT sum(amount - captured - released) FROM holds WHERE reference = %s"
    return _one(connection, statement, f"campaign:{campaign_id}") == (0,)


def _details(connection: Any, campaign_id: str, n: int) -> dict[str, Any]:
    first, expanded, sent = (round(float(value), 2) for value in _one(connection, _TIMES, campaign_id))
    return {
        "first_chunk_s": first,
        "expanded_s": expanded,
        "sent_s": sent,
        "submits_per_s": round(n / sent),
        "window": WINDOW,
        "receipts_after_s": RECEIPTS_AFTER_MS / 1000,
    }


ROWS = (Row("campaign", "messages", 100_000, "stack", measure, seconds=150),)
