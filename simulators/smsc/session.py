"""One TCP connection of an ESME: framing, the bind, and bytes out with an account of which answers left."""

import selectors
import socket
from typing import TYPE_CHECKING

from simulators.smsc import pdu
from simulators.smsc.pdu import HEADER, HEADER_SIZE, MAX_PDU, STATUS
from simulators.smsc.store import DROPPED, LOST

if TYPE_CHECKING:
    from simulators.smsc.engine import Engine

READ_SIZE = 256 * 1024
OUT_LIMIT = 4 * 1024 * 1024  # a client that does not read its answers is not read from either
BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE


class Session:
    """A connection from accept to close. What it hears goes to the engine, which speaks through `send`."""

    def __init__(self, connection: socket.socket, number: int, engine: "Engine") -> None:
        self.socket = connection
        self.number = number
        self.engine = engine
        self.system_id = ""
        self.kind = ""
        self.may_submit = False
        self.may_receive = False
        self.unanswered: dict[int, tuple[int | bytes, float]] = {}  # sequence → (what was delivered, when)
        self.blocked_until = 0.0
        self.closing = False
        self.closed = False
        self.since = self.heard = engine.now
        self.asked = False
        self.dirty = False
        self._sequence = 0
        self._tail = b""
        self._out: list[bytes] = []
        self._rows: list[int] = []
        self._out_size = 0
        self._interest = selectors.EVENT_READ

    def on_event(self, mask: int) -> None:
        """The selector's call: read what is there, write what could not be written before."""
        if mask & selectors.EVENT_WRITE:
            self.flush()
        if mask & selectors.EVENT_READ and not self.closed:
            self._read()

    def _read(self) -> None:
        try:
            data = self.socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self.heard = self.engine.now
        self.asked = False
        self._take(self._tail + data if self._tail else data)

    def _take(self, data: bytes) -> None:
        """Handle every whole PDU of `data`, keep the rest for the next read."""
        engine, unpack, size = self.engine, HEADER.unpack_from, len(data)
        offset = 0
        while size - offset >= HEADER_SIZE and not self.closing:
            length, command, status, sequence = unpack(data, offset)
            if not HEADER_SIZE <= length <= MAX_PDU:
                engine.counters.malformed += 1
                self.send(pdu.pdu(pdu.GENERIC_NACK, STATUS["ESME_RINVCMDLEN"], sequence))
                self.closing = True
                break
            end = offset + length
            if end > size:
                break
            if command == pdu.SUBMIT_SM:
                engine.submit(self, data[offset:end], sequence)
            elif command == pdu.DELIVER_SM_RESP:
                engine.delivery.answered(self, sequence, status)
            else:
                self._rare(command, sequence, data[offset + HEADER_SIZE : end])
            offset = end
        self._tail = data[offset:]

    def _rare(self, command: int, sequence: int, body: bytes) -> None:
        if command in pdu.BINDS:
            self._bind(command, sequence, body)
        elif command == pdu.ENQUIRE_LINK:
            self.send(pdu.pdu(pdu.ENQUIRE_LINK_RESP, 0, sequence))
        elif command == pdu.UNBIND:
            self._unbind(sequence)
        elif not command & pdu.RESPONSE:
            self.engine.counters.nacks += 1
            self.send(pdu.pdu(pdu.GENERIC_NACK, STATUS["ESME_RINVCMDID"], sequence))

    def _bind(self, command: int, sequence: int, body: bytes) -> None:
        try:
            system_id, offset = pdu.first_string(body)
            password, _ = pdu.first_string(body, offset)
        except ValueError:
            self.send(pdu.pdu(command | pdu.RESPONSE, STATUS["ESME_RINVCMDLEN"], sequence))
            return
        status = STATUS["ESME_RALYBND"] if self.kind else self.engine.may_bind(system_id, password)
        if status:
            self.send(pdu.pdu(command | pdu.RESPONSE, status, sequence))
            return
        self.system_id, self.kind = system_id.decode("latin-1"), pdu.BINDS[command]
        self.may_submit = self.kind != "receiver"
        self.may_receive = self.kind != "transmitter"
        self.send(pdu.pdu(command | pdu.RESPONSE, 0, sequence, pdu.bind_answer(b"keryx-smsc")))
        self.engine.bound(self)

    def _unbind(self, sequence: int) -> None:
        if not self.kind:
            self.send(pdu.pdu(pdu.UNBIND_RESP, STATUS["ESME_RINVBNDSTS"], sequence))
            return
        self.may_submit = self.may_receive = False
        self.send(pdu.pdu(pdu.UNBIND_RESP, 0, sequence))
        self.closing = True

    def next_sequence(self) -> int:
        """A sequence number for a PDU of the SMSC's own: 1 to 0x7FFFFFFF, then over again (§3.2)."""
        self._sequence = self._sequence % 0x7FFFFFFF + 1
        return self._sequence

    def request(self, command: int, body: bytes = b"") -> int:
        """Send a PDU of the SMSC's own; returns its sequence number."""
        sequence = self.next_sequence()
        self.send(pdu.pdu(command, 0, sequence, body))
        return sequence

    def send(self, data: bytes, row: int = -1) -> None:
        """Queue bytes; with `row` they are that submit's answer, booked once the kernel has them."""
        engine = self.engine
        if engine.mute_until > engine.now or self.closed:
            if row >= 0:
                engine.received.unanswered(row, LOST if self.closed else DROPPED)
            return
        self._out.append(data)
        self._rows.append(row)
        self._out_size += len(data)
        if not self.dirty:
            self.dirty = True
            engine.dirty.append(self)

    def block(self, until: float) -> None:
        """Let nothing out before `until` (monotonic seconds; infinity: ever)."""
        self.blocked_until = max(self.blocked_until, until)
        self._listen(selectors.EVENT_READ)

    @property
    def room(self) -> int:
        """How many more deliver_sm may be unanswered."""
        if self.closing or not self.may_receive or self.blocked_until > self.engine.now:
            return 0
        return self.engine.behaviour.faults.receipts.window - len(self.unanswered)

    def flush(self) -> None:
        """Hand the kernel what it takes; close when that was the last."""
        if self.closed or self.blocked_until > self.engine.now:
            return
        if self._out:
            data = b"".join(self._out) if len(self._out) > 1 else self._out[0]
            try:
                taken = self.socket.send(data)
            except BlockingIOError:
                taken = 0
            except OSError:
                self.close()
                return
            if taken == len(data):
                self.engine.received.sent(self._rows)
                self._out, self._rows, self._out_size = [], [], 0
            else:
                self._keep_rest(taken)
        if self.closing and not self._out:
            self.close()
            return
        read = 0 if self._out_size > OUT_LIMIT else selectors.EVENT_READ
        self._listen(read | (selectors.EVENT_WRITE if self._out else 0))

    def _keep_rest(self, taken: int) -> None:
        """The kernel took only part: what went whole is answered, the one cut is kept from the cut on."""
        self._out_size -= taken
        done = 0
        while taken >= len(self._out[done]):
            taken -= len(self._out[done])
            done += 1
        self.engine.received.sent(self._rows[:done])
        self._out, self._rows = self._out[done:], self._rows[done:]
        if taken:
            self._out[0] = self._out[0][taken:]

    def _listen(self, interest: int) -> None:
        if interest and interest != self._interest and not self.closed:
            self._interest = interest
            self.engine.selector.modify(self.socket, interest, self.on_event)

    def close(self) -> None:
        """End the connection: what was not handed over is lost, what was not answered is delivered again."""
        if self.closed:
            return
        self.closed = self.closing = True
        self.engine.selector.unregister(self.socket)
        self.socket.close()
        for row in self._rows:
            if row >= 0:
                self.engine.received.unanswered(row, LOST)
        self._out, self._rows = [], []
        self.engine.gone(self)

    def forget_rows(self) -> None:
        """After a reset the rows of answers still to leave mean nothing any more."""
        self._rows = [-1] * len(self._rows)
        self.unanswered.clear()
