"""A RabbitMQ of our own beside whatever already runs: own node, own epmd, all on 127.0.0.1.

It is started by RabbitMQ's own script (Debian's wrapper lets only root and rabbitmq in) and administered
through ``erl_call``, which answers in milliseconds where rabbitmqctl takes two seconds.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from pathlib import Path

from deploy.local import proc
from deploy.local.account import Account, server_folder
from deploy.local.layout import Layout, Problem, say
from deploy.local.packages import rabbitmq_bin
from deploy.local.state import State

NODE = "keryx@127.0.0.1"
# Two schedulers and no busy waiting: idle it takes 0.45 % of a core instead of several.
ERLANG = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
CONF = """\
# Written at every start by deploy/local/rabbitmq.py.
log.file.level = info
log.console = false
disk_free_limit.absolute = 200MB
vm_memory_high_watermark.relative = 0.25
"""


class RabbitMQ:
    """The private broker of one installation."""

    def __init__(self, layout: Layout, state: State) -> None:
        self._layout = layout
        self._state = state
        self._account = Account.of("rabbitmq")
        self._pid = proc.PidFile(layout.pids, "rabbitmq")
        self._epmd = proc.PidFile(layout.pids, "epmd")

    @property
    def port(self) -> int:
        """Where it speaks AMQP."""
        return self._state.port("amqp", taken_by_us=True)

    def pid(self) -> int | None:
        """The broker's pid while it runs."""
        return self._pid.read()

    def start(self) -> bool:
        """Have it run and accept connections. Whether this call started it."""
        if self.pid() is not None and self._accepts():
            return False
        self.stop()
        programs = rabbitmq_bin()  # first: installing it makes the user that owns the folder
        folder = server_folder(self._layout, "rabbitmq", self._account)
        environment = self._environment(folder, self._fresh_ports())
        self._write_files(folder)
        self._spawn(self._epmd, [_program("epmd")], folder, environment)
        say(f"RabbitMQ: starting on 127.0.0.1:{self.port}")
        self._spawn(self._pid, [str(programs / "rabbitmq-server")], folder, environment)
        if not proc.wait_until(lambda: self.pid() is None or self._accepts(), 90) or self.pid() is None:
            self.stop()
            raise Problem(f"RabbitMQ did not start; its log is {folder / 'start.log'}")
        return True

    def stop(self) -> None:
        """End it cleanly; its port mapper goes with it. Returns when both are gone."""
        for remembered in (self._pid, self._epmd):
            if (pid := remembered.read()) is not None:
                proc.stop(pid, 45)
            remembered.remove()

    def evaluate(self, expressions: str) -> str:
        """What the Erlang ``expressions`` (comma separated) evaluate to in the broker, as Erlang prints it.

        Raises Problem when they fail.
        """
        folder = server_folder(self._layout, "rabbitmq", self._account)
        address = f"127.0.0.1:{self._state.port('rabbitmq-dist', taken_by_us=True)}"
        done = subprocess.run(
            # A name of its own: erl_call's random one comes from the clock's second, and the broker refuses a name
            # that is connected already.
            [
                _program("erl_call"),
                "-h",
                f"keryx_{secrets.token_hex(8)}",
                "-timeout",
                "30",
                "-address",
                address,
                "-e",
            ],
            input=expressions + ".\n",
            capture_output=True,
            text=True,
            cwd=folder,
            env={"HOME": str(folder), "PATH": os.environ["PATH"]},
            check=False,
            **self._account.run_as(),
        )
        answer = done.stdout.strip()
        if done.returncode or not answer.startswith("{ok,"):
            raise Problem(f"RabbitMQ refused a change: {answer or done.stderr.strip()}")
        return answer.removeprefix("{ok,").removesuffix("}").strip()

    def _accepts(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def _fresh_ports(self) -> dict[str, int]:
        return {name: self._state.port(name) for name in ("amqp", "rabbitmq-dist", "epmd")}

    def _write_files(self, folder: Path) -> None:
        cookie = folder / ".erlang.cookie"
        cookie.unlink(missing_ok=True)
        cookie.write_text(self._state.password("erlang cookie"), encoding="ascii")
        self._account.own(cookie)
        cookie.chmod(0o400)
        for name, text in (("rabbitmq.conf", CONF), ("enabled_plugins", "[].\n")):
            (folder / name).write_text(text, encoding="ascii")
            self._account.own(folder / name)

    def _spawn(
        self, remember: proc.PidFile, command: list[str], folder: Path, environment: dict[str, str]
    ) -> None:
        with (folder / "start.log").open("ab") as log:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._account.run_as(),
            )
        remember.write(child.pid)

    def _environment(self, folder: Path, ports: dict[str, int]) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(ports["amqp"]),
            "RABBITMQ_DIST_PORT": str(ports["rabbitmq-dist"]),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "server.pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "config"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
            # Makes RabbitMQ's script become the broker instead of waiting for it, so the pid is the broker's.
            "detached": "yes",
        }


def _program(name: str) -> str:
    """The path of an Erlang program; Debian leaves some out of PATH."""
    known = Path("/usr/lib/erlang/bin") / name
    found = str(known) if known.exists() else shutil.which(name)
    if not found:
        raise Problem(f"Erlang's {name} is missing; install the package erlang-base")
    return found
