"""``http.single`` and ``http.batch``: messages accepted durably over REST, each request under an Idempotency-Key.

What is accepted is sent at once, so the cost holds the sending too. ``bench`` is what the clients cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import orjson

from ..harness import httpclient, people
from ..harness.bench import Bench
from ..harness.row import Deadline, Row, Run
from ..harness.stack import Customer

CLIENTS = 32
BATCH, BATCH_CLIENTS = 1_000, 4
SECONDS = 15.0
Requests = Callable[[Customer, str], Iterator[bytes]]
_SENT = "SELECT count(*) FROM messages WHERE account_id = %s AND submitted_at IS NOT NULL"
TEXT = "O κωδικός σας είναι 482913. Ερμής"


def single(bench: Bench, n: int, deadline: Deadline) -> Run:
    """Requests of one message by 32 clients: ``n`` of them, or as many as are made in 15 s."""

    def requests(customer: Customer, url: str) -> Iterator[bytes]:
        for index in range(n):
            body = orjson.dumps({"to": str(people.number(index)), "text": TEXT})
            yield httpclient.post(url, customer.key, body, uuid4().hex)

    return _drive(bench, n, requests, CLIENTS, 1, deadline)


def batch(bench: Bench, n: int, deadline: Deadline) -> Run:
    """``n`` messages (rounded up) in requests of 1,000 by four clients, or as many as are made in 15 s."""

    def requests(customer: Customer, url: str) -> Iterator[bytes]:
        for start in range(0, n, BATCH):
            numbers = (str(people.number(index)) for index in range(start, start + BATCH))
            body = orjson.dumps({"messages": [{"to": number, "text": TEXT} for number in numbers]})
            yield httpclient.post(url, customer.key, body, uuid4().hex)

    return _drive(bench, n, requests, BATCH_CLIENTS, BATCH, deadline)


def _drive(bench: Bench, n: int, requests: Requests, clients: int, each: int, deadline: Deadline) -> Run:
    stack = bench.stack()
    customer: Customer = bench.kept("http customer", stack.customer)
    url = f"{stack.url}/api/v1/messages"
    stack.at_rest(deadline)
    ready = iter(list(requests(customer, url)))
    [(before,)] = stack.sql("dispatcher", _SENT, customer.id)
    meter = bench.meter().start()
    took = httpclient.drive(url, ready, clients, SECONDS, lambda: deadline.left)
    meter.stop()
    [(sent,)] = stack.sql("dispatcher", _SENT, customer.id)
    details = {"clients": clients, "sent_meanwhile": sent - before, **httpclient.milliseconds(took)}
    return Run(len(took) * each, meter.seconds, meter.cpu, meter.peak_mb, meter.others, details)


ROWS = (
    Row("http.single", "messages", 3_000, "stack", single),
    Row("http.batch", "messages", 40_000, "stack", batch, seconds=90),
)
