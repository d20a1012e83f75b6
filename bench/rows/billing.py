"""``billing.hold`` and ``billing.quote``: money set aside for chunks, and a price asked for 500 recipients, over RPC."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

# In the main thread: eventlet, which it brings, must not be imported first by another one.
import nameko.standalone.rpc  # noqa: F401

from servicekit.rpcclient import Client

from ..harness import people
from ..harness.bench import Bench
from ..harness.httpclient import milliseconds
from ..harness.row import Deadline, Row, Run
from ..harness.stack import Stack

CALLERS, HOLDS_A_CALL = 2, 8
CHUNK_PRICE = 500 * 45_000
QUOTED = 500


def hold(bench: Bench, n: int, deadline: Deadline) -> Run:
    """``n`` chunks' prices held, eight a call, by two callers for an account each, as expanders do."""
    stack = bench.stack()
    stack.at_rest(deadline)
    accounts = bench.kept("holders", lambda: [stack.customer().id for _ in range(CALLERS)])
    shares = [n // CALLERS // HOLDS_A_CALL for _ in accounts]
    refused: list[Any] = []
    threads = [
        threading.Thread(target=_hold_many, args=(stack, account, calls, refused))
        for account, calls in zip(accounts, shares, strict=True)
    ]
    meter = bench.meter().start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline.left))
    meter.stop()
    if refused or any(thread.is_alive() for thread in threads):
        raise ValueError(f"not all could be held: {refused[:3]}")
    details = {"callers": CALLERS, "holds_a_call": HOLDS_A_CALL}
    return Run(sum(shares) * HOLDS_A_CALL, meter.seconds, meter.cpu, meter.peak_mb, meter.others, details)


def _hold_many(stack: Stack, account: int, calls: int, refused: list[Any]) -> None:
    client = Client(stack.amqp_uri, 30)
    for _ in range(calls):
        holds = [
            {"id": f"b{uuid4().hex}", "account_id": account, "amount": CHUNK_PRICE, "reference": "bench"}
            for _ in range(HOLDS_A_CALL)
        ]
        answers = client.call("billing", "hold", holds=holds)["results"]
        refused += [answer for answer in answers if not answer["ok"]]
    client.close()


def quote(bench: Bench, n: int, deadline: Deadline) -> Run:
    """``n`` quotes of 500 recipients, one caller. What billing itself needs for one is in the details."""
    stack = bench.stack()
    stack.at_rest(deadline)
    customer = bench.kept("quoted", stack.customer)
    items = [[str(people.number(index)), 1] for index in range(QUOTED)]
    client = Client(stack.amqp_uri, 30)
    client.call("billing", "quote", customer.id, "normal", items)
    meter = bench.meter().start()
    took = _timed(client, customer.id, items, n)
    meter.stop()
    client.close()
    inside = round(meter.cpu["billing"] / n * 1000, 2)
    details = {"recipients": QUOTED, **milliseconds(took), "billing_cpu_ms": inside}
    return Run(n, meter.seconds, meter.cpu, meter.peak_mb, meter.others, details)


def _timed(client: Client, account: int, items: Sequence[Any], n: int) -> list[float]:
    took = []
    for _ in range(n):
        began = time.perf_counter()
        client.call("billing", "quote", account, "normal", items)
        took.append(time.perf_counter() - began)
    return took


ROWS = (
    Row("billing.hold", "holds", 4_000, "stack", hold),
    Row("billing.quote", "quotes", 200, "stack", quote),
)
