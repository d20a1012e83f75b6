"""What the SMSC got and what became of it: append-only columns, a few hundred bytes a message.

A row is a number from 0; outsiders see n = row + 1. Times are UTC seconds. Whoever needs more than counts
reads the rows as lines of JSON, in order and resumable.
"""

import json
from array import array
from collections.abc import Iterator

from simulators.smsc import decode
from simulators.smsc.behaviour import OUTCOMES
from simulators.smsc.pdu import HEADER_SIZE, status_name
from simulators.smsc.submit import FIELDS

WAITING, SENT, LOST, DROPPED = range(4)
ANSWERS = ("waiting", "sent", "lost", "dropped")
LINES = 256  # lines made at a time, so that a reader of many never holds up the loop


class Received:
    """Every submit_sm, with what it was answered and whether that answer left."""

    def __init__(self, keep: int) -> None:
        """`keep` submits are held; what comes after is refused, never forgotten."""
        self.keep = keep
        self.raw: list[bytes] = []
        self.ids = array("Q")
        self.times = array("d")
        self.statuses = array("L")
        self.connections = array("L")
        self.answers = bytearray()
        self.hexadecimal = bytearray()
        self.accepted = 0
        self.counts = [0, 0, 0, 0]  # of those answered ESME_ROK, by ANSWERS
        self.refused: dict[int, int] = {}
        self.numbers: dict[bytes, int] = {}
        self.duplicates = 0
        self._seen: set[int] = set()
        self._undigested: list[int] = []

    def __len__(self) -> int:
        return len(self.raw)

    def add(self, raw: bytes, status: int, time: float, connection: int, identifier: int, hexa: bool) -> int:
        """Keep a submit; returns its row. The answer is WAITING until its bytes leave."""
        row = len(self.raw)
        self.raw.append(raw)
        self.ids.append(identifier)
        self.times.append(time)
        self.statuses.append(status)
        self.connections.append(connection)
        self.answers.append(WAITING)
        self.hexadecimal.append(hexa)
        if status:
            self.refused[status] = self.refused.get(status, 0) + 1
        else:
            self.accepted += 1
        return row

    def sent(self, rows: list[int]) -> None:
        """The kernel has the whole responses of these rows (negative entries are other PDUs)."""
        answers, statuses, undigested = self.answers, self.statuses, self._undigested
        for row in rows:
            if row >= 0:
                answers[row] = SENT
                if statuses[row] == 0:
                    undigested.append(row)

    def unanswered(self, row: int, how: int) -> None:
        """The response of this row will never leave: LOST with its connection, or DROPPED on purpose."""
        self.answers[row] = how
        if self.statuses[row] == 0:
            self.counts[how] += 1

    @property
    def rok(self) -> int:
        """Submits whose ESME_ROK was handed to the kernel."""
        return self.counts[SENT] + len(self._undigested)

    def digest(self, leave: int = 0) -> None:
        """Count numbers and doubles among what was answered ESME_ROK, but for the last `leave` rows.

        Kept out of the hot path: a double is the same text, or part of it, from one sender to one number
        (the concatenation reference, which another attempt may change, is not compared).
        """
        ready = len(self._undigested) - leave
        if ready <= 0:
            return
        for row in self._undigested[:ready]:
            self._count(self.raw[row])
        del self._undigested[:ready]
        self.counts[SENT] += ready

    def _count(self, raw: bytes) -> None:
        match = FIELDS.match(raw, HEADER_SIZE)
        if match is None:
            return
        source, destination, fixed, _ = match.groups()
        body = raw[match.end() :]
        if fixed[0] & 0x40 and body[:3] == b"\x05\x00\x03":
            body = body[4:]
        self.numbers[destination[2:]] = self.numbers.get(destination[2:], 0) + 1
        key = hash((source, destination, body))
        if key in self._seen:
            self.duplicates += 1
        self._seen.add(key)

    def identifier(self, row: int) -> str | None:
        """The message id as the response gave it, None for a refused submit."""
        if self.statuses[row]:
            return None
        return f"{self.ids[row]:x}" if self.hexadecimal[row] else str(self.ids[row])

    def lines(self, since: int, systems: dict[int, str], decoded: bool) -> Iterator[bytes]:
        """NDJSON of the rows with n > `since` that exist now, some hundred lines at a time."""
        end = len(self.raw)
        for start in range(since, end, LINES):
            block = range(start, min(start + LINES, end))
            yield "".join(self._line(row, systems, decoded) for row in block).encode()

    def _line(self, row: int, systems: dict[int, str], decoded: bool) -> str:
        connection = self.connections[row]
        line = {
            "n": row + 1,
            "id": self.identifier(row),
            "time": round(self.times[row], 6),
            "command_status": self.statuses[row],
            "status": status_name(self.statuses[row]),
            "answer": ANSWERS[self.answers[row]],
            "system_id": systems.get(connection),
            "connection": connection,
            "raw": self.raw[row].hex(),
        }
        if decoded:
            try:
                line.update(decode.submit(self.raw[row]).as_json())
            except decode.Unreadable as error:
                line["unreadable"] = str(error)
        return json.dumps(line, ensure_ascii=False) + "\n"


