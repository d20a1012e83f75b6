"""PostgreSQL and RabbitMQ stopped in order and started again, and killed with everything of theirs."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import Protocol

from deploy.local import proc
from deploy.local.layout import Problem
from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import RabbitMQ

from ..case import Case
from ..points import Fired, NotFired
from ..rig import TooLate
from .fault import Fault

AWAY_SECONDS = 2.0
START_TRIES = 5


class Server(Protocol):
    """What both have."""

    def pid(self) -> int | None:
        """Of the process that runs, None when none does."""

    def start(self) -> bool:
        """Have it run."""

    def stop(self) -> None:
        """End it in order."""


def _postgres(case: Case) -> Postgres:
    return case.rig.pair.postgres


def _rabbitmq(case: Case) -> RabbitMQ:
    return case.rig.pair.rabbitmq


def _restart(name: str, case: Case) -> Fired:
    server = _of(name, case)
    before = _running(server, name)
    at = case.now()
    server.stop()
    time.sleep(AWAY_SECONDS)
    return _again(server, name, before, at)


def _kill(name: str, case: Case) -> Fired:
    """The main process first, then whatever works in its folder, as a crash of the machine takes all."""
    server = _of(name, case)
    before = _running(server, name)
    at = case.now()
    os.kill(before, signal.SIGKILL)
    folder = (case.rig.layout.run / name).resolve()
    for pid in proc.working_in(folder):
        proc.stop(pid, 5, signal.SIGKILL)
    time.sleep(AWAY_SECONDS)
    return _again(server, name, before, at)


def _of(name: str, case: Case) -> Server:
    return _postgres(case) if name == "postgresql" else _rabbitmq(case)


def _running(server: Server, name: str) -> int:
    pid = server.pid()
    if pid is None:
        raise NotFired(f"{name} was not running")
    return pid


def _again(server: Server, name: str, before: int, at: float) -> Fired:
    for left in reversed(range(START_TRIES)):
        try:
            server.start()
            break
        except Problem as problem:  # what was killed may hold its memory for a moment
            if not left:
                raise TooLate(f"{name} did not start again: {problem}") from problem
            time.sleep(1.0)
    if server.pid() in (None, before):
        raise NotFired(f"{name} is still the same process")
    return Fired(at)


FAULTS = tuple(
    Fault(
        f"{name}.{how}",
        about,
        partial(strike, name),
        # What the sender had on the wire is answered into its memory; only a commit whose outcome is not known is doubt.
        seconds=14.0,
    )
    for name in ("rabbitmq", "postgresql")
    for how, strike, about in (
        ("restart", _restart, "stopped in order, away for two seconds, started"),
        ("kill", _kill, "killed -9 with all its processes, started"),
    )
)
