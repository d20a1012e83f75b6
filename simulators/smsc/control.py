"""The HTTP side, served by the SMSC's own loop: counters, what came, faults, inbound messages, waiting."""

import selectors
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from simulators import httpwire
from simulators.httpwire import HttpError, Request, RequestReader
from simulators.smsc import stats
from simulators.smsc.engine import Engine
from simulators.smsc.faults import BadFaults, merged
from simulators.smsc.stats import Rate

WAIT_S = 30.0
OPEN_LIMIT = 200
IDLE_S = 30.0


@dataclass
class Wait:
    """A /wait request: the counters it waits for, and until when (monotonic)."""

    session: "HttpSession"
    wanted: dict[str, int]
    until: float


Reply = bytes | Iterator[bytes] | None  # a whole answer, one in pieces, or one that comes later


class Control:
    """Routes requests to the engine."""

    def __init__(self, engine: Engine, ready: Callable[[], bool]) -> None:
        self.engine = engine
        self.ready = ready
        self.waits: list[Wait] = []
        self.open: set[HttpSession] = set()
        self.submit_rate, self.receipt_rate = Rate(), Rate()
        self._routes: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", "/"): self._index,
            ("GET", "/healthz"): lambda _: httpwire.json_answer(200, {"status": "ok"}),
            ("GET", "/readyz"): self._readiness,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/stats"): lambda _: httpwire.json_answer(200, self._stats()),
            ("GET", "/received.ndjson"): self._received,
            ("GET", "/receipts.ndjson"): self._receipts,
            ("GET", "/faults"): lambda _: httpwire.json_answer(200, engine.behaviour.faults.as_json()),
            ("POST", "/faults"): self._faults,
            ("POST", "/mo"): self._mo,
            ("POST", "/reset"): self._reset,
        }

    def handle(self, session: "HttpSession", request: Request) -> Reply:
        """The reply to a request; raises HttpError. None: `session` is answered when its condition holds."""
        if (request.method, request.path) == ("GET", "/wait"):
            return self._wait(session, request)
        route = self._routes.get((request.method, request.path))
        if route is None:
            known = {path for _, path in self._routes} | {"/wait"}
            if request.path in known:
                raise HttpError(405, "method_not_allowed", f"{request.path} does not take {request.method}.")
            raise HttpError(404, "not_found", "GET / lists what there is.")
        return route(request)

    def _index(self, _: Request) -> bytes:
        paths = sorted([*(f"{method} {path}" for method, path in self._routes), "GET /wait"])
        return httpwire.json_answer(200, {"simulator": "smsc", "routes": paths})

    def _readiness(self, _: Request) -> bytes:
        ready = self.ready()
        return httpwire.json_answer(200 if ready else 503, {"status": "ready" if ready else "draining"})

    def _metrics(self, _: Request) -> bytes:
        return httpwire.answer(200, stats.prometheus(self.engine).encode(), "text/plain; version=0.0.4")

    def _stats(self) -> dict[str, object]:
        return stats.snapshot(self.engine, self.submit_rate, self.receipt_rate)

    def _received(self, request: Request) -> Iterator[bytes]:
        engine = self.engine
        decoded = request.query.get("decoded", "0") not in ("0", "")
        return engine.received.lines(request.whole("since"), engine.systems, decoded)

    def _receipts(self, request: Request) -> Iterator[bytes]:
        return self.engine.receipts.lines(request.whole("since"), self.engine.received)

    def _faults(self, request: Request) -> bytes:
        engine = self.engine
        try:
            faults = merged(engine.behaviour.faults, request.json())
        except BadFaults as error:
            raise HttpError(422, "bad_faults", str(error)) from error
        engine.behave(faults)
        return httpwire.json_answer(200, engine.behaviour.faults.as_json())

    def _mo(self, request: Request) -> bytes:
        body = request.json()
        fields = {"from": "", "to": "", "text": "", "encoding": "auto", "system_id": self._first_login()}
        unknown = sorted(set(body) - set(fields))
        values = {name: body.get(name, default) for name, default in fields.items()}
        if unknown or not all(isinstance(value, str) for value in values.values()):
            raise HttpError(
                422, "bad_mo", "An inbound message has the texts from, to, text, encoding, system_id."
            )
        if not values["from"] or not values["to"] or len(values["text"]) > 10_000:
            raise HttpError(422, "bad_mo", "An inbound message needs from, to and at most 10,000 characters.")
        if values["encoding"] not in ("auto", "gsm", "ucs2"):
            raise HttpError(422, "bad_mo", "encoding is auto, gsm or ucs2.")
        if values["system_id"].encode("utf-8", "replace") not in self.engine.logins:
            raise HttpError(422, "bad_mo", "No such system_id.")
        try:
            parts = self.engine.delivery.inbound(
                values["system_id"], values["from"], values["to"], values["text"], values["encoding"]
            )
        except ValueError as error:
            raise HttpError(422, "bad_mo", f"{error}.") from error
        return httpwire.json_answer(202, {"parts": parts})

    def _first_login(self) -> str:
        return next(iter(self.engine.logins)).decode()

    def _reset(self, request: Request) -> bytes:
        self.engine.reset()
        return httpwire.json_answer(200, self._stats())

    # ---- waiting for a count

    def _wait(self, session: "HttpSession", request: Request) -> bytes | None:
        timeout = request.seconds("timeout", WAIT_S)
        names = [name for name in request.query if name != "timeout"]
        known = stats.waitable(self.engine)
        if not names or any(name not in known for name in names):
            raise HttpError(422, "bad_condition", f"Wait for one or more of {', '.join(known)}.")
        wait = Wait(session, {name: request.whole(name) for name in names}, self.engine.now + timeout)
        if self._held(wait, known):
            return self._verdict(True, known)
        self.waits.append(wait)
        return None

    def _held(self, wait: Wait, values: dict[str, int]) -> bool:
        """A counter has reached the number; one waited for to be 0, and what is pending, has sunk to it."""
        return all(
            values[name] <= wanted if wanted == 0 or name == "receipts_pending" else values[name] >= wanted
            for name, wanted in wait.wanted.items()
        )

    def _verdict(self, held: bool, values: dict[str, int]) -> bytes:
        return httpwire.json_answer(200 if held else 408, {"held": held, **values})

    def turn(self, now: float) -> None:
        """Answer the waits that hold or have run out."""
        if not self.waits:
            return
        values = stats.waitable(self.engine)
        for wait in list(self.waits):
            held = self._held(wait, values)
            if held or now >= wait.until:
                self.waits.remove(wait)
                wait.session.reply(self._verdict(held, values))

    def each_second(self, now: float) -> None:
        """Measure rates, end connections that never said what they want."""
        self.submit_rate.look(len(self.engine.received), now)
        self.receipt_rate.look(self.engine.receipts.sent, now)
        waiting = {wait.session for wait in self.waits}
        for session in list(self.open):
            if now - session.active > IDLE_S and session not in waiting:
                session.close()


