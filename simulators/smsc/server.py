"""The loop: one thread, one selector for SMPP, HTTP and signals."""

import contextlib
import gc
import selectors
import signal
import socket
import time
from collections.abc import Callable

from simulators import support
from simulators.smsc import pdu
from simulators.smsc.control import OPEN_LIMIT, Control, HttpSession
from simulators.smsc.engine import Engine
from simulators.smsc.settings import Settings

NAME = "smsc"
BIND_WITHIN_S = 60  # a connection that has not bound by then is closed
IDLE_TURN_S = 0.25


class Server:
    """Listens, turns until told to stop, then says goodbye. Ports are in `smpp_port` and `http_port`."""

    def __init__(self, settings: Settings) -> None:
        """Raises CannotStart when a port is not to be had."""
        self.settings = settings
        self.selector = selectors.DefaultSelector()
        self.engine = Engine(self.selector, settings.logins, settings.start, settings.keep)
        self.control = Control(self.engine, lambda: not self.stopping)
        self.stopping = False
        self._smpp = support.listen(settings.host, settings.port, "KERYX_SMSC_PORT")
        self._http = support.listen(settings.host, settings.http_port, "KERYX_SMSC_HTTP_PORT")
        self.smpp_port = self._smpp.getsockname()[1]
        self.http_port = self._http.getsockname()[1]
        self._waker, self._wakee = socket.socketpair()
        self._second = 0.0

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, self._stop)
        for end in (self._waker, self._wakee):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._register(self._wakee, lambda _: self._hear_signal())
        self._register(self._smpp, lambda _: self._accept_smpp())
        self._register(self._http, lambda _: self._accept_http())
        # The rows are plain numbers and bytes: hunting for cycles among millions of them would stop the loop.
        gc.freeze()
        gc.set_threshold(50_000, 20, 1000)
        support.note(
            NAME, "listening", host=self.settings.host, port=self.smpp_port, http_port=self.http_port
        )
        while not self.stopping:
            self._turn()
        self._goodbye()

    def _register(self, listener: socket.socket, call: Callable[[int], None]) -> None:
        self.selector.register(listener, selectors.EVENT_READ, call)

    def _stop(self, signal_number: int, frame: object) -> None:
        self.stopping = True

    def _hear_signal(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wakee.recv(64)

    def _turn(self) -> None:
        engine = self.engine
        due = engine.wheel.next()
        timeout = IDLE_TURN_S if due is None else min(IDLE_TURN_S, max(0.0, due - time.monotonic()))
        events = self.selector.select(timeout)
        engine.now, engine.wall = time.monotonic(), time.time()
        for key, mask in events:
            key.data(mask)
        engine.turn()
        self.control.turn(engine.now)
        if engine.now - self._second >= 1:
            self._second = engine.now
            self.control.each_second(engine.now)
            self._look_after_connections()

    def _accept_smpp(self) -> None:
        connection = self._accepted(self._smpp)
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = self.engine.accepted(connection)
            self._register(connection, session.on_event)

    def _accept_http(self) -> None:
        connection = self._accepted(self._http)
        if connection is None:
            return
        if len(self.control.open) >= OPEN_LIMIT:
            connection.close()
            return
        self._register(connection, HttpSession(connection, self.control).on_event)

    def _accepted(self, listener: socket.socket) -> socket.socket | None:
        try:
            connection, _ = listener.accept()
        except OSError:  # it went away before it was taken, or the process is out of descriptors
            return None
        connection.setblocking(False)
        return connection

    def _look_after_connections(self) -> None:
        """Ask the quiet ones whether they live, close the dead and those that never bound."""
        engine, enquire_s = self.engine, self.settings.enquire_s
        for session in list(engine.sessions.values()):
            engine.delivery.overdue(session)
            quiet = engine.now - session.heard
            dead = enquire_s and quiet > 3 * enquire_s
            if dead or (not session.kind and engine.now - session.since > BIND_WITHIN_S):
                session.close()
            elif enquire_s and quiet > enquire_s and not session.asked and session.kind:
                session.asked = True
                session.request(pdu.ENQUIRE_LINK)

    def _goodbye(self) -> None:
        """Take no more connections, answer what was heard, unbind whoever is bound."""
        for session in list(self.engine.sessions.values()):
            session.blocked_until = 0.0
            if session.kind and not session.closing:
                session.request(pdu.UNBIND)
            session.flush()
            session.close()
        for http in list(self.control.open):
            http.close()
        for listener in (self._smpp, self._http, self._waker, self._wakee):
            listener.close()
        self.selector.close()
        support.note(NAME, "stopped", submits=len(self.engine.received), receipts=self.engine.receipts.sent)
