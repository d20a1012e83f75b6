"""Questions asked one after the other by one client: how long each kind takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from .bench import Bench
from .httpclient import milliseconds
from .row import Deadline, Run
from .stack import Customer

PAGE = 50
Questions = Callable[[int], Iterator[tuple[str, dict[str, Any]]]]


def ask(
    bench: Bench,
    customer: Customer,
    path: str,
    questions: Questions,
    rounds: int,
    deadline: Deadline,
    about: dict[str, Any],
) -> Run:
    """Ask ``path`` for a page of each of ``questions(rounds)``; p95 over HTTP of all, and of each kind.

    ``about`` goes into the details. Raises TimeoutError when they take too long.
    """
    bench.stack().at_rest(deadline)
    took: dict[str, list[float]] = {}
    for _, query in questions(1):  # the first of each kind finds cold caches
        customer.api.get(path, limit=PAGE, **query)
    meter = bench.meter().start()
    for kind, query in questions(rounds):
        began = time.perf_counter()
        customer.api.get(path, limit=PAGE, **query)
        took.setdefault(kind, []).append(time.perf_counter() - began)
        if deadline.left < 0:
            raise TimeoutError("the questions took too long")
    meter.stop()
    everything = [seconds for one in took.values() for seconds in one]
    by_kind = {kind: milliseconds(one)["p95_ms"] for kind, one in took.items()}
    details = {**about, **milliseconds(everything), "p95_ms_by_kind": by_kind}
    return Run(len(everything), meter.seconds, meter.cpu, meter.peak_mb, meter.others, details)
