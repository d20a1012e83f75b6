"""``simulator``: the SMSC simulator with a client that does nothing but SMPP, so that nobody mistakes it for Keryx's limit."""

from __future__ import annotations

from simulators.smsc.testing import running

from .. import smsc_ceiling
from ..harness.bench import Bench
from ..harness.meter import Meter
from ..harness.row import Deadline, Row, Run

WINDOW = 200


def measure(bench: Bench, n: int, deadline: Deadline) -> Run:
    """Submits from the first byte to the last receipt."""
    del bench
    with running() as smsc:
        client = smsc_ceiling.Client(smsc.address, range(n), WINDOW)
        meter = Meter(lambda: {"smsc": smsc.pid}).start()
        submitted = smsc_ceiling.drive([client], n, deadline.left)
        meter.stop()
    details = {"submits_per_s": round(n / submitted), "window": WINDOW}
    return Run(n, meter.seconds, meter.cpu, meter.peak_mb, meter.others, details)


ROWS = (Row("simulator", "receipts", 100_000, "nothing", measure),)
