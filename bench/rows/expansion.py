"""``expansion``: from "start" until the last chunk has left the outbox; a stand-in says that its messages are gone.

The audience is frozen, pages are read, texts rendered and counted, chunks stored, their price held, and published.
"""

from __future__ import annotations

from typing import Any

import psycopg2

from servicekit.rpcclient import Client

from ..harness import seeds, traffic
from ..harness.alone import Alone
from ..harness.bench import Bench
from ..harness.row import Deadline, Row, Run

SERVICES = ("contacts", "campaigns", "billing")
PROCESSES = (*SERVICES, "contacts-worker", "expander", "relay-contacts", "relay-campaigns")
ACCOUNT = 7
PLENTY = 10**13
_SENT = "SELECT sent_at, state FROM campaigns WHERE id = %s AND (sent_at IS NOT NULL OR state <> 'running')"
_FROZEN = """
SELECT extract(epoch FROM (SELECT min(created_at) FROM chunks WHERE campaign_id = c.id) - started_at)
FROM campaigns c WHERE id = %s
"""


def measure(bench: Bench, n: int, deadline: Deadline) -> Run:
    """One campaign to ``n`` customers."""
    with bench.alone(*SERVICES) as alone:
        group = _customers(alone, n)
        alone.start(*PROCESSES)
        alone.add("standin", "-m", "bench.standin")
        calls = Client(alone.world.amqp_uri, 30)
        campaign_id = _draft(calls, group)
        bench.checkpoint()
        meter = bench.meter(alone.pids).start()
        calls.call("campaigns", "start", ACCOUNT, campaign_id)
        deadline.wait(lambda: alone.sql("campaigns", _SENT, campaign_id), "all chunks gone")
        meter.stop()
        calls.close()
        [(frozen,)] = alone.sql("campaigns", _FROZEN, campaign_id)
        [(sent,)] = alone.sql("campaigns", "SELECT sum(left_count) FROM campaigns")
    if sent != n:
        raise ValueError(f"{sent} messages in chunks, {n} customers")
    details = {"first_chunk_s": round(float(frozen), 2)}
    return Run(n, meter.seconds, meter.cpu, meter.peak_mb, meter.others, details)


def _customers(alone: Alone, n: int) -> int:
    connection = psycopg2.connect(alone.world.database_urls["contacts"])
    connection.autocommit = True
    group = seeds.contacts(connection, ACCOUNT, n)
    connection.close()
    return group


def _draft(calls: Client, group: int) -> int:
    calls.call("billing", "topup", ACCOUNT, PLENTY, "bench", "bench")
    data: dict[str, Any] = {**traffic.CAMPAIGN, "sender": "KERYX", "audience": {"group_ids": [group]}}
    return int(calls.call("campaigns", "create", ACCOUNT, data, None)["id"])


ROWS = (Row("expansion", "messages", 100_000, "servers", measure, seconds=90, runs=2),)
