"""The smallest plain process: ``python -m tests.integration.servicekit.toy_worker <how it goes wrong>``."""

from __future__ import annotations

import sys
import threading
from typing import Any

import psycopg2

from servicekit import logs, worker

log = logs.get(__name__)
TURN_SECONDS = 0.05


class ToyWork:
    """Asks its database something at each turn."""

    def __init__(self, process: worker.Process) -> None:
        """Connect, waiting for the database."""
        self._process, self._how = process, sys.argv[1]
        self._database: Any = process.connect("turns", autocommit=True)
        log.info("opened")

    def run(self) -> None:
        """Turn until stopped, or go wrong."""
        if self._how == "raise":
            raise RuntimeError("nobody expected that")
        if self._how == "thread":
            threading.Thread(target=self._fail).start()
        while not self._process.stopping.is_set():
            self._database.cursor().execute("SELECT 1")
            if self._how != "stall":
                self._process.progressed()
            self._process.stopping.wait(TURN_SECONDS)

    def close(self) -> None:
        """Disconnect."""
        self._database.close()
        log.info("closed")

    def _fail(self) -> None:
        raise RuntimeError("a thread of its own")


if __name__ == "__main__":
    worker.STALLED_AFTER_SECONDS = 0.5
    worker.run("toy", "worker", ToyWork, retry_on=(psycopg2.Error,))
