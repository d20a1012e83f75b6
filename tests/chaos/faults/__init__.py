"""All faults, by name."""

from __future__ import annotations

from . import clients, clocks, disks, operator, processes, senders, servers
from .fault import Fault

FAULTS: tuple[Fault, ...] = (
    *senders.FAULTS,
    *processes.FAULTS,
    *servers.FAULTS,
    *operator.FAULTS,
    *clients.FAULTS,
    *disks.FAULTS,
    *clocks.FAULTS,
)