class HttpSession:
    """One HTTP connection: one request, one answer, piece by piece as the other side takes it."""

    def __init__(self, connection: socket.socket, control: Control) -> None:
        self.socket = connection
        self.control = control
        self.active = control.engine.now
        self._reader: RequestReader | None = RequestReader()
        self._out = b""
        self._pieces: Iterator[bytes] | None = None
        control.open.add(self)

    def on_event(self, mask: int) -> None:
        """The selector's call."""
        self.active = self.control.engine.now
        try:
            if mask & selectors.EVENT_READ:
                self._read()
            elif mask & selectors.EVENT_WRITE:
                self._write()
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def _read(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            self.close()
            return
        if self._reader is None:  # the request is whole: whatever follows is not looked at
            return
        try:
            request = self._reader.feed(data)
            if request is None:
                return
            self._reader = None
            reply = self.control.handle(self, request)
        except HttpError as error:
            self._reader = None
            reply = httpwire.error_answer(error)
        if reply is not None:
            self.reply(reply)

    def reply(self, reply: bytes | Iterator[bytes]) -> None:
        """Answer, now or piece by piece."""
        if self.socket.fileno() < 0:
            return
        if isinstance(reply, bytes):
            self._out = reply
        else:
            self._out = httpwire.head(200, httpwire.NDJSON, None)
            self._pieces = reply
        self.control.engine.selector.modify(self.socket, selectors.EVENT_WRITE, self.on_event)

    def _write(self) -> None:
        if not self._out and self._pieces is not None:
            piece = next(self._pieces, b"")
            self._out = httpwire.chunk(piece)
            if not piece:
                self._pieces = None
        self._out = self._out[self.socket.send(self._out) :]
        if not self._out and self._pieces is None:
            self.close()

    def close(self) -> None:
        """End the connection and whatever it waited for."""
        if self.socket.fileno() < 0:
            return
        self.control.open.discard(self)
        self.control.waits = [wait for wait in self.control.waits if wait.session is not self]
        self.control.engine.selector.unregister(self.socket)
        self.socket.close()
