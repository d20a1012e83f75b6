"""Prometheus metrics that every process shares; names begin with ``keryx_``."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

outbox_backlog = Gauge("keryx_outbox_backlog", "Rows of the outbox not yet published")
outbox_published = Counter("keryx_outbox_published_total", "Rows of the outbox published and confirmed")
events_consumed = Counter(
    "keryx_events_consumed_total", "Deliveries by what came of them", ["queue", "outcome"]
)
rpc_calls = Counter("keryx_rpc_calls_total", "RPC calls answered", ["method", "outcome"])
rpc_seconds = Histogram("keryx_rpc_seconds", "Time to answer an RPC call", ["method"])
