"""The SMSC's mind: takes submits, answers them, and applies the faults to those answers.

One thread, no locks: the loop calls in, sessions call back. `now` (monotonic) and `wall` (UTC) are set once
a turn of the loop, which is the resolution of every recorded time.
"""

import hmac
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulators.smsc import ids
from simulators.smsc.behaviour import MASK, Behaviour
from simulators.smsc.delivery import Delivery
from simulators.smsc.faults import Disconnect, Drop, Faults, Half
from simulators.smsc.pdu import HEADER, HEADER_SIZE, STATUS, SUBMIT_SM_RESP
from simulators.smsc.session import Session
from simulators.smsc.store import DROPPED, LOST, Receipts, Received
from simulators.smsc.submit import check
from simulators.smsc.wheel import Wheel

FOREVER = float("inf")
# Answered submits whose numbers are not counted yet: few enough to be counted when somebody asks.
DIGEST_LATER = 5_000


@dataclass
class Counters:
    """What is counted beside the rows."""

    connections: int = 0
    refused_binds: int = 0
    malformed: int = 0
    nacks: int = 0
    mo_made: int = 0
    mo_sent: int = 0
    mo_answered: int = 0


class Engine:
    """Holds everything the SMSC knows. `selector` is the loop's, `keep` the submits it has room for."""

    def __init__(
        self, selector: selectors.BaseSelector, logins: dict[bytes, bytes], start: Faults, keep: int
    ) -> None:
        self.selector = selector
        self.logins = logins
        self.keep = keep
        self.now, self.wall = time.monotonic(), time.time()
        self.mute_until = self.silent_until = 0.0
        self.wheel = Wheel()
        self.sessions: dict[int, Session] = {}
        self.systems: dict[int, str] = {}  # connection → system_id, of all binds there ever were
        self.dirty: list[Session] = []
        self.delivery = Delivery(self)
        self.received, self.receipts, self.counters = Received(keep), Receipts(), Counters()
        self._connections = 0
        self._id_form: tuple[str, int | None] | None = None
        self.next_id: Callable[[], int]
        self.behave(start)

    def behave(self, faults: Faults) -> None:
        """Behave like this from now on. What is to happen once happens here, and is shown as done."""
        close, silent, drop = faults.disconnect.now, faults.silent.for_s, faults.silent.then == "drop"
        faults.disconnect.now, faults.silent.for_s = False, 0
        self.behaviour = Behaviour(faults, self.now)
        self.plain = self.behaviour.answers_at_once
        form = faults.message_id, faults.seed
        if form != self._id_form:
            self._id_form = form
            self.next_id = ids.maker(*form)
        if silent:
            self._fall_silent(silent, drop)
        if close:
            for session in list(self.sessions.values()):
                session.close()

    def reset(self) -> None:
        """Forget all that was received, planned and counted. Binds and behaviour stay."""
        for session in self.sessions.values():
            session.forget_rows()
        self.delivery.forget()
        self.wheel.change(_without_row)
        self.received, self.receipts, self.counters = Received(self.keep), Receipts(), Counters()
        if self._id_form and self._id_form[0] != "decimal":
            self.next_id = ids.maker(*self._id_form)

    # ---- what the loop and the sessions call

    def accepted(self, connection: socket.socket) -> Session:
        """A new connection; it gets no word while the SMSC is silent."""
        self._connections += 1
        self.counters.connections += 1
        session = Session(connection, self._connections, self)
        session.blocked_until = self.silent_until
        self.sessions[session.number] = session
        return session

    def may_bind(self, system_id: bytes, password: bytes) -> int:
        """The status a bind with these credentials gets."""
        status = STATUS["ESME_RINVPASWD"]
        if self.behaviour.faults.refuse_binds:
            status = STATUS[self.behaviour.faults.refuse_binds]
        elif system_id not in self.logins:
            status = STATUS["ESME_RINVSYSID"]
        elif hmac.compare_digest(password, self.logins[system_id]):
            return 0
        self.counters.refused_binds += 1
        return status

    def bound(self, session: Session) -> None:
        """A bind was accepted."""
        self.systems[session.number] = session.system_id
        if session.may_receive:
            self.delivery.bound(session)

    def gone(self, session: Session) -> None:
        """A connection has ended."""
        self.sessions.pop(session.number, None)
        if session.kind:
            self.delivery.gone(session)

    def submit(self, session: Session, raw: bytes, sequence: int) -> None:
        """Judge a submit_sm, keep it, plan its receipt, answer it."""
        received, behaviour = self.received, self.behaviour
        status, registered, number = check(raw)
        if not session.may_submit:
            status = STATUS["ESME_RINVBNDSTS"]
        elif not status:
            status = behaviour.refusal(number, self.now)
            if not status and len(received) >= received.keep:
                status = STATUS["ESME_RMSGQFUL"]
        early = False
        if status:
            row = received.add(raw, status, self.wall, session.number, 0, False)
            answer = HEADER.pack(HEADER_SIZE, SUBMIT_SM_RESP, status, sequence)
        else:
            identifier = self.next_id()
            row = received.add(raw, 0, self.wall, session.number, identifier, behaviour.hex_ids)
            words = b"%x\0" % identifier if behaviour.hex_ids else b"%d\0" % identifier
            answer = HEADER.pack(HEADER_SIZE + len(words), SUBMIT_SM_RESP, 0, sequence) + words
            if registered:
                early = self.delivery.plan(session, row, number, registered)
        delay = behaviour.faults.receipts.early_by_ms / 1000 if early else 0.0
        if not self.plain:
            self._answer_oddly(session, answer, row, number, delay)
        elif early:
            self.wheel.add(self.now + delay, (session, answer, row))
        else:
            session.send(answer, row)

    # ---- faults of responses

    def _answer_oddly(self, session: Session, answer: bytes, row: int, number: bytes, delay: float) -> None:
        """Answer a submit while some fault of responses is set."""
        faults, behaviour = self.behaviour.faults, self.behaviour
        bits = behaviour.draw_response(number)
        if faults.disconnect.after_submits and self._count_down(faults.disconnect, "after_submits"):
            self._hang_up(session, answer, row, faults.disconnect.mid_pdu)
        elif self._struck(faults.drop, bits & MASK):
            self.received.unanswered(row, DROPPED)
        elif self._struck(faults.half, (bits >> 16) & MASK):
            self._halve(session, answer, row, faults.half.delay_ms)
        else:
            delay += behaviour.latency + behaviour.latency_step * ((bits >> 32) & MASK)
            if delay:
                self.wheel.add(self.now + delay, (session, answer, row))
            else:
                session.send(answer, row)

    def _struck(self, fault: Drop | Half, bits: int) -> bool:
        """Whether this response is one of the `next` ones or of the `rate`."""
        if fault.next:
            self._count_down(fault, "next")
            return True
        return bits < fault.rate * (MASK + 1)

    def _count_down(self, fault: Drop | Half | Disconnect, name: str) -> bool:
        """Use up one of a countdown; True when it was the last."""
        left: int = getattr(fault, name) - 1
        setattr(fault, name, left)
        self.plain = self.behaviour.answers_at_once
        return left == 0

    def _hang_up(self, session: Session, answer: bytes, row: int, mid_pdu: bool) -> None:
        if mid_pdu:
            session.send(answer[: len(answer) // 2])
        session.flush()
        session.close()
        self.received.unanswered(row, LOST)

    def _halve(self, session: Session, answer: bytes, row: int, delay_ms: float | None) -> None:
        middle = len(answer) // 2
        session.send(answer[:middle])
        session.flush()
        until = FOREVER if delay_ms is None else self.now + delay_ms / 1000
        session.block(until)
        session.send(answer[middle:], row)
        if delay_ms is not None:
            self.wheel.add(until, self.wake)

    def _fall_silent(self, seconds: float, drop: bool) -> None:
        until = self.now + seconds
        if drop:
            self.mute_until = until
        else:
            self.silent_until = until
            for session in self.sessions.values():
                session.block(until)
        self.wheel.add(until, self.wake)

    def wake(self) -> None:
        """A silence may be over: let every connection try to speak."""
        for session in self.sessions.values():
            if not session.dirty:
                session.dirty = True
                self.dirty.append(session)

    # ---- time

    def turn(self) -> None:
        """The end of a turn of the loop: what fell due, what can be delivered, what is to be written."""
        for item in self.wheel.due(self.now):
            if isinstance(item, int):
                self.delivery.ready(item)
            elif isinstance(item, tuple):
                item[0].send(item[1], item[2])
            else:
                item()
        self.delivery.dispatch()
        while self.dirty:
            ready, self.dirty = self.dirty, []
            for session in ready:
                session.dirty = False
                session.flush()
        self.received.digest(leave=DIGEST_LATER)


def _without_row(item: Any) -> Any:
    """What stays in the wheel after a reset: answers still to be given, and calls; no receipts."""
    if isinstance(item, int):
        return None
    return (item[0], item[1], -1) if isinstance(item, tuple) else item
