"""A PostgreSQL of our own beside whatever already runs: own data, own port, TCP on 127.0.0.1 only."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from pathlib import Path

from deploy.local import proc
from deploy.local.account import Account, server_folder
from deploy.local.layout import Layout, Problem, say
from deploy.local.packages import postgres_bin
from deploy.local.state import State

ADMIN = "keryx_admin"

# For a write-heavy load on a small machine. Everything that keeps an acknowledged commit stays on.
SETTINGS = """\
# Written at every start by deploy/local/postgres.py.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 512MB
max_wal_size = 4GB
checkpoint_timeout = 15min
fsync = on
synchronous_commit = on
wal_compression = {wal_compression}
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
password_encryption = 'scram-sha-256'
log_statement = 'none'
log_min_error_statement = panic   # an erroneous statement may hold numbers and texts
log_line_prefix = '%m [%p] %u@%d '
"""


class Postgres:
    """The private server of one installation."""

    def __init__(self, layout: Layout, state: State) -> None:
        self._layout = layout
        self._state = state
        self._account = Account.of("postgres")

    def admin_url(self) -> str:
        """The URL of the superuser, on the database ``postgres``."""
        port = self._state.port("postgresql", taken_by_us=True)
        return f"postgresql://{ADMIN}:{self._state.password(f'postgres:{ADMIN}')}@127.0.0.1:{port}/postgres"

    def pid(self) -> int | None:
        """The postmaster's pid while it runs. The file is its own; the folder it works in is the proof."""
        try:
            pid = int((self._data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
            ours = Path(f"/proc/{pid}/cwd").resolve(strict=True) == self._data
        except (OSError, ValueError):
            return None
        return pid if ours and proc.birth(pid) else None

    def start(self) -> bool:
        """Make the cluster if there is none and have it run. Whether this call started it."""
        if self.pid() is not None:
            return False
        programs = postgres_bin()  # first: installing it makes the user that owns the folder
        folder = server_folder(self._layout, "postgresql", self._account)
        if not (self._data / "PG_VERSION").exists():
            say("PostgreSQL: creating a private cluster")
            self._initdb(programs, folder)
        port = self._state.port("postgresql")
        self._configure(programs, port)
        say(f"PostgreSQL: starting on 127.0.0.1:{port}")
        self._run([programs / "pg_ctl", "-w", "-s", "-t", "60", "-l", self._log, "-D", self._data, "start"])
        return True

    def stop(self) -> None:
        """End it with a checkpoint, cutting open connections. Returns when it is gone."""
        if (pid := self.pid()) is not None:
            # SIGINT is PostgreSQL's "fast shutdown".
            proc.stop(pid, 60, signal.SIGINT)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    @property
    def _folder(self) -> Path:
        # The real place: the server's user may be unable to follow the link that lies in .run.
        return (self._layout.run / "postgresql").resolve()

    def _initdb(self, programs: Path, folder: Path) -> None:
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".pw") as password:
            password.write(self._state.password(f"postgres:{ADMIN}"))
            password.flush()
            self._account.own(Path(password.name))
            options = ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
            self._run(
                [programs / "initdb", "-U", ADMIN, "--pwfile", password.name, *options, "-D", self._data]
            )
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write("\ninclude 'keryx.conf'\n")

    def _configure(self, programs: Path, port: int) -> None:
        conf = self._data / "keryx.conf"
        conf.write_text(
            SETTINGS.format(port=port, wal_compression=_wal_compression(programs)), encoding="utf-8"
        )
        self._account.own(conf)

    def _run(self, command: list[Path | str]) -> None:
        # Into a file: a daemon that inherits a pipe would keep its reader waiting for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(word) for word in command],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                **self._account.run_as(),
            )
            if done.returncode:
                output.seek(0)
                raise Problem(
                    f"{Path(command[0]).name} failed: {output.read().strip()} (more in {self._log})"
                )


def _wal_compression(programs: Path) -> str:
    """lz4 where the server was built with it: the best ratio of speed to size it offers."""
    asked = [str(programs / "pg_config"), "--configure"]
    try:
        built = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    except OSError:
        return "on"
    return "lz4" if "--with-lz4" in built else "on"
