"""The HTTP side: read what came, wait for it, set faults."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from simulators import httpwire
from simulators.httpwire import HttpError, Request, RequestReader
from simulators.mailbox.faults import BadFaults
from simulators.mailbox.smtp import Handler
from simulators.mailbox.store import Mail, Wish

REQUEST_WITHIN_S = 30.0
WAIT_S = 30.0
PAGE = 200


class Control:
    """Serves one request a connection."""

    def __init__(self, handler: Handler, ready: Callable[[], bool]) -> None:
        self.handler = handler
        self.mailbox = handler.mailbox
        self.ready = ready

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """asyncio's call for each connection."""
        try:
            writer.write(await self._answer(reader))
            await writer.drain()
        except (ConnectionError, TimeoutError):
            return  # the other side is gone or never said what it wants
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        parser = RequestReader()
        try:
            async with asyncio.timeout(REQUEST_WITHIN_S):
                request = None
                while request is None:
                    data = await reader.read(65536)
                    if not data:
                        raise ConnectionResetError
                    request = parser.feed(data)
            return await self._route(request)
        except HttpError as error:
            return httpwire.error_answer(error)

    async def _route(self, request: Request) -> bytes:
        routes: dict[tuple[str, str], Callable[[Request], bytes | Awaitable[bytes]]] = {
            ("GET", "/healthz"): lambda _: httpwire.json_answer(200, {"status": "ok"}),
            ("GET", "/readyz"): self._readiness,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/messages"): self._messages,
            ("DELETE", "/messages"): self._clear,
            ("GET", "/wait"): self._wait,
            ("GET", "/faults"): lambda _: httpwire.json_answer(200, self.handler.faults.as_json()),
            ("POST", "/faults"): self._faults,
        }
        if request.method == "GET" and request.path.startswith("/messages/"):
            return self._source(request)
        route = routes.get((request.method, request.path))
        if route is None:
            if request.path in {path for _, path in routes}:
                raise HttpError(405, "method_not_allowed", f"{request.path} does not take {request.method}.")
            paths = ", ".join(f"{method} {path}" for method, path in routes)
            raise HttpError(404, "not_found", f"There are {paths}, GET /messages/<n>.eml.")
        answer = route(request)
        return answer if isinstance(answer, bytes) else await answer

    def _readiness(self, _: Request) -> bytes:
        ready = self.ready()
        return httpwire.json_answer(200 if ready else 503, {"status": "ready" if ready else "draining"})

    def _metrics(self, _: Request) -> bytes:
        values = (
            ("messages_total", "counter", self.mailbox.received),
            ("messages_forgotten_total", "counter", self.mailbox.forgotten),
            ("refused_total", "counter", self.handler.refused),
            ("dropped_connections_total", "counter", self.handler.dropped),
            ("messages_kept", "gauge", len(self.mailbox.mails)),
            ("bytes_kept", "gauge", self.mailbox.bytes),
        )
        lines = [
            f"# TYPE keryx_mailbox_{name} {kind}\nkeryx_mailbox_{name} {value}\n"
            for name, kind, value in values
        ]
        return httpwire.answer(200, "".join(lines).encode(), "text/plain; version=0.0.4")

    def _messages(self, request: Request) -> bytes:
        since = request.whole("since")
        fitting = [mail for mail in self.mailbox.find(_wish(request)) if mail.n > since]
        return httpwire.json_answer(200, self._listing(fitting, request))

    def _listing(self, mails: list[Mail], request: Request) -> dict[str, object]:
        page = mails[: min(request.whole("limit", PAGE), PAGE)]
        return {
            "count": len(mails),
            "forgotten": self.mailbox.forgotten,
            "messages": [mail.as_json() for mail in page],
        }

    def _source(self, request: Request) -> bytes:
        name = request.path.removeprefix("/messages/").removesuffix(".eml")
        mail = self.mailbox.get(int(name)) if name.isascii() and name.isdigit() and len(name) < 16 else None
        if mail is None:
            raise HttpError(404, "not_found", "No such message, or it has been forgotten.")
        return httpwire.answer(200, mail.raw, "message/rfc822")

    def _clear(self, _: Request) -> bytes:
        return httpwire.json_answer(200, {"deleted": self.mailbox.clear()})

    async def _wait(self, request: Request) -> bytes:
        count = request.whole("count", 1, self.mailbox.most)
        found = await self.mailbox.wait(_wish(request), count, request.seconds("timeout", WAIT_S))
        held = len(found) >= count
        return httpwire.json_answer(200 if held else 408, {"held": held, **self._listing(found, request)})

    def _faults(self, request: Request) -> bytes:
        try:
            self.handler.faults.merge(request.json())
        except BadFaults as error:
            raise HttpError(422, "bad_faults", str(error)) from error
        return httpwire.json_answer(200, self.handler.faults.as_json())


def _wish(request: Request) -> Wish:
    return Wish(request.query.get("to", ""), request.query.get("subject", ""))
