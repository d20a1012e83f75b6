"""A client written from the specification alone, for tests that need to see octets."""

import socket
import struct
from typing import NamedTuple

SUBMIT_SM, SUBMIT_SM_RESP = 0x04, 0x80000004
DELIVER_SM, DELIVER_SM_RESP = 0x05, 0x80000005
ENQUIRE_LINK, ENQUIRE_LINK_RESP, UNBIND, UNBIND_RESP = 0x15, 0x80000015, 0x06, 0x80000006
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x01, 0x02, 0x09
GENERIC_NACK = 0x80000000


class Pdu(NamedTuple):
    """One PDU as it came."""

    command: int
    status: int
    sequence: int
    body: bytes


class Esme:
    """One connection. Reading waits at most ten seconds."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self.sequence = 0
        self._buffer = b""

    def send(self, command: int, body: bytes = b"", status: int = 0, sequence: int | None = None) -> int:
        """Write a PDU; returns its sequence number."""
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        self.socket.sendall(struct.pack(">IIII", 16 + len(body), command, status, sequence) + body)
        return sequence

    def read(self) -> Pdu:
        """The next PDU; EOFError when the connection ended, with the octets of a cut one."""
        while True:
            if len(self._buffer) >= 4:
                length = struct.unpack_from(">I", self._buffer)[0]
                if len(self._buffer) >= length:
                    command, status, sequence = struct.unpack_from(">III", self._buffer, 4)
                    body, self._buffer = self._buffer[16:length], self._buffer[length:]
                    return Pdu(command, status, sequence, body)
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                raise EOFError(self._buffer)
            self._buffer += data

    def pending(self) -> bytes:
        """The octets of a PDU that has not come whole."""
        return self._buffer

    def silent_for(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(10)
        self._buffer += data
        return False

    def bind(
        self, command: int = BIND_TRANSCEIVER, system_id: str = "keryx", password: str = "secret"
    ) -> Pdu:
        """Bind and return the answer."""
        self.send(command, f"{system_id}\0{password}\0\0\x34\0\0\0".encode())
        return self.read()

    def submit(self, number: int = 0, text: bytes = b"kalimera", registered: int = 1, **fields: bytes) -> int:
        """Send a message to 3069…`number`; returns its sequence number."""
        to = fields.get("to", b"%d" % (306_900_000_000 + number))
        head = b"\0\x05\0" + fields.get("sender", b"KERYX") + b"\0\x01\x01" + to + b"\0"
        flags = fields.get("esm", b"\0") + bytes((0, 0, 0, 0, registered, 0, 0, 0))
        return self.send(SUBMIT_SM, head + flags + bytes((len(text),)) + text)

    def answer(self, receipt: Pdu, status: int = 0) -> None:
        """Acknowledge a deliver_sm."""
        assert receipt.command == DELIVER_SM
        self.send(DELIVER_SM_RESP, b"\0", status, receipt.sequence)

    def read_many(self, count: int) -> list[Pdu]:
        """The next so many PDUs."""
        return [self.read() for _ in range(count)]

    def read_sorted(self, responses: int, receipts: int) -> tuple[list[Pdu], list[Pdu]]:
        """So many submit_sm_resp and deliver_sm, whichever comes first, each kind in its own order."""
        pdus = self.read_many(responses + receipts)
        found = [pdu for pdu in pdus if pdu.command == SUBMIT_SM_RESP]
        assert len(found) == responses
        return found, [pdu for pdu in pdus if pdu.command == DELIVER_SM]

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
