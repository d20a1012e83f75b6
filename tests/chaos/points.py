"""Arming crash points, and seeing that they fired."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from servicekit.crashpoints import Order


class NotFired(Exception):
    """A fault did not happen; then nothing it was to prove is proven."""


@dataclass(frozen=True)
class Fired:
    """A fault that happened: when (seconds since the epoch), and to which process (0: to none of ours)."""

    at: float
    pid: int = 0


class Points:
    """The folder that every process of the stack looks into."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is made empty."""
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self.disarm()

    def arm(self, name: str, order: Order) -> None:
        """Have it happen the next time a process is there. Atomic: nobody reads half an order."""
        scratch = self._folder / f".{name}.new"
        scratch.write_text(str(order), encoding="ascii")
        scratch.rename(self._folder / name)

    def wait(self, name: str, seconds: float) -> Fired:
        """When and where it happened. Raises NotFired."""
        fired = self._folder / f"{name}.fired"
        deadline = time.monotonic() + seconds
        while not fired.exists():
            if time.monotonic() > deadline:
                raise NotFired(f"{name}: nobody was there within {seconds:.0f} s")
            time.sleep(0.005)
        pid, at = fired.read_text(encoding="ascii").split()
        return Fired(float(at), int(pid))

    def disarm(self) -> None:
        """Forget everything armed and fired."""
        for file in self._folder.iterdir():
            file.unlink(missing_ok=True)
