"""Services and the gateway as real processes, on a virtual host and databases of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from contracts.errors import Unavailable
from servicekit.rpcclient import Client
from tests.support.ports import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]
GUNICORN = (
    "gunicorn",
    "-w",
    "1",
    "-k",
    "gateway.worker.Worker",
    "--threads",
    "16",
    "--no-control-socket",
    "gateway.wsgi:app",
)


@dataclass
class Running:
    """A process started by a test."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def kill(self) -> None:
        """End it without asking."""
        self.process.kill()
        self.process.wait(10)

    def ask_to_end(self) -> None:
        """SIGTERM."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def insist(self) -> None:
        """Wait for its end, and kill it when it does not come."""
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class Launcher:
    """Starts processes with one environment."""

    environment: Mapping[str, str]
    folder: Path
    started: list[Running] = field(default_factory=list)

    def service(self, name: str, probe: str = "ping") -> Running:
        """A service, once it answers the call ``probe``."""
        client = Client(self.environment["KERYX_AMQP_URI"], timeout=2)

        def ready() -> bool:
            with suppress(Unavailable):
                client.call(name, probe)
                return True
            return False

        try:
            return self._start(f"services.{name}.main", (), 0, ready, {})
        finally:
            client.close()

    def gateway(self, *, path: str = "/readyz", **more: str) -> Running:
        """The gateway as it runs in production, once ``path`` answers 200."""
        port = free_port()
        arguments = ("-b", f"127.0.0.1:{port}", *GUNICORN[1:])

        def ready() -> bool:
            with suppress(httpx.TransportError):
                return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code == 200
            return False

        return self._start(GUNICORN[0], arguments, port, ready, more)

    def end(self) -> None:
        """End all of them, together."""
        for one in self.started:
            one.ask_to_end()
        for one in self.started:
            one.insist()

    def _start(
        self,
        module: str,
        arguments: tuple[str, ...],
        port: int,
        ready: Callable[[], bool],
        more: Mapping[str, str],
    ) -> Running:
        log = self.folder / f"{module}-{len(self.started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**_base(), **self.environment, **more},
                stdout=output,
                stderr=output,
            )
        running = Running(process, f"http://127.0.0.1:{port}", log)
        self.started.append(running)

        def alive_and_ready() -> bool:
            assert process.poll() is None, "the process ended"
            return ready()

        try:
            eventually(alive_and_ready, timeout=40, what=f"{module} ready")
        except AssertionError as error:
            running.kill()
            raise AssertionError(log.read_text()[-4_000:]) from error
        return running


def _base() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH") if name in os.environ}
    return {**kept, "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}", "PYTHONWARNINGS": "ignore", "TZ": "UTC"}
