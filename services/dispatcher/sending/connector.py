"""A connector at work: its bind, its window, its two lanes, and what the operator says.

Runs in the loop's thread; nothing here blocks. The operator's answers are definite when negative (the part was not taken), so
those may be tried again; no answer is doubt, and is never tried again (DESIGN §3, Doubt).
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from prometheus_client import Counter, Gauge

from servicekit import crashpoints, logs

from .. import inbound
from ..domain import RECEIPT_STATES, RECEIPT_STATES_BY_NUMBER, RETRIES, State
from ..outcomes import Finished, Receipt
from ..progress import ChunkCache
from ..smpp import pdu
from ..smpp.bind import Address, Bind
from .lane import Delivery, Lane, Part, outcome
from .threads import Marks, Results

log = logs.get(__name__)

KNOWN_IDS = 500_000
WRITE_AHEAD_OCTETS = 64 * 1024
PRIORITY_SHARE = 0.8
PAUSE_STEP, PAUSE_MAX, HELD_BACK_SECONDS = 0.05, 2.0, 1.0

parts_submitted = Counter(
    "keryx_parts_submitted_total", "Parts by the operator's answer", ["connector", "status"]
)
receipts_seen = Counter("keryx_receipts_total", "Delivery receipts by state", ["connector", "state"])
in_doubt = Counter("keryx_parts_in_doubt_total", "Parts whose answer never came", ["connector"])
window_used = Gauge("keryx_window_used", "Parts written and not answered", ["connector"])


@dataclass(frozen=True)
class Settings:
    """A connector as the operator configured it; a changed one is made anew."""

    connector_id: int
    name: str
    address: Address
    window: int
    parts_per_second: int | None
    response_timeout: int
    receipt_ids: str
    version: int


class Connector:
    """Owner of two lanes, listener of one bind."""

    def __init__(
        self,
        settings: Settings,
        selector: Any,
        marks: Marks,
        results: Results,
        cache: ChunkCache,
        instance: str,
    ) -> None:
        """Binds at the first ``tick``."""
        self.settings = settings
        self.connector_id, self.name, self.instance = settings.connector_id, settings.name, instance
        self.bind = Bind(settings.address, selector, self)
        self.lanes = {name: Lane(name, self, cache) for name in ("priority", "bulk")}
        self.draining = False
        self.counted = {"submits": 0, "receipts": 0}
        self._marks, self._results = marks, results
        self._flights: dict[int, Part] = {}
        self._order: deque[tuple[int, float]] = deque()
        self._late: OrderedDict[int, Part] = OrderedDict()
        self._ids: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        self._paused_until, self._pause = 0.0, PAUSE_STEP
        self._tokens, self._tokens_at = 1.0, time.monotonic()
        # Looking a labelled counter up costs more than counting does.
        self._answered_as = _Labelled(lambda status: parts_submitted.labels(self.name, f"0x{status:02X}"))
        self._seen = _Labelled(lambda state: receipts_seen.labels(self.name, state))

    # --- what lanes ask of their owner

    def do(self, job: Callable[[Any], Any], done: Callable[[Any], None]) -> None:
        """Run a job on the marks' connection."""
        self._marks.do(job, done)

    def settle(self, part: Part, state: State, smsc_id: str | None, error: str | None) -> None:
        """Store an outcome; the part's place in the window is free once it is committed."""
        fresh = self._results.fresh
        fresh.submits.append(outcome(part, self.connector_id, state, smsc_id, error))
        fresh.settled.append(part)

    def finish(self, finished: Finished, after: Callable[[], None]) -> None:
        """Store that a batch is done."""
        self._results.fresh.finished.append(finished)
        self._results.fresh.after.append(after)

    def slice_size(self) -> int:
        """Half a window, and no more than a quarter of a second's worth, so that a pause is quick."""
        size = max(1, self.settings.window // 2)
        rate = self.settings.parts_per_second
        return min(size, max(1, rate // 4)) if rate else size

    def room(self, lane: str) -> int:
        """Free places in the window; the priority lane may take PRIORITY_SHARE of it at most."""
        if not self.bind.is_up or self.draining:
            return 0
        free = self.settings.window - sum(each.outstanding for each in self.lanes.values())
        if lane == "priority":
            share = max(1, int(self.settings.window * PRIORITY_SHARE))
            return max(0, min(free, share - self.lanes["priority"].outstanding))
        return max(0, free)

    # --- the loop

    def tick(self, now: float) -> None:
        """Everything that time brings: keep-alive, answers that are overdue, new work."""
        self.bind.tick(now)
        self._expire(now)
        self.pump(now)

    def pump(self, now: float) -> None:
        """Take, mark and write as much as window, rate and operator allow."""
        if not self.bind.is_up:
            return
        for lane in self.lanes.values():
            lane.feed(now)
        before = len(self._flights)
        if now >= self._paused_until:
            for lane in self.lanes.values():
                self._write_from(lane, now)
        self.bind.flush()
        if len(self._flights) > before:
            crashpoints.reach("sender.submitted")

    def _write_from(self, lane: Lane, now: float) -> None:
        while len(self._flights) < self.settings.window and self.bind.pending_octets() < WRITE_AHEAD_OCTETS:
            if not self._may_send(now):
                return
            part = lane.part_to_send(now)
            if part is None:
                return
            self._tokens -= 1
            sequence = self.bind.next_sequence()
            self._flights[sequence] = part
            self._order.append((sequence, now))
            self.bind.write(pdu.pack(pdu.SUBMIT_SM, 0, sequence, part.body))

    def _may_send(self, now: float) -> bool:
        rate = self.settings.parts_per_second
        if rate is None:
            return True
        # A tenth of a second of saved-up tokens at most: an operator counts in short intervals.
        self._tokens = min(max(1.0, rate / 10), self._tokens + (now - self._tokens_at) * rate)
        self._tokens_at = now
        return self._tokens >= 1

    def _expire(self, now: float) -> None:
        """A response that did not come in time is doubt; the place on the wire is free, the part remembered."""
        limit = now - self.settings.response_timeout
        while self._order and self._order[0][1] < limit:
            sequence, _ = self._order.popleft()
            part = self._flights.pop(sequence, None)
            if part is not None:
                self._doubt(part)
                self._late[sequence] = part
                if len(self._late) > self.settings.window * 4:
                    self._late.popitem(last=False)

    def _doubt(self, part: Part) -> None:
        in_doubt.labels(self.name).inc()
        self.settle(part, State.UNCERTAIN, None, "no_answer")

    # --- what the bind tells

    def bound(self) -> None:
        """Ready to send."""
        self.pump(time.monotonic())

    def unbound(self, reason: str) -> None:
        """What was on the wire is in doubt; what was not goes back whole, until the bind is up again."""
        for part in self._flights.values():
            self._doubt(part)
        self._flights.clear()
        self._order.clear()
        self._late.clear()
        for lane in self.lanes.values():
            lane.suspend()

    def answered(self, sequence: int, status: int, message_id: str) -> None:
        """A submit_sm_resp."""
        part = self._flights.pop(sequence, None)
        if part is None:
            self._answered_late(sequence, status, message_id)
            return
        self.counted["submits"] += 1
        if status == pdu.ESME_ROK:
            self._pause = PAUSE_STEP
            self._taken(part, message_id)
        elif (retry := RETRIES.get(status)) and part.tries + 1 < retry.tries:
            part.tries += 1
            if retry.pauses_bind:
                self._hold_back(time.monotonic())
            else:
                part.not_before = time.monotonic() + retry.pause_seconds
            part.lane.put_back(part, front=retry.pauses_bind)
        else:
            part.work.refused.add(part.ordinal)
            self.settle(part, State.REJECTED, None, f"smsc_0x{status:02X}")
        self._answered_as[status].inc()

    def _hold_back(self, now: float) -> None:
        """Pause, each time twice as long; a window full of the same answer is one time, not two hundred."""
        if now >= self._paused_until:
            self._paused_until = now + self._pause
            self._pause = min(PAUSE_MAX, self._pause * 2)

    def _taken(self, part: Part, message_id: str) -> None:
        smsc_id = self._normal_id(message_id)
        row = part.work.taken.rows[part.ordinal]
        self._ids[smsc_id] = (row.id, part.no, part.total)
        if len(self._ids) > KNOWN_IDS:
            self._ids.popitem(last=False)
        self.settle(part, State.SUBMITTED, smsc_id, None)

    def _answered_late(self, sequence: int, status: int, message_id: str) -> None:
        """Proof for a part that was given up: stored over the doubt."""
        part = self._late.pop(sequence, None)
        if part is None:
            return
        ok = status == pdu.ESME_ROK
        state, smsc_id = (State.SUBMITTED, self._normal_id(message_id)) if ok else (State.REJECTED, None)
        error = None if ok else f"smsc_0x{status:02X}"
        self._results.fresh.submits.append(outcome(part, self.connector_id, state, smsc_id, error))

    def delivered(self, sequence: int, deliver: pdu.Deliver) -> None:
        """A deliver_sm: a receipt, or a message from a phone. Answered after it is committed."""
        self.counted["receipts"] += 1
        fresh = self._results.fresh
        fresh.answers.append((self.bind, self.bind.generation, sequence))
        receipt = pdu.parse_receipt(deliver)
        if receipt is None:
            self._message_came(deliver)
            return
        state = _final_state(receipt)
        self._seen[state.label if state else "intermediate"].inc()
        if state is None:
            return
        smsc_id = self._reported_id(receipt.message_id)
        message_id, no, total = self._ids.pop(smsc_id, (0, 0, 0))
        fresh.receipts.append(
            Receipt(
                self.connector_id, smsc_id, state, _reason(receipt, state), deliver.source, deliver.destination,
                message_id, no, total,
            )
        )  # fmt: skip

    def _message_came(self, deliver: pdu.Deliver) -> None:
        if inbound.is_message(deliver):
            self._results.fresh.other.append(partial(inbound.store, self.connector_id, deliver))
        else:
            inbound.unreadable.labels(self.name).inc()
            log.warning("receipt_without_id", connector=self.name, esm_class=deliver.esm_class)

    def _normal_id(self, message_id: str) -> str:
        """The id as receipts will write it: some operators answer in hexadecimal and report in decimal."""
        try:
            if self.settings.receipt_ids == "hex_to_decimal":
                return str(int(message_id, 16))
            if self.settings.receipt_ids == "decimal_to_hex":
                return f"{int(message_id):X}"
        except ValueError:
            log.warning("smsc_id_unreadable", connector=self.name)
        return message_id

    def _reported_id(self, message_id: str) -> str:
        """The id in a receipt, written as ``_normal_id`` writes it: some pad with zeros, some report small letters."""
        try:
            if self.settings.receipt_ids == "hex_to_decimal":
                return str(int(message_id))
            if self.settings.receipt_ids == "decimal_to_hex":
                return f"{int(message_id, 16):X}"
        except ValueError:
            log.warning("smsc_id_unreadable", connector=self.name)
        return message_id

    # --- ending

    def drain(self) -> None:
        """Begin nothing more; what is on the wire gets its answer."""
        self.draining = True
        for lane in self.lanes.values():
            lane.draining = True

    def is_idle(self) -> bool:
        """True when the wire has nothing to answer."""
        return not self._flights

    def may_leave(self, late: bool) -> bool:
        """Whether its batches may be given back, once it drains; ``late``: though answers are missing, which is doubt."""
        return all(lane.may_leave(late) for lane in self.lanes.values())

    def hand_over(self, successor: Connector) -> None:
        """Give the orders that wait here to the connector that takes this one's place."""
        for name, lane in self.lanes.items():
            while lane.deliveries:
                successor.deliver(name, lane.deliveries.popleft())

    def give_back(self, done: Callable[[], None]) -> None:
        """Give all batches back; ``done`` once they are."""
        waiting = len(self.lanes)

        def one_less() -> None:
            nonlocal waiting
            waiting -= 1
            if not waiting:
                done()

        for lane in self.lanes.values():
            lane.suspend(one_less)

    def deliver(self, lane: str, delivery: Delivery) -> None:
        """An order for one of the lanes."""
        self.lanes[lane].deliver(delivery)

    def batches_in_hand(self) -> list[int]:
        """Ids of the batches that both lanes have taken."""
        return [batch_id for lane in self.lanes.values() for batch_id in lane.held]

    def observe(self) -> tuple[str, str, int]:
        """State for people, why, and how much is on the wire. ``open``: bound, but the operator's answers hold us back."""
        window_used.labels(self.name).set(len(self._flights))
        held_back = self.bind.is_up and self._pause >= HELD_BACK_SECONDS
        return ("open" if held_back else self.bind.state), self.bind.reason, len(self._flights)


class _Labelled(dict[Any, Any]):
    """Counters by label, each looked up once."""

    def __init__(self, look_up: Callable[[Any], Any]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, label: Any) -> Any:
        self[label] = counter = self._look_up(label)
        return counter


def _final_state(receipt: pdu.ReceiptText) -> State | None:
    if receipt.state_number is not None:
        return RECEIPT_STATES_BY_NUMBER.get(receipt.state_number)
    return RECEIPT_STATES.get(receipt.stat)


def _reason(receipt: pdu.ReceiptText, state: State) -> str | None:
    if state is State.DELIVERED:
        return None
    return f"receipt_{receipt.stat or receipt.state_number}" + (f"_{receipt.error}" if receipt.error else "")
