"""Calls of services: how long each may take, which may be repeated, over pools of connections.

A call runs on a pool of ``servicekit.rpcclient.Client``: one is not safe for threads, and one that timed out
or lost its connection is of no use any more (measured), so that one is closed.
"""

from __future__ import annotations

import threading
from typing import Any

# Imported here, so in the main thread: eventlet, which it brings, makes a copy of the threading module when it is
# imported, and in another thread that copy takes over the thread's end, which nobody then can wait for.
import nameko.standalone.rpc  # noqa: F401
from nameko.exceptions import RpcTimeout, UnknownService

from contracts.errors import Unavailable
from servicekit import crashpoints
from servicekit.rpcclient import Client

from .settings import GatewaySettings

PING_TIMEOUT = 2.0


class Pool:
    """Clients of one time-out, used by one thread at a time, at most ``keep`` of them kept idle."""

    def __init__(self, amqp_uri: str, timeout: float, keep: int = 16) -> None:
        """Nothing is connected yet."""
        self._amqp_uri, self._timeout, self._keep = amqp_uri, timeout, keep
        self._idle: list[Client] = []
        self._lock = threading.Lock()

    def call(self, service: str, method: str, *args: Any, repeatable: bool, **kwargs: Any) -> Any:
        """The method's result. What a broken connection fails is tried once more if it is ``repeatable``.

        Raises the service's KeryxError, Unavailable("service_unavailable"), Unexpected.
        """
        try:
            return self._once(service, method, args, kwargs)
        except Unavailable as error:
            # Had it timed out, a second wait would only make the caller give up.
            if not repeatable or not _connection_broke(error):
                raise
        return self._once(service, method, args, kwargs)

    def _once(self, service: str, method: str, args: Any, kwargs: Any) -> Any:
        client = self._take()
        try:
            result = client.call(service, method, *args, **kwargs)
            crashpoints.reach(f"gateway.{service}.{method}")
        except Unavailable as error:
            if _connection_broke(error):
                self.close()  # the broker went away: the idle ones are broken as well
            client.close()
            raise
        except BaseException:
            self._give_back(client)
            raise
        self._give_back(client)
        return result

    def _take(self) -> Client:
        with self._lock:
            return self._idle.pop() if self._idle else Client(self._amqp_uri, self._timeout)

    def _give_back(self, client: Client) -> None:
        with self._lock:
            if len(self._idle) < self._keep:
                self._idle.append(client)
                return
        client.close()

    def close(self) -> None:
        """Close what is idle; the next call makes a new connection."""
        with self._lock:
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()


def _connection_broke(error: Unavailable) -> bool:
    cause = error.__cause__
    return cause is not None and not isinstance(cause, (RpcTimeout, UnknownService))


class Rpc:
    """Pools by time-out."""

    def __init__(self, settings: GatewaySettings) -> None:
        """Three waits: a usual call, a long one (pre-flight reads the whole audience), a ping."""
        waits = {"usual": settings.rpc_timeout, "long": settings.preflight_timeout, "ping": PING_TIMEOUT}
        self._pools = {name: Pool(settings.amqp_uri, seconds) for name, seconds in waits.items()}

    def call(self, wait: str, repeatable: bool, service: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call on the pool named by ``wait``."""
        return self._pools[wait].call(service, method, *args, repeatable=repeatable, **kwargs)


class _Call:
    """A method of a service, declared in its client class by ``read`` or ``command``."""

    def __init__(self, repeatable: bool, wait: str) -> None:
        self._repeatable, self._wait = repeatable, wait

    def __set_name__(self, owner: type, name: str) -> None:
        self._method = name

    def __get__(self, client: ServiceClient, owner: type) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            return client.rpc.call(
                self._wait, self._repeatable, client.service, self._method, *args, **kwargs
            )

        return call


def read(wait: str = "usual") -> Any:
    """A question: it changes nothing, so a broken connection is tried once more."""
    return _Call(True, wait)


def command(wait: str = "usual") -> Any:
    """A change: never repeated by us; the caller repeats it under its Idempotency-Key."""
    return _Call(False, wait)


class ServiceClient:
    """Base: calls of one service."""

    service = ""

    def __init__(self, rpc: Rpc) -> None:
        """Call through ``rpc``."""
        self.rpc = rpc
