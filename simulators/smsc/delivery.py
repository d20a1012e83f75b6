"""Receipts and inbound messages on their way to whoever is bound.

They wait while nobody is, go round robin to the receiving binds of their system_id within each bind's
window, and come again when a bind ends, is silent for too long or asks to be tried later.
"""

from collections import deque
from typing import TYPE_CHECKING

from simulators.smsc import pdu, receipt
from simulators.smsc.behaviour import DELIVERED, NONE, OUTCOMES
from simulators.smsc.pdu import HEADER, HEADER_SIZE
from simulators.smsc.store import WAITING, Receipts

if TYPE_CHECKING:
    from simulators.smsc.engine import Engine
    from simulators.smsc.session import Session

TRIES = 10  # of a receipt that is answered "not now"
SECOND_COPY_S = 0.2
SUCCESSES_ONLY, FAILURES_ONLY = 3, 2  # registered_delivery; the former is of SMPP 5.0


class Login:
    """What waits for the binds of one system_id: receipts by their number, inbound messages as bodies."""

    def __init__(self) -> None:
        self.waiting: deque[int | bytes] = deque()
        self.sessions: list[Session] = []
        self.turn = 0


class Delivery:
    """Everything the SMSC sends of its own accord."""

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine
        self.logins: dict[str, Login] = {}
        self._reference = 0

    def login(self, system_id: str) -> Login:
        """The queue of a system_id."""
        found = self.logins.get(system_id)
        if found is None:
            found = self.logins[system_id] = Login()
        return found

    def plan(self, session: "Session", row: int, number: bytes, registered: int) -> bool:
        """Decide the fate of a message; True when its receipt is to overtake the response."""
        engine, behaviour = self.engine, self.engine.behaviour
        bits = behaviour.draw(number)
        outcome = behaviour.outcomes[bits & 0xFFFF]
        if outcome == NONE or registered == (FAILURES_ONLY if outcome == DELIVERED else SUCCESSES_ONLY):
            return False
        early = (bits >> 32) & 0xFFFF < behaviour.early
        flags = Receipts.EARLY * early | Receipts.DUPLICATE * (bits >> 48 < behaviour.duplicate)
        error = 0 if outcome == DELIVERED else self._error(OUTCOMES[outcome], bits >> 24)
        planned = engine.receipts.add(row, outcome, error, flags)
        delay = behaviour.delay + behaviour.delay_step * ((bits >> 16) & 0xFFFF)
        if delay and not early:
            engine.wheel.add(engine.now + delay, planned)
        else:
            self.login(session.system_id).waiting.append(planned)
        return early

    def _error(self, outcome: str, bits: int) -> int:
        codes = self.engine.behaviour.faults.receipts.errors.get(outcome)
        return self.engine.receipts.code(codes[bits % len(codes)]) if codes else 0

    def inbound(self, system_id: str, sender: str, recipient: str, text: str, encoding: str) -> int:
        """A handset's message for the binds of `system_id`; returns its parts, raises as inbound_bodies."""
        self._reference += 1
        bodies = receipt.inbound_bodies(sender, recipient, text, encoding, self._reference)
        self.login(system_id).waiting.extend(bodies)
        self.engine.counters.mo_made += len(bodies)
        return len(bodies)

    def ready(self, number: int) -> None:
        """A receipt's time has come."""
        engine = self.engine
        system_id = engine.systems[engine.received.connections[engine.receipts.rows[number]]]
        self.login(system_id).waiting.append(number)

    def dispatch(self) -> None:
        """Give what waits to the binds that have room."""
        engine = self.engine
        if engine.behaviour.faults.receipts.paused or engine.mute_until > engine.now:
            return
        for login in self.logins.values():
            while login.waiting:
                rooms = [(session, session.room) for session in login.sessions]
                rooms = [(session, room) for session, room in rooms if room > 0]
                if not rooms:
                    break
                share = -(-len(login.waiting) // len(rooms))
                login.turn += 1
                first = login.turn % len(rooms)
                for session, room in rooms[first:] + rooms[:first]:
                    self._give(session, login, min(share, room, len(login.waiting)))

    def _give(self, session: "Session", login: Login, count: int) -> None:
        """Send the next `count` of what waits over one bind, as one piece."""
        engine, pack, unanswered = self.engine, HEADER.pack, session.unanswered
        pieces: list[bytes] = []
        done = receipt.stamp(engine.wall, engine.behaviour.faults.receipts.date_digits)
        for _ in range(count):
            what = login.waiting.popleft()
            if isinstance(what, bytes):
                engine.counters.mo_sent += 1
                body = what
            else:
                body = self._body(what, done)
            sequence = session.next_sequence()
            unanswered[sequence] = what, engine.now
            pieces += pack(HEADER_SIZE + len(body), pdu.DELIVER_SM, 0, sequence), body
        if pieces:
            session.send(b"".join(pieces))

    def _body(self, number: int, done: bytes) -> bytes:
        """Body of a receipt about to leave: counts it, and plans its copy if it is one that comes twice."""
        engine = self.engine
        receipts, received, form = engine.receipts, engine.received, engine.behaviour.faults.receipts
        row, flags, outcome = receipts.rows[number], receipts.flags[number], receipts.outcomes[number]
        if flags and not receipts.tries[number]:
            if flags & Receipts.EARLY and received.answers[row] == WAITING:
                receipts.early += 1
            if flags & Receipts.DUPLICATE:
                engine.wheel.add(engine.now + SECOND_COPY_S, number)
        receipts.sending(number, engine.wall)
        times = receipt.stamp(received.times[row], form.date_digits), done
        error = receipts.codes[receipts.errors[number]]
        raw, identifier = received.raw[row], received.ids[row]
        return receipt.receipt_body(raw, identifier, outcome, error, times, form.text, form.tlvs)

    def answered(self, session: "Session", sequence: int, status: int) -> None:
        """A deliver_sm_resp has come: settle it, or try again when the client asks for that."""
        engine = self.engine
        entry = session.unanswered.pop(sequence, None)
        if entry is None:
            return
        what, receipts = entry[0], engine.receipts
        if isinstance(what, bytes):
            engine.counters.mo_answered += 1
        elif status in pdu.PASSING and receipts.tries[what] < TRIES and receipts.statuses[what] < 0:
            engine.wheel.add(engine.now + engine.behaviour.faults.receipts.retry_ms / 1000, what)
        else:
            receipts.settle(what, status, engine.wall)

    def bound(self, session: "Session") -> None:
        """A bind that receives has come."""
        self.login(session.system_id).sessions.append(session)

    def gone(self, session: "Session") -> None:
        """A bind has ended: what it had not answered goes first to the next, in its old order."""
        login = self.login(session.system_id)
        login.waiting.extendleft(what for what, _ in reversed(session.unanswered.values()))
        session.unanswered.clear()
        if session in login.sessions:
            login.sessions.remove(session)

    def overdue(self, session: "Session") -> None:
        """What this bind has left without an answer for too long goes to the end of the queue."""
        engine = self.engine
        limit = engine.now - engine.behaviour.faults.receipts.timeout_s
        while session.unanswered:
            sequence, (what, sent) = next(iter(session.unanswered.items()))
            if sent > limit:
                return
            del session.unanswered[sequence]
            self.login(session.system_id).waiting.append(what)

    def forget(self) -> None:
        """Drop everything that waits."""
        for login in self.logins.values():
            login.waiting.clear()
