"""What an installation remembers between two runs: its ports, its one secret, where its servers keep data."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import random
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from deploy.local.layout import Layout, Problem, write_private

# Below the range from which Linux takes the ports of outgoing connections (32768 on), or a client's
# connection could sit on the port of a server that is down for a moment.
PORTS = range(20_000, 32_000)


class State:
    """``.run/state.json``; every question and change is one locked step, so two scripts may run at once."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.run / "state.json"
        self._lock = layout.run / "state.lock"

    def port(self, name: str, *, taken_by_us: bool = False) -> int:
        """The port remembered for ``name``, or a free one.

        A remembered port that somebody else listens on by now is replaced, unless ``taken_by_us`` says that
        the listener is our own.
        """
        with self._changing() as data:
            ports: dict[str, int] = data.setdefault("ports", {})
            port = ports.get(name)
            if port is None or not (taken_by_us or is_free(port)):
                port = ports[name] = _free_port(set(ports.values()))
            return port

    def choose_port(self, name: str, port: int) -> None:
        """Remember ``port`` for ``name``. Raises Problem when somebody else listens there."""
        if not is_free(port):
            raise Problem(f"port {port} on 127.0.0.1 is taken; choose another {name}")
        with self._changing() as data:
            data.setdefault("ports", {})[name] = port

    def password(self, purpose: str) -> str:
        """A password for ``purpose``: always the same in this installation, unguessable from any other."""
        with self._changing() as data:
            master: str = data.setdefault("master_secret", secrets.token_hex(32))
        return hmac.new(bytes.fromhex(master), purpose.encode(), hashlib.sha256).hexdigest()[:40]

    def get(self, key: str, default: Any = None) -> Any:
        """The value kept under ``key``, or ``default``."""
        with self._changing() as data:
            return data.get(key, default)

    def put(self, key: str, value: Any) -> None:
        """Keep ``value`` (anything JSON has) under ``key``."""
        with self._changing() as data:
            data[key] = value

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        with locked(self._lock):
            before = self._path.read_text(encoding="utf-8") if self._path.exists() else "{}"
            data: dict[str, Any] = json.loads(before)
            yield data
            after = json.dumps(data, indent=1, sort_keys=True)
            if after != before:
                write_private(self._path, after)


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[BinaryIO]:
    """Hold the lock on the file ``path``, waiting for it; it goes with the process, so none is ever stale."""
    with path.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield handle


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port(not_these: set[int]) -> int:
    # Random, so that two clones that start in the same second do not choose alike.
    for port in random.sample(PORTS, 500):
        if port not in not_these and is_free(port):
            return port
    raise Problem(f"no free port between {PORTS.start} and {PORTS.stop} on 127.0.0.1")
