"""KILL_SENDER=1: kill -9 of the sender in the middle of the campaign."""

from __future__ import annotations

import os
import signal
from pathlib import Path

KILL_AT = 0.4


class Killer:
    """Kills the process whose pid stands in ``pid_file`` once, as soon as ``KILL_AT`` of the messages are out."""

    def __init__(self, pid_file: Path, wanted: bool) -> None:
        """``wanted`` False never kills."""
        self._pid_file, self._wanted = pid_file, wanted
        self.killed: int | None = None
        self.most_in_doubt = 0

    def watch(self, counts: dict[str, int]) -> None:
        """Told the campaign's counts again and again; remembers the most messages in doubt at a time."""
        self.most_in_doubt = max(self.most_in_doubt, counts["uncertain"])
        if self._wanted and self.killed is None and counts["submitted"] >= KILL_AT * counts["recipients"] > 0:
            self.killed = int(self._pid_file.read_text(encoding="ascii"))
            os.kill(self.killed, signal.SIGKILL)
