"""What processes cost, read from /proc (proc(5)): processor seconds of whole trees, and their memory.

A tree is a process with all its descendants. Those that have ended count too: their parent holds their times
once it has waited for them, as the postmaster does for its backends.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
SAMPLE_SECONDS = 1.0
SELF = "bench"

Roots = Callable[[], Mapping[str, int]]
"""Names and pids of the trees to measure, as they are now."""


class ProcessDied(Exception):
    """A process that was measured is not the one that it was; the text names it."""


def members(root: int, stop_at: frozenset[int] = frozenset()) -> list[int]:
    """The living processes of a tree, its root first; without those of ``stop_at`` and what is below them."""
    found = [root]
    for pid in found:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
            children = [Path(f"/proc/{pid}/task/{one}/children").read_text().split() for one in threads]
        except OSError:
            continue  # it has ended meanwhile
        found += [int(child) for some in children for child in some if int(child) not in stop_at]
    return found


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process until now, with those of the children that it has waited for. 0 when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0.0
    return sum(map(int, stat.rpartition(b")")[2].split()[11:15])) / TICKS


def trees(roots: Mapping[str, int]) -> dict[str, list[int]]:
    """The pids of each tree; one ends where another one's root is. Raises ProcessDied when a root is gone."""
    for name, root in roots.items():
        if not Path(f"/proc/{root}/stat").exists():
            raise ProcessDied(f"{name} (pid {root}) is gone")
    others = frozenset(roots.values())
    return {name: members(root, others) for name, root in roots.items()}


def cpu_of_trees(roots: Mapping[str, int]) -> dict[str, float]:
    """Processor seconds of each tree until now. Raises ProcessDied when a root is gone."""
    return {name: sum(map(cpu_seconds, pids)) for name, pids in trees(roots).items()}


def memory_mb(pids: list[int]) -> float:
    """Resident memory of processes in MB, what they share counted once (as far as the kernel tells: the largest share)."""
    own, shared = 0, 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/statm").read_bytes().split()
        except OSError:
            continue
        own += int(fields[1]) - int(fields[2])
        shared = max(shared, int(fields[2]))
    return (own + shared) * PAGE_MB


def machine_seconds() -> float:
    """Processor seconds that the whole machine has worked since it started; 0 when it does not tell."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _, _, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) / TICKS


class Meter:
    """Measures trees between ``start`` and ``stop``; ``cpu`` and ``peak_mb`` are by name, ``seconds`` is the time between.

    ``others`` is what the rest of the machine used meanwhile, in cores: the noise under the figures. The process
    that measures is listed as ``bench``; it is the client of most rows.
    """

    def __init__(self, roots: Roots) -> None:
        """Nothing is read before ``start``."""
        self._roots = roots
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self.cpu: dict[str, float] = {}
        self.peak_mb: dict[str, float] = {}
        self.seconds = self.others = 0.0

    def start(self) -> Meter:
        """From here on."""
        self._pids = self._all_roots()
        self._sampler.start()
        self._before = cpu_of_trees(self._pids)
        self._machine = machine_seconds()
        self._began = time.perf_counter()
        return self

    @property
    def so_far(self) -> float:
        """Seconds since ``start``."""
        return time.perf_counter() - self._began

    def stop(self) -> Meter:
        """Until here. Raises ProcessDied when a process ended meanwhile, or was started anew."""
        self.seconds = self.so_far
        machine = machine_seconds() - self._machine
        if self._all_roots() != self._pids:
            raise ProcessDied("a process was started anew while it was measured; see its log")
        after = cpu_of_trees(self._pids)
        self._ended.set()
        self._sampler.join()
        self.cpu = {name: max(0.0, after[name] - self._before[name]) for name in after}
        self.others = max(0.0, machine - sum(self.cpu.values())) / self.seconds
        return self

    def _all_roots(self) -> dict[str, int]:
        return {**self._roots(), SELF: os.getpid()}

    def _sample(self) -> None:
        while True:
            try:
                living = trees(self._pids)
            except ProcessDied:
                return  # ``stop`` will say so
            for name, pids in living.items():
                self.peak_mb[name] = max(self.peak_mb.get(name, 0.0), memory_mb(pids))
            if self._ended.wait(SAMPLE_SECONDS):
                return
