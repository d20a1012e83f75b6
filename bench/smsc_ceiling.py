"""How fast the SMSC simulator is by itself, so that nobody mistakes it for Keryx's limit.

    python bench/smsc_ceiling.py [--count 200000] [--window 200] [--connections 1] [--preset calm]

A hand-packed client, bounded by its window, sends `count` submit_sm that ask for receipts and answers each
deliver_sm. Printed: submits and receipts per second from the first byte to the last receipt, CPU seconds per
1,000 messages of either side (from /proc), the simulator's peak memory.
"""

import argparse
import itertools
import os
import selectors
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from simulators.smsc import pdu
from simulators.smsc.testing import running

TAIL = b"\0\0\0\0\0\x01\0\0\0%c%s"
TEXT = b"Agapite Kosta, i prosfora isxyei mexri tin Kyriaki. STOP: https://k.gr/u/Ab3xK9q"
LIMIT_S = 60
BIND = b"keryx\0secret\0\0\x34\0\0\0"


def submit(number: int) -> bytes:
    """The PDU for one recipient."""
    body = b"\0\x05\0KERYX\0\x01\x0130%d\0" % (6_900_000_000 + number) + TAIL % (len(TEXT), TEXT)
    return pdu.pdu(pdu.SUBMIT_SM, 0, number + 1, body)


class Client:
    """One connection that keeps its window full."""

    def __init__(self, address: tuple[str, int], numbers: range, window: int) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(pdu.pdu(pdu.BIND_TRANSCEIVER, 0, 1, BIND))
        self.socket.recv(256)
        self.socket.setblocking(False)
        self.left = iter(numbers)
        self.window = window
        self.responses = self.receipts = self.refused = 0
        self._tail = b""
        self._out = b""

    def start(self) -> None:
        """Fill the window."""
        self._write([submit(number) for number in itertools.islice(self.left, self.window)])

    def on_ready(self) -> None:
        """Read, answer receipts, refill what responses have freed."""
        fresh = self.socket.recv(1 << 18)
        if not fresh:
            raise ConnectionError("the simulator hung up")
        data = self._tail + fresh
        offset, size, out = 0, len(data), []
        while size - offset >= 16:
            length, command, status, sequence = struct.unpack_from(">IIII", data, offset)
            if offset + length > size:
                break
            if command == pdu.SUBMIT_SM_RESP:
                self.responses += 1
                self.refused += status != 0
                number = next(self.left, None)
                if number is not None:
                    out.append(submit(number))
            elif command == pdu.DELIVER_SM:
                self.receipts += 1
                out.append(struct.pack(">IIIIc", 17, pdu.DELIVER_SM_RESP, 0, sequence, b"\0"))
            offset += length
        self._tail = data[offset:]
        self._write(out)

    def _write(self, pdus: list[bytes]) -> None:
        self._out += b"".join(pdus)
        while self._out:
            try:
                self._out = self._out[self.socket.send(self._out) :]
            except BlockingIOError:
                break


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    """Largest resident size of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def drive(clients: list[Client], total: int, patience: float = LIMIT_S) -> float:
    """Send everything and take all receipts; seconds until the last response. TimeoutError after ``patience`` seconds."""
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        start, submitted = time.perf_counter(), 0.0
        for client in clients:
            client.start()
        while time.perf_counter() - start < patience:
            for key, _ in selector.select(1):
                key.data.on_ready()
            if not submitted and sum(client.responses for client in clients) >= total:
                submitted = time.perf_counter() - start
            refused = sum(client.refused for client in clients)
            if sum(client.receipts for client in clients) >= total - refused:
                return submitted
    raise TimeoutError(f"not all receipts within {patience:.0f} s")


def main() -> None:
    """Run once and print one line a figure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--count", type=int, default=200_000)
    options.add_argument("--window", type=int, default=200)
    options.add_argument("--connections", type=int, default=1)
    options.add_argument("--preset", default="calm")
    chosen = options.parse_args()
    count = min(chosen.count, 200_000)
    with running(preset=chosen.preset) as smsc:
        each = count // chosen.connections
        total = each * chosen.connections
        clients = [
            Client(smsc.address, range(index * each, (index + 1) * each), chosen.window)
            for index in range(chosen.connections)
        ]
        before, own, start = cpu_seconds(smsc.pid), time.process_time(), time.perf_counter()
        submitted = drive(clients, total)
        seconds = time.perf_counter() - start
        theirs, ours = cpu_seconds(smsc.pid) - before, time.process_time() - own
        stats = smsc.stats()
        print(f"preset {chosen.preset}, window {chosen.window} x {chosen.connections}, {total:,} submits")
        print(f"submits/s until the last response     {total / submitted:12,.0f}")
        print(f"submits and receipts/s, to the end    {total / seconds:12,.0f}")
        print(f"CPU s per 1,000: simulator            {theirs / total * 1000:12.4f}")
        print(f"CPU s per 1,000: this client          {ours / total * 1000:12.4f}")
        print(f"simulator's peak memory, MB           {peak_mb(smsc.pid):12.0f}")
        print(f"distinct {stats['distinct']:,}, rok {stats['rok']:,}, throttled {stats['throttled']:,}, "
              f"receipts {stats['receipts']['sent']:,}")  # fmt: skip


if __name__ == "__main__":
    main()