class Receipts:
    """Every delivery receipt, planned, sent and answered."""

    DUPLICATE = 1
    EARLY = 2
    REFUSED = 4

    def __init__(self) -> None:
        self.rows = array("L")
        self.outcomes = bytearray()
        self.errors = bytearray()
        self.sent_at = array("d")
        self.answered_at = array("d")
        self.statuses = array("l")
        self.flags = bytearray()
        self.tries = bytearray()
        self.codes = [b"000"]
        self.sent = self.resent = self.answered = self.refused = 0
        self.early = self.duplicated = 0
        self.made_by = [0] * len(OUTCOMES)
        self.sent_by = [0] * len(OUTCOMES)
        self.answered_by = [0] * len(OUTCOMES)
        self.refused_by = [0] * len(OUTCOMES)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def pending(self) -> int:
        """Receipts not yet answered for good."""
        return len(self.rows) - self.answered - self.refused

    def code(self, name: str) -> int:
        """The small number under which an error code is kept."""
        code = name.encode()
        if code not in self.codes:
            self.codes.append(code)
        return self.codes.index(code)

    def add(self, row: int, outcome: int, error: int, flags: int) -> int:
        """Plan the receipt of a submit; returns the receipt's number."""
        receipt = len(self.rows)
        self.rows.append(row)
        self.outcomes.append(outcome)
        self.errors.append(error)
        self.sent_at.append(0.0)
        self.answered_at.append(0.0)
        self.statuses.append(-1)
        self.flags.append(flags)
        self.tries.append(0)
        self.made_by[outcome] += 1
        return receipt

    def sending(self, receipt: int, time: float) -> None:
        """Count it as sent, the first time or again."""
        tries = self.tries[receipt]
        if tries:
            if self.statuses[receipt] >= 0:
                self.duplicated += 1
            else:
                self.resent += 1
        else:
            self.sent += 1
            self.sent_by[self.outcomes[receipt]] += 1
            self.sent_at[receipt] = time
        self.tries[receipt] = min(tries + 1, 255)

    def settle(self, receipt: int, status: int, time: float) -> None:
        """Its deliver_sm_resp has come; a later one for a duplicate changes nothing."""
        if self.statuses[receipt] >= 0:
            return
        self.statuses[receipt] = status
        self.answered_at[receipt] = time
        if status:
            self.refused += 1
            self.refused_by[self.outcomes[receipt]] += 1
        else:
            self.answered += 1
            self.answered_by[self.outcomes[receipt]] += 1

    def lines(self, since: int, received: Received) -> Iterator[bytes]:
        """NDJSON of the receipts with n > `since` that exist now, some hundred lines at a time."""
        end = len(self.rows)
        for start in range(since, end, LINES):
            block = range(start, min(start + LINES, end))
            yield "".join(self._line(receipt, received) for receipt in block).encode()

    def _line(self, receipt: int, received: Received) -> str:
        status = self.statuses[receipt]
        line = {
            "n": receipt + 1,
            "submit": self.rows[receipt] + 1,
            "id": str(received.ids[self.rows[receipt]]),
            "stat": OUTCOMES[self.outcomes[receipt]],
            "err": self.codes[self.errors[receipt]].decode(),
            "sent": round(self.sent_at[receipt], 6) or None,
            "tries": self.tries[receipt],
            "early": bool(self.flags[receipt] & self.EARLY),
            "answered": round(self.answered_at[receipt], 6) or None,
            "answered_status": status if status >= 0 else None,
        }
        return json.dumps(line) + "\n"
