"""Where rows run: servers of their own in ``.run/bench``, and on them a whole stack, or single processes.

Nothing else uses these servers, so every backend of that PostgreSQL and all of that RabbitMQ belong to the row. Each bench
starts from empty ones and removes them at its end.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg2

from deploy.local import proc
from deploy.local.account import outside_folder
from deploy.local.down import take_down
from deploy.local.environment import read_env_file
from deploy.local.layout import Layout, current
from deploy.local.pair import SERVERS, Pair
from deploy.local.processes import PROCESSES
from deploy.local.state import locked
from deploy.local.up import bring_up
from deploy.local.worlds import provision

from .alone import Alone
from .meter import Meter
from .stack import Stack

T = TypeVar("T")
GIVEN = ("KERYX_DATABASE_URL", "KERYX_AMQP_URI")


class Bench:
    """The servers, the stack and what rows left for each other, made when first asked for, ended by ``close``."""

    def __init__(self) -> None:
        """Empties ``.run/bench``. A second bench of the same clone waits here until the first has ended."""
        self._base = current().run
        self._things = ExitStack()
        self._things.enter_context(locked(self._base / "bench.lock"))
        # The scripts of deploy.local and all they start live by this variable. Servers of somebody else cannot be metered.
        os.environ["KERYX_RUN_DIR"] = str(self._base / "bench")
        for name in GIVEN:
            os.environ.pop(name, None)
        remove_data(current())
        self.layout = current()
        self.pair = Pair(self.layout)
        self._kept: dict[str, Any] = {}

    @property
    def results_file(self) -> Path:
        """``bench.json``."""
        return self._base / "bench.json"

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` returned when it was first asked for under ``name``: data that several runs may share."""
        if name not in self._kept:
            self._kept[name] = make()
        found: T = self._kept[name]
        return found

    def servers(self) -> Pair:
        """PostgreSQL and RabbitMQ, running."""

        def lease() -> Pair:
            self._things.enter_context(self.pair.leased())
            return self.pair

        return self.kept("servers", lease)

    def stack(self) -> Stack:
        """The whole stack, ready, with a connector to the simulator and prices."""
        return self.kept("stack", self._bring_up)

    def _bring_up(self) -> Stack:
        self.servers()
        self._things.callback(take_down, self.layout)
        bring_up(self.layout)
        world = provision(self.pair)
        stack = Stack(read_env_file(self.layout), world)
        stack.prepare()
        return stack

    @contextmanager
    def alone(self, *services: str) -> Iterator[Alone]:
        """A world with databases of ``services``, on which a row starts the processes it wants; gone after the block."""
        self.servers()
        with Alone.made(self.layout, self.pair, services) as alone:
            yield alone

    def meter(self, more: Callable[[], dict[str, int]] = dict) -> Meter:
        """A meter on the servers, the processes of the stack when it runs, and ``more``."""
        return Meter(lambda: {**self._server_pids(), **self._stack_pids(), **more()})

    def _server_pids(self) -> dict[str, int]:
        found = {"postgresql": self.pair.postgres.pid(), "rabbitmq": self.pair.rabbitmq.pid()}
        return {name: pid for name, pid in found.items() if pid is not None}

    def _stack_pids(self) -> dict[str, int]:
        if "stack" not in self._kept:
            return {}
        found = {process.name: proc.PidFile(self.layout.pids, process.name).read() for process in PROCESSES}
        return {name: pid for name, pid in found.items() if pid is not None}

    def checkpoint(self) -> None:
        """Have PostgreSQL write out what former runs left to write, so that it is not counted to the next."""
        connection = psycopg2.connect(self.pair.postgres.admin_url())
        connection.autocommit = True
        connection.cursor().execute("CHECKPOINT")
        connection.close()

    def close(self) -> None:
        """End all that was started; the data goes, the logs stay."""
        self._things.close()
        if os.environ.get("KEEP") != "1":
            remove_data(self.layout)


def remove_data(layout: Layout) -> None:
    """Delete the servers' data of an earlier run in ``layout``; what was killed may have left them running."""
    take_down(layout)
    Pair(layout).stop()
    for folder in (*(layout.run / name for name in SERVERS), outside_folder(layout)):
        for pid in proc.working_in(folder):
            proc.stop(pid, 5, signal.SIGKILL)
        if folder.is_symlink():
            folder.unlink()
        shutil.rmtree(folder, ignore_errors=True)
    for file in (layout.run / "env", layout.run / "state.json", *layout.run.glob("customers-*")):
        file.unlink(missing_ok=True)
