"""Starts the processes of the stack, starts again what dies, and ends all of them in reverse order.

One supervisor runs per stack. It notes every change in ``.run/status.json`` and each living process in
``.run/pids``. SIGTERM or SIGINT ends it with all its children; when it was killed itself, the next one (or
``make down``) ends the children it left behind before anything else.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.local import proc
from deploy.local.layout import Layout, write_private

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
STEADY_AFTER = 30.0  # a process that lived this long starts from the first pause again
GRACE = 25.0  # seconds to drain after SIGTERM
WATCH = 0.25
PROBE = 0.5  # a /readyz asks broker and database, so it is not asked at every turn


@dataclass(frozen=True)
class Command:
    """One process to keep running: what, told what, after whom, where it says that it is ready."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    ready_port: int
    after: tuple[str, ...] = ()


@dataclass
class Status:
    """What the supervisor knows of one process; ``exit`` is that of its last death, negative for a signal."""

    state: str = "waiting"  # waiting | running | pausing | stopped
    pid: int | None = None
    starts: int = 0
    exit: int | None = None
    was_ready: bool = False


@dataclass
class _Child:
    command: Command
    status: Status = field(default_factory=Status)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    next_probe: float = 0.0
    pause: float = FIRST_PAUSE


class Supervisor:
    """Keeps ``commands`` running in ``layout`` until ``stop`` was called."""

    def __init__(self, commands: Sequence[Command], layout: Layout) -> None:
        self._children = {command.name: _Child(command) for command in in_order(commands)}
        self._layout = layout
        self._stopping = False
        self._written = ""

    def stop(self, *_: object) -> None:
        """Have ``run`` end the children and return. Good as a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Keep them running; returns when all have ended after ``stop``."""
        end_orphans(self._layout, [child.command.name for child in self._children.values()])
        wake = _wake_up_on_signals()
        while not self._stopping:
            for child in self._children.values():
                self._attend(child)
            self._write_status()
            select.select([wake], [], [], WATCH)
            _drain(wake)
        self._end_all()

    def _attend(self, child: _Child) -> None:
        if child.process is not None and (code := child.process.poll()) is not None:
            self._note_death(child, code)
        if child.process is None and time.monotonic() >= child.due and self._prerequisites_ready(child):
            self._start(child)
        if child.process is not None and not child.status.was_ready and time.monotonic() >= child.next_probe:
            child.status.was_ready = is_ready(child.command.ready_port)
            child.next_probe = time.monotonic() + PROBE

    def _prerequisites_ready(self, child: _Child) -> bool:
        # At a restart nobody waits: the others may be restarting too, and each process awaits its needs.
        if child.status.starts:
            return True
        return all(self._children[name].status.was_ready for name in child.command.after)

    def _start(self, child: _Child) -> None:
        command = child.command
        with (self._layout.logs / f"{command.name}.log").open("ab") as log:
            child.process = subprocess.Popen(
                command.argv,
                env=dict(command.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child.started = time.monotonic()
        child.status.state, child.status.pid = "running", child.process.pid
        child.status.starts += 1
        proc.PidFile(self._layout.pids, command.name).write(child.process.pid)

    def _note_death(self, child: _Child, code: int) -> None:
        lived = time.monotonic() - child.started
        child.pause = FIRST_PAUSE if lived > STEADY_AFTER else min(LONGEST_PAUSE, child.pause * 2)
        child.due = time.monotonic() + child.pause
        _end_group(child.process)  # what it started itself must not live on beside its successor
        child.process = None
        child.status.state, child.status.pid, child.status.exit = "pausing", None, code
        proc.PidFile(self._layout.pids, child.command.name).remove()

    def _end_all(self) -> None:
        remaining = [child for child in self._children.values() if child.process is not None]
        while remaining:
            needed = {name for child in remaining for name in child.command.after}
            leaving = [child for child in remaining if child.command.name not in needed]
            self._end(leaving)
            remaining = [child for child in remaining if child not in leaving]
        for child in self._children.values():
            child.status.state, child.status.pid = "stopped", None
        self._write_status()

    def _end(self, children: list[_Child]) -> None:
        for child in children:
            assert child.process is not None
            child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for child in children:
            assert child.process is not None
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
            _end_group(child.process)
            child.status.exit = child.process.returncode
            child.process = None
            proc.PidFile(self._layout.pids, child.command.name).remove()

    def _write_status(self) -> None:
        found = {name: asdict(child.status) for name, child in self._children.items()}
        text = json.dumps(found, indent=1)
        if text != self._written:
            write_private(self._layout.status_file, text)
            self._written = text


def in_order(commands: Sequence[Command]) -> list[Command]:
    """Each of ``commands`` behind those it comes after. ValueError for a circle or an unknown name."""
    waiting, done = list(commands), list[Command]()
    while waiting:
        free = [one for one in waiting if {other.name for other in done} >= set(one.after)]
        if not free:
            raise ValueError(f"prerequisites cannot be met: {[one.name for one in waiting]}")
        done += free
        waiting = [one for one in waiting if one not in free]
    return done


def is_ready(port: int) -> bool:
    """Whether the process on ``port`` answers its /readyz with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def end_orphans(layout: Layout, names: Sequence[str]) -> None:
    """End what a supervisor that was killed left running, the last started first."""
    for name in reversed(names):
        remembered = proc.PidFile(layout.pids, name)
        if (pid := remembered.read()) is not None:
            proc.stop(pid, GRACE)
        remembered.remove()


def _end_group(process: subprocess.Popen[bytes] | None) -> None:
    """Kill what is left of the session of a process that has ended (its pid is its session's number)."""
    if process is not None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


def _wake_up_on_signals() -> int:
    """A descriptor that becomes readable whenever a signal (the death of a child too) arrives."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reader


def _drain(reader: int) -> None:
    try:
        while os.read(reader, 4096):
            pass
    except BlockingIOError:
        return


def spawn(arguments: Sequence[str], layout: Layout) -> int:
    """Start ``python <arguments>``, which runs a supervisor, away from our terminal; its pid."""
    with (layout.logs / "supervisor.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    proc.PidFile(layout.pids, "supervisor").write(child.pid)
    return child.pid


def serve(commands: Sequence[Command], layout: Layout) -> None:
    """Run a supervisor in this process until SIGTERM or SIGINT."""
    supervisor = Supervisor(commands, layout)
    signal.signal(signal.SIGTERM, supervisor.stop)
    signal.signal(signal.SIGINT, supervisor.stop)
    supervisor.run()
