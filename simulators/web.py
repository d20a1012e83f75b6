"""An HTTP service on asyncio for simulators that are nothing but HTTP: one request a connection, until SIGTERM."""

import asyncio
import base64
import binascii
import contextlib
import signal
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

from simulators import httpwire, support
from simulators.httpwire import HttpError, Request, RequestReader

REQUEST_WITHIN_S = 30.0

Answer = bytes | Awaitable[bytes]
Handler = Callable[[Request], Answer]
Routes = dict[tuple[str, str], Handler]
"""(method, path) → handler. A path that ends in `*` takes every path that starts so; exact ones go first."""


class HangUp(Exception):
    """Close the connection without an answer, as a network that breaks does."""


@dataclass
class Faults:
    """What the service does wrong when asked: `refuse` requests with `refuse_code`, `drop` them before or (when
    `drop_keeps`) after they took effect, answer each `slow_ms` late. Only paths that start with `only` are hit."""

    refuse: int = 0
    refuse_code: int = 503
    drop: int = 0
    drop_keeps: bool = False
    slow_ms: int = 0
    only: str = ""

    def merge(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Lay `changes` over the present ones and show all; raises HttpError, then nothing has changed."""
        kinds = {each.name: each.type for each in fields(self)}
        for name, value in changes.items():
            if type(value) is not kinds.get(name) or (type(value) is int and not 0 <= value <= 1_000_000):
                raise HttpError(422, "bad_faults", f"No fault {name!r}, or not with that value.")
        for name, value in changes.items():
            setattr(self, name, value)
        return asdict(self)

    async def around(self, path: str, work: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer of `work`, or what goes wrong instead; raises HangUp or HttpError."""
        if not path.startswith(self.only):
            return await work()
        if self.slow_ms:
            await asyncio.sleep(self.slow_ms / 1000)
        if self.refuse:
            self.refuse -= 1
            raise HttpError(self.refuse_code, "as_told", "Told to refuse this one.")
        if self.drop:
            self.drop -= 1
            if self.drop_keeps:
                await work()
            raise HangUp
        return await work()


class Site:
    """Routes of a simulator, with what every simulator has: /healthz, /readyz, /metrics, /sim/faults.

    `counters` are shown on /metrics as keryx_<name>_<counter>. Faults never hit the simulator's own pages.
    """

    def __init__(self, name: str, routes: Routes, counters: Callable[[], dict[str, int]]) -> None:
        self.name = name
        self.faults = Faults()
        self.ready = True
        self._counters = counters
        self._own: Routes = {
            ("GET", "/healthz"): lambda _: httpwire.json_answer(200, {"status": "ok"}),
            ("GET", "/readyz"): self._readiness,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/sim/faults"): lambda _: httpwire.json_answer(200, asdict(self.faults)),
            ("POST", "/sim/faults"): lambda r: httpwire.json_answer(200, self.faults.merge(r.json())),
        }
        self._routes = {**routes, **self._own}

    async def answer(self, request: Request) -> bytes:
        """The answer to one request; raises HangUp."""
        try:
            handler = self._find(request)
            if request.path.startswith("/sim/") or (request.method, request.path) in self._own:
                return await _settle(handler(request))
            return await self.faults.around(request.path, lambda: _settle(handler(request)))
        except HttpError as error:
            return httpwire.error_answer(error)

    def _find(self, request: Request) -> Handler:
        methods = {method for method, path in self._routes if _fits(path, request.path)}
        if request.method not in methods:
            if methods:
                raise HttpError(
                    405, "method_not_allowed", f"This address takes {', '.join(sorted(methods))}."
                )
            raise HttpError(404, "not_found", f"There is no {request.path} here.")
        exact = self._routes.get((request.method, request.path))
        fitting = ((path, r) for (m, path), r in self._routes.items() if m == request.method)
        return exact or next(handler for path, handler in fitting if _fits(path, request.path))

    def _readiness(self, _: Request) -> bytes:
        status = "ready" if self.ready else "draining"
        return httpwire.json_answer(200 if self.ready else 503, {"status": status})

    def _metrics(self, _: Request) -> bytes:
        lines = [
            f"# TYPE keryx_{self.name}_{name} counter\nkeryx_{self.name}_{name} {value}\n"
            for name, value in self._counters().items()
        ]
        return httpwire.answer(200, "".join(lines).encode(), "text/plain; version=0.0.4")


def _fits(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


async def _settle(answer: Answer) -> bytes:
    return answer if isinstance(answer, bytes) else await answer


def basic(request: Request) -> tuple[str, str]:
    """User and password of Basic authentication, two empty ones when there is none."""
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    with contextlib.suppress(binascii.Error, UnicodeDecodeError):
        user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
        return (user, password) if scheme.lower() == "basic" else ("", "")
    return "", ""


def bearer(request: Request) -> str:
    """The token of Bearer authentication, empty when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


async def _connection(site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    parser = RequestReader()
    try:
        try:
            async with asyncio.timeout(REQUEST_WITHIN_S):
                request = None
                while request is None:
                    data = await reader.read(65536)
                    if not data:
                        return
                    request = parser.feed(data)
            answer = await site.answer(request)
        except HttpError as error:
            answer = httpwire.error_answer(error)
        writer.write(answer)
        await writer.drain()
    except HangUp:
        writer.transport.abort()
    except (ConnectionError, TimeoutError):
        return  # the other side is gone or never said what it wants
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def serve(site: Site, port: int, setting: str, host: str) -> None:
    """Serve until SIGTERM or SIGINT; says one line when it listens. Raises CannotStart."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    listener = support.listen(host, port, setting)
    server = await asyncio.start_server(lambda r, w: _connection(site, r, w), sock=listener)
    own_host, own_port = listener.getsockname()[:2]
    support.note(site.name, "listening", host=own_host, port=own_port)
    await stopping.wait()
    site.ready = False
    server.close()
    support.note(site.name, "stopped", **site._counters())
