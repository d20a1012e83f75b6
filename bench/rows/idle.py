"""``idle``: what the whole stack costs while nobody wants anything of it; ``n`` is seconds."""

from __future__ import annotations

import time

from ..harness.bench import Bench
from ..harness.row import Deadline, Row, Run


def measure(bench: Bench, n: int, deadline: Deadline) -> Run:
    """Watch it doing nothing."""
    bench.stack().at_rest(deadline)
    meter = bench.meter().start()
    time.sleep(n)
    meter.stop()
    return Run(n, meter.seconds, meter.cpu, meter.peak_mb, meter.others)


ROWS = (Row("idle", "seconds", 10, "stack", measure, runs=1),)
