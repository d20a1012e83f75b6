"""A gate on the way to a server, which can be shut (for whoever stands outside, the server is away) or let nothing out."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Listens on ``port`` and passes every connection on to ``target`` while it is open."""

    def __init__(self, target: tuple[str, int]) -> None:
        """Open at once."""
        self._target = target
        self._lock = threading.Lock()
        self._passing: set[socket.socket] = set()
        self._is_open = True
        self._speaks = _heard()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Cut who is inside; nobody comes in before the block ends."""
        self._is_open = False
        self._cut()
        try:
            yield
        finally:
            self._is_open = True

    @contextmanager
    def mute(self) -> Iterator[None]:
        """What the server says inside the block is lost, and who listened is cut off at its end."""
        self._speaks.clear()
        try:
            yield
        finally:
            self._speaks = _heard()  # for who comes from now on: of what was lost nothing comes through
            self._cut()

    def close(self) -> None:
        """Shut for good."""
        self._is_open = False
        self._listener.close()
        self._cut()

    def _cut(self) -> None:
        with self._lock:
            for one in self._passing:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self._passing.clear()

    def _accept(self) -> None:
        while True:
            try:
                inside, _ = self._listener.accept()
            except OSError:
                return  # closed
            if self._is_open:
                outside = socket.create_connection(self._target)
                with self._lock:
                    self._passing |= {inside, outside}
                for way in ((inside, outside, _heard()), (outside, inside, self._speaks)):
                    threading.Thread(target=_pump, args=way, daemon=True).start()
            else:
                inside.close()


def _heard() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def _pump(source: socket.socket, sink: socket.socket, is_heard: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while octets := source.recv(65_536):
            if is_heard.is_set():
                sink.sendall(octets)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
