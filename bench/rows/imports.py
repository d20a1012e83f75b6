"""``import.xlsx`` and ``import.csv``: a shop's file over REST, from the upload to the last row stored, its progress watched."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..harness import people, seeds
from ..harness.bench import Bench
from ..harness.row import Deadline, Row, Run
from ..harness.stack import Customer

POLL_SECONDS = 0.25


def measure(kind: str, write: Callable[[Path, int], None], bench: Bench, n: int, deadline: Deadline) -> Run:
    """``n`` rows into a new account: looked at, then taken over into a group."""
    stack = bench.stack()
    file = bench.layout.run / f"customers-{n}.{kind}"
    bench.kept(str(file), partial(write, file, n))
    customer = stack.customer()
    group = customer.api.post("/groups", {"name": "Bench"})["id"]
    content = file.read_bytes()
    meter = bench.meter().start()
    job = customer.api.post("/imports", files={"file": (file.name, content)})
    deadline.wait(lambda: _in(customer, job["id"], "analysed"), "the file looked at", POLL_SECONDS)
    looked = meter.so_far
    customer.api.post(f"/imports/{job['id']}/commit", {"policy": "fill", "group_ids": [group]})
    steps: set[int] = set()
    done = deadline.wait(lambda: _in(customer, job["id"], "done", steps), "the import", POLL_SECONDS)
    meter.stop()
    if done["counts"]["accepted"] != n:
        raise ValueError(f"{n} rows, but {done['counts']}")
    found_after = _find_last(customer, n)
    connection = stack.database("contacts")
    began = time.perf_counter()
    seeds.sort_in(connection)
    sorted_after = time.perf_counter() - began
    connection.close()
    details = {
        "file_mb": round(len(content) / 1e6, 1),
        "looked_at_s": round(looked, 2),
        "stored_s": round(meter.seconds - looked, 2),
        "progress_seen": len(steps),
        "last_row_found_ms": round(found_after * 1000),
        "sorted_in_after_s": round(sorted_after, 1),
    }
    return Run(n, meter.seconds, meter.cpu, meter.peak_mb, meter.others, details)


def _in(customer: Customer, job_id: str, state: str, steps: set[int] | None = None) -> dict[str, Any] | None:
    job: dict[str, Any] = customer.api.get(f"/imports/{job_id}")
    if job["state"] in ("failed", "cancelled"):
        raise ValueError(f"the import {job['state']}: {job.get('error')}")
    if steps is not None:
        steps.add(job["progress"]["done"])
    return job if job["state"] == state else None


def _find_last(customer: Customer, n: int) -> float:
    """Seconds of a search for the last row, which nothing has sorted in yet."""
    began = time.perf_counter()
    found = customer.api.get("/contacts", search=f"p{n - 1}@example")["data"]
    if len(found) != 1:
        raise ValueError(f"the last row was found {len(found)} times")
    return time.perf_counter() - began


ROWS = tuple(
    Row(f"import.{kind}", "rows", 200_000, "stack", partial(measure, kind, write), seconds=900, runs=1)
    for kind, write in (("xlsx", people.write_xlsx), ("csv", people.write_csv))
)
