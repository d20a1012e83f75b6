"""The pair every installation needs, a database server and a broker: given ones, or private ones of our own.

Several scripts of one clone may need the pair at once (a running stack, two test runs). Each holds a *lease*
on it while it does; the pair is stopped by the last one out, or stays if it was asked to stay.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from deploy.local import proc
from deploy.local.account import outside_folder
from deploy.local.layout import Layout, say
from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.state import State, locked

SERVERS = ("postgresql", "rabbitmq")


class Pair:
    """PostgreSQL and RabbitMQ of this clone; ``given_*`` is the URL of one that somebody else runs."""

    def __init__(
        self, layout: Layout, *, given_database: str | None = None, given_broker: str | None = None
    ) -> None:
        self.layout = layout
        self.state = State(layout)
        self.given_database = given_database
        self.given_broker = given_broker
        self.postgres = Postgres(layout, self.state)
        self.rabbitmq = RabbitMQ(layout, self.state)
        self._stay = layout.run / "pair.stays"

    @classmethod
    def from_environment(cls, layout: Layout, broker_variable: str = "KERYX_AMQP_URI") -> Pair:
        """Uses KERYX_DATABASE_URL and ``broker_variable`` where they are set, a private server where not.

        A broker's URI that is our own, read back from ``.run/env``, is not taken for somebody else's.
        """
        pair = cls(layout, given_database=os.environ.get("KERYX_DATABASE_URL") or None)
        given = os.environ.get(broker_variable) or None
        if given and not pair.is_own_broker(given):
            pair.given_broker = given
        return pair

    def is_own_broker(self, uri: str) -> bool:
        """Whether ``uri`` leads to the private broker of this clone."""
        parts, own = urlsplit(uri), self.state.get("ports", {}).get("amqp")
        return own is not None and (parts.hostname, parts.port) == ("127.0.0.1", own)

    def start(self) -> None:
        """Have both run. Takes milliseconds when they do."""
        with locked(self.layout.run / "pair.lock"):
            self._clear_leftovers()
            if self.given_database is None:
                self.postgres.start()
            if self.given_broker is None:
                self.rabbitmq.start()

    def stay(self) -> None:
        """Have it outlive its users, until ``make down``."""
        self._stay.touch()

    @contextmanager
    def leased(self) -> Iterator[None]:
        """Both run inside the block; after it they stop, unless others hold a lease or they were to stay."""
        try:
            with locked(self.layout.run / "pair.users", shared=True):
                self.start()
                yield
        finally:
            if not self._stay.exists():
                self.stop()

    def stop(self) -> bool:
        """Stop what is ours, broker first; leaves it alone and returns False while somebody holds a lease."""
        with (self.layout.run / "pair.users").open("ab") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            with locked(self.layout.run / "pair.lock"):
                self._stay.unlink(missing_ok=True)
                for name, server in (("RabbitMQ", self.rabbitmq), ("PostgreSQL", self.postgres)):
                    if server.pid() is not None:
                        say(f"{name}: stopping")
                    server.stop()
        return True

    def _clear_leftovers(self) -> None:
        """End and remove what a deleted ``.run`` left behind: nobody has the passwords any more."""
        if self.state.get("made"):
            return
        outside = outside_folder(self.layout)
        for folder in (*(self.layout.run / name for name in SERVERS), outside):
            for pid in proc.working_in(folder):
                say(f"ending process {pid}, left over from a deleted {self.layout.run.name}")
                proc.stop(pid, 5, signal.SIGKILL)  # its data goes too: nothing to save
            shutil.rmtree(folder, ignore_errors=True)
        self.state.put("made", True)
