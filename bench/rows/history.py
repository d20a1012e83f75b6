"""``history.*``: search and export over N messages of one account that lie there as they do weeks after they were sent.

For the search ``n`` counts questions; how many messages there were is in its details.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ..harness import people, seeds
from ..harness.bench import Bench
from ..harness.questions import ask
from ..harness.row import Deadline, Row, Run
from ..harness.stack import Customer, Stack

ROUNDS = 40
POLL_SECONDS = 0.1


def search(bench: Bench, n: int, deadline: Deadline) -> Run:
    """Each kind of question 40 times, one client; p95 of each over HTTP."""
    customer = _customer(bench, n)
    questions = partial(_questions, customer, n)
    return ask(bench, customer, "/messages", questions, ROUNDS, deadline, {"messages": n})


def _questions(customer: Customer, n: int, rounds: int) -> Iterator[tuple[str, dict[str, Any]]]:
    newest = customer.api.get("/messages", limit=1)["data"][0]
    last, now = int(newest["id"]), datetime.now(UTC)
    campaign = int(newest["campaign_id"])
    for index in range(rounds):
        place = index * 7919 % n
        until = now - timedelta(seconds=place * 0.1)
        yield "newest", {}
        yield "deep page", {"cursor": str(last - place)}
        yield "number", {"to": str(people.number(place))}
        yield "state", {"state": "undelivered", "cursor": str(last - place)}
        yield "campaign", {"campaign_id": str(campaign - index % max(1, n // seeds.MESSAGES_A_CAMPAIGN))}
        yield "days", {"from": (until - timedelta(hours=1)).isoformat(), "until": until.isoformat()}


def export(format_: str, bench: Bench, n: int, deadline: Deadline) -> Run:
    """All of it as a file, from the request to its last byte here."""
    stack, customer = bench.stack(), _customer(bench, n)
    stack.at_rest(deadline)
    meter = bench.meter().start()
    job = customer.api.post("/exports", {"what": "messages", "format": format_})
    done = deadline.wait(partial(_done, customer, job["id"]), "the export", POLL_SECONDS)
    written = meter.so_far
    content = customer.api.download(f"/exports/{job['id']}/file")
    meter.stop()
    if done["rows"] < n:
        raise ValueError(f"{done['rows']} rows of {n} messages")
    details = {"written_s": round(written, 2), "file_mb": round(len(content) / 1e6, 1)}
    return Run(n, meter.seconds, meter.cpu, meter.peak_mb, meter.others, details)


def _done(customer: Customer, export_id: str) -> dict[str, Any] | None:
    job: dict[str, Any] = customer.api.get(f"/exports/{export_id}")
    if job["state"] == "failed":
        raise ValueError(f"the export failed: {job['error']}")
    return job if job["state"] == "done" else None


def _customer(bench: Bench, n: int) -> Customer:
    def make() -> Customer:
        stack: Stack = bench.stack()
        customer = stack.customer()
        seeds.history(stack, customer.id, n)
        return customer

    return bench.kept(f"history {n}", make)


ROWS = (
    Row("history.search", "questions", 200_000, "stack", search, seconds=90, runs=2),
    Row("history.export_csv", "messages", 200_000, "stack", partial(export, "csv"), seconds=90, runs=2),
    Row("history.export_xlsx", "messages", 50_000, "stack", partial(export, "xlsx"), seconds=90, runs=1),
)
