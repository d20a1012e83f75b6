"""A service and its relay as real processes on a virtual host and a database of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.ports import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]


@dataclass
class Running:
    """A process that answered ready."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def metrics(self) -> str:
        """What it tells Prometheus."""
        return httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5).text

    def terminate(self) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def kill(self) -> None:
        """End it without asking."""
        self.process.kill()
        self.process.wait(10)


def start(module: str, *arguments: str, environment: Mapping[str, str], log: Path) -> Running:
    """Start ``python -m module`` and wait until it is ready; AssertionError with its log when it never is."""
    one = _launch(module, *arguments, environment=environment, log=log)
    try:
        _wait_ready(one)
    except AssertionError:
        one.kill()
        raise
    return one


@contextmanager
def running(
    *commands: tuple[str, ...], environment: Mapping[str, str], folder: Path
) -> Iterator[list[Running]]:
    """Start all ``(module, arguments…)`` together and wait for each; all are ended, together, after the block."""
    processes: list[Running] = []
    try:
        for module, *arguments in commands:
            log = folder / f"{module}.log"
            processes.append(_launch(module, *arguments, environment=environment, log=log))
        for one in processes:
            _wait_ready(one)
        yield processes
    finally:
        _end(processes)


def _launch(module: str, *arguments: str, environment: Mapping[str, str], log: Path) -> Running:
    port = free_port()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=_environment() | dict(environment) | {"KERYX_HEALTH_PORT": str(port)},
            stdout=output,
            stderr=output,
        )
    return Running(process, port, log)


def _wait_ready(one: Running) -> None:
    try:
        eventually(lambda: _is_ready(one), timeout=60)
    except AssertionError as error:
        raise AssertionError(one.log.read_text()[-4_000:]) from error


def _end(processes: list[Running]) -> None:
    alive = [one for one in processes if one.process.poll() is None]
    for one in alive:
        one.process.terminate()
    for one in alive:
        try:
            one.process.wait(15)
        except subprocess.TimeoutExpired:
            one.kill()


def _is_ready(one: Running) -> bool:
    assert one.process.poll() is None, "the process ended"
    try:
        return httpx.get(f"http://127.0.0.1:{one.port}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH") if name in os.environ}
    return kept | {"PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}", "PYTHONWARNINGS": "ignore", "TZ": "UTC"}
