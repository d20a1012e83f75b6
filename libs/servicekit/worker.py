"""Plain processes: no nameko, no eventlet. The data plane and the jobs run in these.

``run`` gives a process its settings, logs, health and a clean end, and starts its work again when database or broker
come back after an outage.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

from . import database, health, logs, settings, topology

log = logs.get(__name__)

STALLED_AFTER_SECONDS = 60.0


class Work(Protocol):
    """What a process does. Made anew after an outage; ``run`` returns once the process is asked to stop."""

    def run(self) -> None:
        """Work until asked to stop. Raises when something it stands on went away."""

    def close(self) -> None:
        """Let go of every connection; never raises for what is broken already."""


class Process:
    """What a piece of work sees of its process."""

    def __init__(self, own: settings.Settings, name: str) -> None:
        """``name`` is the process's name in logs and connections, such as ``dispatcher-sender``."""
        self.settings = own
        self.name = name
        self.stopping = threading.Event()
        self._last_progress = time.monotonic()
        self._working = False

    def connect(
        self, role: str, *, autocommit: bool = False, idle_seconds: int = database.IDLE_SECONDS
    ) -> Any:
        """A psycopg2 connection to the service's own database, waited for. Raises when asked to stop meanwhile."""
        return database.connect_patiently(
            self.settings.database_url,
            f"{self.name}-{role}",
            autocommit=autocommit,
            idle_seconds=idle_seconds,
            stopping=self.stopping.is_set,
        )

    def connect_broker(self) -> Any:
        """A pika BlockingConnection, waited for."""
        return topology.connect_patiently(self.settings.amqp_uri, self.name, self.stopping.is_set)

    def progressed(self) -> None:
        """Say that the loop turns; ``/readyz`` tells when it does not any more."""
        self._last_progress = time.monotonic()
        self._working = True

    def failed(self) -> None:
        """Say that the work has stopped for now; not ready until the next ``progressed``."""
        self._working = False

    def is_progressing(self) -> bool:
        """True when the work turned over lately."""
        return self._working and time.monotonic() - self._last_progress < STALLED_AFTER_SECONDS


def run(
    service: str,
    process_name: str,
    work: Callable[[Process], Work],
    retry_on: tuple[type[BaseException], ...],
) -> None:
    """Run ``work`` as a process of ``service`` until SIGTERM or SIGINT.

    An exception of ``retry_on`` means an outage: the work is closed and made again after a growing pause.
    Any other ends the process with its traceback; whoever supervises it starts it again.
    """
    own = settings.load(service)
    logs.configure(service, process_name, own.log_level)
    process = Process(own, f"{service}-{process_name}")

    def stop(_: int, __: FrameType | None) -> None:
        process.stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threading.excepthook = _die
    server = health.HealthServer(own.health_host, own.health_port, {"progress": process.is_progressing})
    log.info("started")
    _work_until_stopped(process, work, retry_on)
    server.close()
    log.info("stopped")


def _die(failure: threading.ExceptHookArgs) -> None:
    """A thread that fails unexpectedly takes the process along: half a process looks alive and does nothing."""
    log.critical("thread_failed", exc_info=(failure.exc_type, failure.exc_value, failure.exc_traceback))
    os._exit(70)


def _work_until_stopped(
    process: Process, work: Callable[[Process], Work], retry_on: tuple[type[BaseException], ...]
) -> None:
    pause = 0.2
    while not process.stopping.is_set():
        began = time.monotonic()
        current: Work | None = None
        try:
            current = work(process)
            process.progressed()
            current.run()
        except retry_on as error:
            process.failed()
            if not process.stopping.is_set():
                log.warning("outage", reason=f"{type(error).__name__}: {error}"[:300])
        finally:
            _close(current, retry_on)
        pause = 0.2 if time.monotonic() - began > 10 else min(2.0, pause * 2)
        process.stopping.wait(pause)


def _close(work: Work | None, expected: tuple[type[BaseException], ...]) -> None:
    try:
        if work is not None:
            work.close()
    except expected as error:
        log.debug("close_failed", reason=type(error).__name__)
