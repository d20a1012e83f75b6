"""Servers and a whole stack that nothing else uses, in ``.run/chaos``: they are killed, frozen and starved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from bench.harness.bench import GIVEN, remove_data
from bench.harness.stack import Stack
from deploy.local import environment, proc, supervisor
from deploy.local.demo import workings
from deploy.local.down import take_down
from deploy.local.layout import ROOT, Layout, current
from deploy.local.pair import Pair
from deploy.local.processes import PROCESSES, RELAYED
from deploy.local.stack import command, ready_port
from deploy.local.state import State, locked
from deploy.local.status import read_status
from deploy.local.up import bring_up
from deploy.local.worlds import provision
from simulators.mailbox.testing import Mailbox

from . import stack as chaos_stack
from .disk import Disk
from .points import Points

T = TypeVar("T")
SECOND = "sender-2"
RETURN_SECONDS = 90.0
MAY_STAY = frozenset({"doubtful_parts", "waiting_receipts"})
_UNSENT = (
    "SELECT (SELECT count(*) FROM outbox_0 WHERE NOT sent) + (SELECT count(*) FROM outbox_1 WHERE NOT sent)"
)


class TooLate(Exception):
    """What must come by itself did not, in a time that is generous."""


def wait(condition: Callable[[], T | None], seconds: float, what: str, pause: float = 0.05) -> T:
    """The first true value of ``condition``. Raises TooLate, naming ``what``."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TooLate(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)
    return value


class Rig:
    """The running stack and the hands on it."""

    def __init__(self) -> None:
        """Empties ``.run/chaos`` and brings everything up. A second run of the same clone waits here for the first."""
        base = Path(os.environ.pop("KERYX_RUN_DIR", "") or ROOT / ".run").absolute()
        self._lock, self._things = ExitStack(), ExitStack()
        self._base = Layout(base).make().run
        self._lock.enter_context(locked(self._base / "chaos.lock"))
        os.environ["KERYX_RUN_DIR"] = str(self._base / "chaos")
        for name in GIVEN:
            os.environ.pop(name, None)
        self.layout = current()
        remove_data(self.layout)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    @property
    def results_file(self) -> Path:
        """``chaos.json``."""
        return self._base / "chaos.json"

    def _begin(self) -> None:
        self.pair = Pair(self.layout)
        self.disk = Disk(chaos_stack.small_disk(self.layout))
        self._things.callback(self.disk.unmount)
        self.disk.mount()
        self.points = Points(chaos_stack.points_folder(self.layout))
        for file in self.layout.run.glob("launch-*.json"):
            file.unlink()
        self._things.enter_context(self.pair.leased())
        self._things.callback(take_down, self.layout)
        bring_up(self.layout, "tests.chaos.stack")
        self.told = environment.read_env_file(self.layout)
        self.stack = Stack(self.told, provision(self.pair))
        self.stack.prepare()
        mailbox = int(self.told["KERYX_MAILBOX_URL"].rpartition(":")[2])
        self.mailbox = Mailbox(self.told["KERYX_MAILBOX_HOST"], 0, mailbox)

    def renew(self) -> None:
        """Begin again with empty servers: what a fault left behind must not be held against the next one."""
        self._things.close()
        remove_data(self.layout)
        self._begin()

    def close(self) -> None:
        """End all that was started; the data goes, the logs stay."""
        self._things.close()
        if os.environ.get("KEEP") != "1":
            remove_data(self.layout)
        self._lock.close()

    # --- processes

    def pid(self, process: str) -> int:
        """The pid of a process that the supervisor runs now; waits while it is starting it anew."""
        remembered = proc.PidFile(self.layout.pids, process)
        return wait(remembered.read, RETURN_SECONDS, f"{process} running")

    def starts(self) -> dict[str, int]:
        """How often the supervisor has started each process."""
        return {name: int(status["starts"]) for name, status in read_status(self.layout).items()}

    def came_back(self, process: str, killed: int) -> None:
        """Wait until the supervisor has it running and ready again, in the place of pid ``killed``. Raises TooLate."""
        wait(lambda: self.pid(process) != killed, RETURN_SECONDS, f"{process} started anew")
        self.is_back(process)

    def is_back(self, process: str) -> None:
        """Wait until it says that it is ready. Raises TooLate."""
        row = next(one for one in PROCESSES if one.name == process)
        state = State(self.layout)
        port = ready_port(row, environment.outside(state), state)
        wait(lambda: supervisor.is_ready(port), RETURN_SECONDS, f"{process} ready again", 0.2)

    def restart_with(self, process: str, **more: str) -> None:
        """Start a process anew with ``more`` in its environment (none: as usual), after it has drained."""
        file = chaos_stack.additions(self.layout, process)
        file.unlink(missing_ok=True)
        if more:
            file.write_text(json.dumps(more), encoding="utf-8")
        pid = self.pid(process)
        os.kill(pid, signal.SIGTERM)
        self.came_back(process, pid)

    @contextmanager
    def second_sender(self) -> Iterator[int]:
        """Another sender beside the one of the table; its pid, once it has bound. It is drained after the block."""
        state = State(self.layout)
        row = replace(next(one for one in PROCESSES if one.name == "sender"), name=SECOND)
        world = provision(self.pair).environment()
        told = chaos_stack.changed(command(row, environment.outside(state), world, state))
        binds = len(self.stack.smsc.stats()["binds"])
        with (self.layout.logs / f"{SECOND}.log").open("ab") as log:
            child = subprocess.Popen(told.argv, env=dict(told.env), cwd=ROOT, stdout=log, stderr=log)
        try:
            wait(lambda: len(self.stack.smsc.stats()["binds"]) > binds, 30, "the second sender bound")
            yield child.pid
        finally:
            child.send_signal(signal.SIGCONT)
            child.terminate()
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def log_size(self, process: str) -> int:
        """How long its log is now; ``logged`` looks from there on."""
        file = self.layout.logs / f"{process}.log"
        return file.stat().st_size if file.exists() else 0

    def logged(self, process: str, words: str, since: int) -> float | None:
        """When its log first says ``words`` behind octet ``since``, in seconds since the epoch; None when it does not."""
        with (self.layout.logs / f"{process}.log").open("rb") as log:
            log.seek(since)
            for line in log:
                if words.encode() in line and line.endswith(b"}\n"):
                    return datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
        return None

    # --- what is still on its way

    def unrest(self) -> dict[str, float]:
        """Everything that is not at rest, by name: receipts, batches, events, queues.

        Dead letters are not on their way, and receipts that wait for their part may wait for ever: ``waiting_receipts``.
        """
        found: dict[str, float] = {"receipts to come": self.stack.smsc.stats()["receipts"]["pending"]}
        overview = self.stack.operator.get("/operator/overview")
        found |= {name: count for name, count in overview.items() if name not in MAY_STAY}
        found |= {f"outbox of {service}": self.stack.sql(service, _UNSENT)[0][0] for service in RELAYED}
        found |= {name: depth for name, depth in self.queues().items() if not name.endswith(workings.DEAD)}
        return {name: count for name, count in found.items() if count}

    def waiting_receipts(self) -> tuple[tuple[str, str], ...]:
        """(sender, recipient) of every receipt that waits for its part, in order."""
        rows = self.stack.sql("dispatcher", "SELECT sender, recipient FROM receipts_waiting ORDER BY id")
        return tuple((str(sender), str(recipient)) for sender, recipient in rows)

    def queues(self) -> dict[str, int]:
        """Depths of all queues."""
        return workings.queue_depths(self.stack.amqp_uri, "bench")
