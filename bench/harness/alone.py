"""Single processes of Keryx on databases and a virtual host of their own: what one of them costs without the others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import pika
import psycopg2

from deploy.local import environment, stack
from deploy.local.layout import ROOT, Layout
from deploy.local.pair import Pair
from deploy.local.processes import PROCESSES
from deploy.local.supervisor import in_order, is_ready
from deploy.local.worlds import World, drop, provision
from servicekit import topology

from .row import Deadline

READY_SECONDS = 60.0
END_SECONDS = 20.0
_numbers = count(1)


@dataclass
class Alone:
    """One world and the processes on it."""

    layout: Layout
    pair: Pair
    world: World
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def made(cls, layout: Layout, pair: Pair, services: Sequence[str]) -> Iterator[Alone]:
        """A migrated world; its processes end with the block, and then it is dropped."""
        name = f"alone{next(_numbers)}"
        with ExitStack() as things:
            alone = cls(layout, pair, provision(pair, name))
            things.callback(drop, pair, name)
            alone._python("-m", "servicekit.migrate", *services)
            topology.declare(alone.world.amqp_uri)
            things.callback(alone.end_all)
            yield alone

    def start(self, *names: str) -> None:
        """Start processes of the table, prerequisites first, and wait until all are ready."""
        wanted = [process for process in PROCESSES if process.name in names]
        shared = environment.outside(self.pair.state)
        environment.claim_ports(wanted, self.pair.state)
        told = self.world.environment()
        commands = [stack.command(process, shared, told, self.pair.state) for process in wanted]
        here = {command.name for command in commands}
        trimmed = [
            type(c)(c.name, c.argv, c.env, c.ready_port, tuple(n for n in c.after if n in here))
            for c in commands
        ]
        for command in in_order(trimmed):
            with (self.layout.logs / f"alone-{command.name}.log").open("ab") as log:
                self.processes[command.name] = subprocess.Popen(
                    command.argv,
                    env=dict(command.env),
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        for command in commands:
            Deadline(READY_SECONDS).wait(partial(is_ready, command.ready_port), f"{command.name} ready")

    def add(self, name: str, *arguments: str) -> None:
        """Start a process of the bench's own: ``python <arguments>``."""
        self.processes[name] = subprocess.Popen(
            [sys.executable, *arguments],
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "KERYX_AMQP_URI": self.world.amqp_uri},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )

    def end(self, *names: str) -> None:
        """SIGTERM, and SIGKILL for who does not listen."""
        for name in names:
            self.processes[name].terminate()
        for name in names:
            process = self.processes.pop(name)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def end_all(self) -> None:
        """End whatever runs, the last started first."""
        for name in reversed(list(self.processes)):
            self.end(name)

    def pids(self) -> dict[str, int]:
        """For a meter."""
        return {name: process.pid for name, process in self.processes.items()}

    def sql(self, service: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of ``statement`` on the database of ``service``, committed."""
        connection = psycopg2.connect(self.world.database_urls[service])
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """A confirming channel to the broker."""
        connection = pika.BlockingConnection(pika.URLParameters(self.world.amqp_uri))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            yield channel
        finally:
            connection.close()

    def _python(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **self.world.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"python {' '.join(arguments)}: {done.stderr.strip()[-2000:]}")
