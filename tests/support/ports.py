"""Ports for servers that tests start: each is kept from everybody else for as long as this process lives."""

from __future__ import annotations

import socket

_kept: list[socket.socket] = []


def free_port() -> int:
    """A port of the loopback interface where nobody listens, and where only who is told of it will.

    It stays bound here, without listening: the system gives it to no outgoing connection and to nobody who asks
    for any port, in whatever process, while a server that sets SO_REUSEADDR, as all of ours do, may listen on it,
    also again after it was ended. A connection to it is refused while none does.
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    _kept.append(keeper)
    return int(keeper.getsockname()[1])
