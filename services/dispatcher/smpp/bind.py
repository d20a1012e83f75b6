"""One bind: a socket to an operator, its handshake, its keep-alive, and its coming back after it broke.

Knows nothing of messages: what arrives is handed to a ``Listener``. Lives in one thread, never blocks, and is driven by the
selector and by ``tick``. TCP_NODELAY is set: without it a window costs 40 ms a message (measured on a peer).
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from dataclasses import dataclass
from typing import Protocol

from servicekit import logs

from . import pdu

log = logs.get(__name__)

BIND_COMMANDS = {
    "transceiver": pdu.BIND_TRANSCEIVER,
    "transmitter": pdu.BIND_TRANSMITTER,
    "receiver": pdu.BIND_RECEIVER,
}
CONNECT_SECONDS = 10.0
QUIET_SECONDS = 15.0
ANSWER_SECONDS = 15.0
MAX_PAUSE_SECONDS = 15.0
READ_OCTETS = 256 * 1024


@dataclass(frozen=True)
class Address:
    """Where to bind and as whom; ``mode`` is transceiver, transmitter or receiver."""

    host: str
    port: int
    system_id: str
    password: str
    mode: str = "transceiver"


class Listener(Protocol):
    """What a bind tells its owner."""

    def bound(self) -> None:
        """The operator took the bind."""

    def unbound(self, reason: str) -> None:
        """The connection is gone; whatever was not answered never will be on it."""

    def answered(self, sequence: int, status: int, message_id: str) -> None:
        """A submit_sm_resp, or a generic_nack to a submit_sm."""

    def delivered(self, sequence: int, deliver: pdu.Deliver) -> None:
        """A deliver_sm; answer it with ``answer_deliver`` when what it says is stored."""


class Bind:
    """States: down → binding → up (bound) → down. ``state`` and ``reason`` are for people too."""

    def __init__(self, address: Address, selector: selectors.BaseSelector, listener: Listener) -> None:
        """Connect at the first ``tick``."""
        self.address = address
        self.state = "down"
        self.reason = ""
        self.generation = 0  # counts connections: an answer must go out on the one its question came in on
        self._selector, self._listener = selector, listener
        self._socket: socket.socket | None = None
        self._connected = False
        self._in, self._out = bytearray(), bytearray()
        self._sequence = 0
        self._pause, self._next_try = 0.5, 0.0
        self._since = self._heard = time.monotonic()
        self._asked: float | None = None
        self._closing = False

    @property
    def is_up(self) -> bool:
        """True when messages can be written."""
        return self.state == "up"

    def next_sequence(self) -> int:
        """A sequence number for a request on this connection, 1..0x7FFFFFFF round and round (§3.2)."""
        self._sequence = self._sequence % pdu.MAX_SEQUENCE + 1
        return self._sequence

    def write(self, octets: bytes) -> None:
        """Queue octets; they leave at the next ``flush``."""
        self._out += octets

    def answer_deliver(self, generation: int, sequence: int, status: int = pdu.ESME_ROK) -> None:
        """Answer a deliver_sm, unless its connection is gone: then the operator sends it again."""
        if generation == self.generation and self.state == "up":
            self._out += pdu.pack(pdu.DELIVER_SM_RESP, status, sequence, b"\0")

    def pending_octets(self) -> int:
        """How much waits for the kernel to take it."""
        return len(self._out)

    def flush(self) -> None:
        """Hand what is queued to the kernel, as far as it takes it."""
        if self._socket is None or not self._connected or not self._out:
            return
        try:
            sent = self._socket.send(self._out)
            del self._out[:sent]
        except BlockingIOError:
            pass
        except OSError as error:
            self._lose(f"write: {error.strerror or error}")
            return
        self._watch()

    def tick(self, now: float) -> None:
        """Do what time asks for: connect, give up, say something on a quiet line."""
        if self._socket is None:
            if not self._closing and now >= self._next_try:
                self._connect(now)
        elif self.state == "binding" and now - self._since > CONNECT_SECONDS:
            self._lose("no answer to the bind")
        elif (
            self._asked is not None
            and now - self._asked > ANSWER_SECONDS
            and now - self._heard > ANSWER_SECONDS
        ):
            self._lose("no answer to enquire_link")
        elif self.state == "up" and self._asked is None and now - self._heard > QUIET_SECONDS:
            self._asked = now
            self._out += pdu.pack(pdu.ENQUIRE_LINK, 0, self.next_sequence())

    def unbind(self) -> None:
        """Say goodbye; the connection ends with the answer or with ``close``."""
        self._closing = True
        if self.state == "up":
            self.state = "unbinding"
            self._out += pdu.pack(pdu.UNBIND, 0, self.next_sequence())
            self.flush()

    def close(self) -> None:
        """End it now, and for good."""
        self._closing = True
        if self._socket is not None:
            self._lose("closed")

    def on_event(self, mask: int) -> None:
        """The selector has news of the socket."""
        if self._socket is None:
            return
        if not self._connected:
            self._finish_connect()
            return
        if mask & selectors.EVENT_READ:
            self._read()
        if mask & selectors.EVENT_WRITE:
            self.flush()

    def _connect(self, now: float) -> None:
        self.state, self._since = "binding", now
        self.generation += 1
        self._connected, self._asked = False, None
        self._in.clear()
        self._out.clear()
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket = sock
        try:
            code = sock.connect_ex((self.address.host, self.address.port))
        except OSError as error:  # a name that means nothing is raised, not returned
            self._lose(f"connect: {error.strerror or error}")
            return
        if code not in (0, errno.EINPROGRESS):
            self._lose(f"connect: {errno.errorcode.get(code, code)}")
            return
        self._selector.register(sock, selectors.EVENT_WRITE, self)

    def _finish_connect(self) -> None:
        assert self._socket is not None
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._lose(f"connect: {errno.errorcode.get(code, code)}")
            return
        self._connected = True
        self._heard = time.monotonic()
        body = pdu.bind_body(self.address.system_id, self.address.password)
        self._out += pdu.pack(BIND_COMMANDS[self.address.mode], 0, self.next_sequence(), body)
        self.flush()

    def _watch(self) -> None:
        if self._socket is not None:
            mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
            if self._selector.get_key(self._socket).events != mask:
                self._selector.modify(self._socket, mask, self)

    def _read(self) -> None:
        assert self._socket is not None
        try:
            octets = self._socket.recv(READ_OCTETS)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(f"read: {error.strerror or error}")
            return
        if not octets:
            self._lose("the operator closed the connection")
            return
        self._heard, self._asked = time.monotonic(), None
        self._in += octets
        try:
            while pdus := pdu.split(self._in):
                for one in pdus:
                    self._on_pdu(*one)
                    if self._socket is None:
                        return
        except pdu.ProtocolError as error:
            self._lose(f"protocol: {error}")

    def _on_pdu(self, command: int, status: int, sequence: int, body: bytes) -> None:
        if command == pdu.SUBMIT_SM_RESP:
            self._listener.answered(sequence, status, pdu.message_id_of(body))
        elif command == pdu.DELIVER_SM:
            self._on_deliver(sequence, body)
        elif command == pdu.ENQUIRE_LINK:
            self._out += pdu.pack(pdu.ENQUIRE_LINK_RESP, 0, sequence)
        elif command == pdu.GENERIC_NACK:
            self._listener.answered(sequence, status or 0xFF, "")
        elif command == pdu.UNBIND:
            self._out += pdu.pack(pdu.UNBIND_RESP, 0, sequence)
            self.flush()
            self._lose("the operator unbound")
        elif command == pdu.UNBIND_RESP:
            self._lose("unbound")
        elif command in (c | pdu.RESPONSE for c in BIND_COMMANDS.values()):
            self._on_bind_answer(status)
        elif not command & pdu.RESPONSE:
            self._out += pdu.pack(pdu.GENERIC_NACK, 0x03, sequence)  # ESME_RINVCMDID

    def _on_deliver(self, sequence: int, body: bytes) -> None:
        """One that cannot be read is refused for good: dropping the connection would only bring it again."""
        try:
            deliver = pdu.parse_deliver(body)
        except pdu.ProtocolError as error:
            log.error("deliver_unreadable", host=self.address.host, octets=len(body), reason=str(error))
            self._out += pdu.pack(pdu.DELIVER_SM_RESP, pdu.ESME_RX_R_APPN, sequence, b"\0")
        else:
            self._listener.delivered(sequence, deliver)

    def _on_bind_answer(self, status: int) -> None:
        if status:
            self._lose(f"bind refused with 0x{status:08X}")
            return
        self.state, self.reason, self._pause = "up", "", 0.5
        log.info("bound", host=self.address.host, port=self.address.port, system_id=self.address.system_id)
        self._listener.bound()

    def _lose(self, reason: str) -> None:
        sock, self._socket = self._socket, None
        was = self.state
        self.state, self.reason = "down", reason
        self._next_try = time.monotonic() + self._pause
        self._pause = min(MAX_PAUSE_SECONDS, self._pause * 2)
        if sock is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(sock)
            sock.close()
        if not self._closing:
            log.warning("bind_lost", reason=reason, host=self.address.host, port=self.address.port)
        if was in ("up", "unbinding"):
            self._listener.unbound(reason)
