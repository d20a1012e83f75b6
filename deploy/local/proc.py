"""Processes by pid, without ever hitting a stranger that got the same pid later (Linux: reads /proc)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def birth(pid: int) -> str | None:
    """What tells this process from all others that ever had its pid; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name, in parentheses, may hold spaces
    if fields[0] in "ZX":
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{fields[19]}"  # proc(5): starttime, in ticks since boot


class PidFile:
    """``<name>.pid`` with the pid alone in it, and beside it, hidden, the birth of that process."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.pid"
        self._born = folder / f".{name}.born"

    def write(self, pid: int) -> None:
        """Remember the living process ``pid``."""
        self._born.write_text(birth(pid) or "", encoding="ascii")
        self.path.write_text(f"{pid}\n", encoding="ascii")

    def read(self) -> int | None:
        """The pid, if the process that was remembered still lives; otherwise None."""
        try:
            pid = int(self.path.read_text(encoding="ascii"))
            born = self._born.read_text(encoding="ascii")
        except (OSError, ValueError):
            return None
        return pid if born and birth(pid) == born else None

    def remove(self) -> None:
        """Forget the process."""
        self.path.unlink(missing_ok=True)
        self._born.unlink(missing_ok=True)


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Whether ``condition`` came true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def working_in(folder: Path) -> list[int]:
    """The processes whose working directory is ``folder`` or below it, also when it was deleted meanwhile."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            where = os.readlink(entry)
        except OSError:
            continue
        if f"{where}/".startswith(f"{folder}/") or where == f"{folder} (deleted)":
            found.append(int(entry.parent.name))
    return sorted(found)


def stop(pid: int, grace: float, sig: signal.Signals = signal.SIGTERM) -> bool:
    """Ask ``pid`` to end, kill it after ``grace`` seconds. Whether asking was enough. Not for children."""
    born = birth(pid)
    if born is None:
        return True
    _signal(pid, sig)
    if wait_until(lambda: birth(pid) != born, grace):
        return True
    _signal(pid, signal.SIGKILL)
    wait_until(lambda: birth(pid) != born, 5)
    return False


def _signal(pid: int, sig: signal.Signals) -> None:
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        return
