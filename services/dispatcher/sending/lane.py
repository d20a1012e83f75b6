"""A lane: the batches of one connector and priority, from delivery to the last outcome.

At most ``window`` parts are marked and not yet settled (their outcome committed), so a kill leaves at most one window in doubt.
A batch is current until its last message is marked; then the next one is, while outcomes of the former still come in.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from servicekit import crashpoints, logs

from ..domain import State
from ..outcomes import Finished, Submit
from ..smpp import pdu
from . import batches
from .batches import Mark, Refusal, Taken
from .bodies import bodies

log = logs.get(__name__)

MARK_GOOD_FOR_SECONDS = 1.0
LEASED_RETRY_SECONDS = 1.0


@dataclass(slots=True)
class Delivery:
    """An order off the broker; ``ack`` may be called from the loop, once."""

    batch_id: int
    generation: int
    ack: Callable[[], None]
    not_before: float = 0.0


@dataclass(slots=True)
class Work:
    """A batch in hand. ``open`` counts parts marked and not settled by a committed outcome, ``begun`` those of each message
    that are out, or were: the operator's definite "not now" takes one back."""

    taken: Taken
    delivery: Delivery
    open: int = 0
    stopping: str | None = None
    lost: bool = False
    ended: bool = False
    refused: set[int] = field(default_factory=set)
    begun: Counter[int] = field(default_factory=Counter)
    validity: bytes = b""


@dataclass(slots=True)
class Part:
    """One part ready for the wire; ``ordinal`` is its message's place in the batch."""

    lane: Lane
    work: Work
    ordinal: int
    no: int
    total: int
    body: bytes
    marked_at: float
    tries: int = 0
    not_before: float = 0.0


class Owner(Protocol):
    """What a lane needs of its connector."""

    connector_id: int
    name: str
    instance: str

    def do(self, job: Callable[[Any], Any], done: Callable[[Any], None]) -> None:
        """Run a job on the marks' connection."""

    def settle(self, part: Part, state: State, smsc_id: str | None, error: str | None) -> None:
        """Store an outcome."""

    def finish(self, finished: Finished, after: Callable[[], None]) -> None:
        """Store that a batch is done, after all its outcomes."""

    def slice_size(self) -> int:
        """How many parts to mark at a time."""

    def room(self, lane: str) -> int:
        """How many more parts may be marked in ``lane`` now."""


class Lane:
    """Feeds one connector from one queue."""

    def __init__(self, name: str, owner: Owner, cache: Any) -> None:
        """``name`` is bulk or priority."""
        self.name = name
        self._owner, self._cache = owner, cache
        self.deliveries: deque[Delivery] = deque()
        self.ready: deque[Part] = deque()
        self.held: dict[int, Work] = {}
        self.outstanding = 0
        self._current: Work | None = None
        self._next: Work | None = None
        self._taking = False
        self._marking = False
        self._being_marked: list[int] = []
        self.draining = False  # true: finish what is on the wire, begin nothing

    def deliver(self, delivery: Delivery) -> None:
        """An order arrived. A second delivery of the same one replaces the first one's acknowledgement."""
        if self._is_in_hand(delivery):
            return
        for n, waiting in enumerate(self.deliveries):
            if _same_order(waiting, delivery):
                self.deliveries[n] = delivery
                return
        self.deliveries.append(delivery)

    def _is_in_hand(self, delivery: Delivery) -> bool:
        work = self.held.get(delivery.batch_id)
        if work is None or not _same_order(work.delivery, delivery):
            return False
        work.delivery = delivery
        return True

    def feed(self, now: float) -> None:
        """Take and mark ahead as far as the window allows."""
        if self._current is None and self._next is not None:
            self._current, self._next = self._next, None
        if not self._taking and self._next is None and not self.draining:
            self._take(now)
        if self._current is not None and not self._marking:
            self._mark_next(self._current)

    def part_to_send(self, now: float) -> Part | None:
        """The next part whose mark is fresh; stale ones are looked at again first, so that a stop is seen in time."""
        waiting = 0
        while waiting < len(self.ready):
            part = self.ready[0]
            work = part.work
            if part.not_before > now:  # until its next try others go first
                self.ready.rotate(-1)
                waiting += 1
                continue
            if part.ordinal in work.refused:
                self.ready.popleft()
                self._owner.settle(part, State.CANCELLED, None, "sibling_refused")
                continue
            if work.stopping is not None and not work.begun[part.ordinal]:
                self._pull_unsent(work)
                continue
            if now - part.marked_at > MARK_GOOD_FOR_SECONDS and not work.begun[part.ordinal]:
                if not self._marking:
                    self._mark_again(work)
                return None
            self.ready.popleft()
            work.begun[part.ordinal] += 1
            return part
        return None

    def put_back(self, part: Part, front: bool) -> None:
        """A part that was definitely not taken waits for its next try."""
        part.work.begun[part.ordinal] -= 1
        if front:
            self.ready.appendleft(part)
        else:
            self.ready.append(part)

    def settled(self, part: Part) -> None:
        """The outcome of a part is committed: its place in the window is free."""
        self.outstanding -= 1
        part.work.open -= 1
        self._end_if_done(part.work)

    def suspend(self, done: Callable[[], None] = lambda: None) -> None:
        """Give every batch back and remember its order; the messages that were not begun are named, so nobody doubts them.

        ``done`` runs in the loop once all are given back.
        """
        works = list(self.held.values())
        waiting = len(works)

        def one_less(_: Any) -> None:
            nonlocal waiting
            waiting -= 1
            if not waiting:
                done()

        for work in works:
            unsent = set(self._unwritten(work)) | work.taken.holes
            if self._marking and work is self._current:
                unsent.update(self._being_marked)
            self._owner.do(lambda c, w=work, u=unsent: batches.give_back(c, w.taken, sorted(u)), one_less)  # type: ignore[misc]
            work.ended = True
            self.deliveries.append(work.delivery)
        self.outstanding -= len(self.ready)
        self.held.clear()
        self.ready.clear()
        self._current = self._next = None
        if not works:
            done()

    def may_leave(self, late: bool) -> bool:
        """Whether nothing would be lost of a lane that begins nothing more: all is stored, or it is ``late`` enough."""
        return not (self._taking or self._marking) and (late or not self.outstanding)

    def _unwritten(self, work: Work) -> list[int]:
        return sorted({p.ordinal for p in self.ready if p.work is work and not work.begun[p.ordinal]})

    def _take(self, now: float) -> None:
        for _ in range(len(self.deliveries)):
            delivery = self.deliveries.popleft()
            if self._is_in_hand(delivery):  # it came again while the first one was being taken
                continue
            if delivery.not_before <= now:
                break
            self.deliveries.append(delivery)
        else:
            return
        self._taking = True
        self._owner.do(
            lambda cursor: batches.take(
                cursor, delivery.batch_id, delivery.generation, self._owner.instance, self._cache
            ),
            lambda result: self._taken(delivery, result),
        )

    def _taken(self, delivery: Delivery, result: Taken | Refusal) -> None:
        self._taking = False
        if result is Refusal.LEASED:
            delivery.not_before = time.monotonic() + LEASED_RETRY_SECONDS
            self.deliveries.append(delivery)
        elif isinstance(result, Refusal):
            delivery.ack()
        else:
            work = Work(result, delivery, validity=pdu.relative_validity(result.validity_seconds))
            self.held[result.batch_id] = work
            self._next = work
            self._end_if_done(work)

    def _mark_next(self, work: Work) -> None:
        taken = work.taken
        if work.stopping or work.lost or not taken.todo:
            self._current = None
            self._end_if_done(work)
            return
        room = min(self._owner.room(self.name), self._owner.slice_size())
        if room <= 0:
            return
        ordinals: list[int] = []
        parts = 0
        for ordinal in taken.todo:
            parts += taken.rows[ordinal].parts
            if parts > room and (ordinals or self.outstanding):
                break
            ordinals.append(ordinal)
        # A sliver of room is not worth a commit: wait for half a slice, unless less than that is left to send.
        if not ordinals or (len(ordinals) < len(taken.todo) and parts < self._owner.slice_size() // 2):
            return
        self._marking = True
        self._being_marked = ordinals
        asked = time.monotonic()
        self.outstanding += (count := sum(taken.rows[n].parts for n in ordinals))
        work.open += count
        self._owner.do(
            lambda cursor: _mark_unless_stopped(cursor, taken, ordinals, self._cache),
            lambda mark: self._marked(work, ordinals, mark, asked, count),
        )

    def _marked(self, work: Work, ordinals: list[int], mark: Mark, asked: float, count: int) -> None:
        self._marking = False
        self._being_marked = []  # what is marked again later may be out by then: it is not surely unsent
        if work.ended or not mark.ours or mark.stop is not None:
            self.outstanding -= count
            work.open -= count
            work.lost = not mark.ours
            work.stopping = mark.stop
            self._end_if_done(work)
            return
        crashpoints.reach("sender.marked")
        taken = work.taken
        taken.marked = max(taken.marked, ordinals[-1] + 1)
        taken.holes.difference_update(ordinals)
        going = set(ordinals)
        taken.todo = [n for n in taken.todo if n not in going]
        for ordinal in ordinals:
            row = taken.rows[ordinal]
            if ordinal in mark.blocked:
                self.outstanding -= row.parts
                work.open -= row.parts
                continue
            self._make_ready(work, ordinal, row, asked)
        self._end_if_done(work)

    def _make_ready(self, work: Work, ordinal: int, row: batches.Row, asked: float) -> None:
        """Build the parts. A message that does not encode as it was sold is rejected: it must not stop the others."""
        try:
            octets = bodies(row, work.validity)
        except ValueError as error:
            log.error("message_unsendable", message_id=row.id, reason=type(error).__name__)
            for no in range(1, row.parts + 1):
                state = State.REJECTED if no == 1 else State.CANCELLED
                self._owner.settle(
                    Part(self, work, ordinal, no, row.parts, b"", asked), state, None, "unsendable"
                )
            return
        self.ready.extend(
            Part(self, work, ordinal, no, row.parts, body, asked) for no, body in enumerate(octets, 1)
        )

    def _mark_again(self, work: Work) -> None:
        """Look again at stop and suppressions for what was marked a while ago and has not left."""
        ordinals = self._unwritten(work)
        self._marking = True
        asked = time.monotonic()
        self._owner.do(
            lambda cursor: _mark_unless_stopped(cursor, work.taken, ordinals, self._cache),
            lambda mark: self._marked_again(work, set(ordinals), mark, asked),
        )

    def _marked_again(self, work: Work, ordinals: set[int], mark: Mark, asked: float) -> None:
        self._marking = False
        if work.ended:
            return
        if not mark.ours:
            work.lost = True
            self._pull_unsent(work)
        elif mark.stop is not None:
            work.stopping = mark.stop
            self._pull_unsent(work)
        else:
            self._drop(work, set(mark.blocked))
            for part in self.ready:
                if part.work is work and part.ordinal in ordinals:
                    part.marked_at = asked
        self._end_if_done(work)

    def _pull_unsent(self, work: Work) -> None:
        """Take back what was marked but not begun: it is surely not out."""
        pulled = set(self._unwritten(work))
        work.taken.holes |= pulled
        self._drop(work, pulled)
        self._end_if_done(work)

    def _drop(self, work: Work, ordinals: set[int]) -> None:
        if not ordinals:
            return
        gone = [p for p in self.ready if p.work is work and p.ordinal in ordinals]
        self.ready = deque(p for p in self.ready if not (p.work is work and p.ordinal in ordinals))
        self.outstanding -= len(gone)
        work.open -= len(gone)

    def _end_if_done(self, work: Work) -> None:
        if work.ended or work.open or (self._marking and work is self._current):
            return
        taken = work.taken
        if work.lost:
            self._forget(work)
            work.delivery.ack()
        elif work.stopping is not None:
            self._forget(work)
            self._owner.do(
                lambda cursor: batches.stop_batch(cursor, taken, self._cache),
                lambda _: work.delivery.ack(),
            )
        elif not taken.todo:
            self._forget(work)
            self._owner.finish(Finished(taken.batch_id, taken.epoch), work.delivery.ack)

    def _forget(self, work: Work) -> None:
        work.ended = True
        if self.held.get(work.taken.batch_id) is work:
            del self.held[work.taken.batch_id]
        if self._current is work:
            self._current = None
        if self._next is work:
            self._next = None


def _same_order(one: Delivery, other: Delivery) -> bool:
    return one.batch_id == other.batch_id and one.generation == other.generation


def _mark_unless_stopped(cursor: Any, taken: Taken, ordinals: list[int], cache: Any) -> Mark:
    mark = batches.mark(cursor, taken, ordinals, cache)
    if mark.stop is not None:
        cursor.connection.rollback()
    return mark


def outcome(part: Part, connector_id: int, state: State, smsc_id: str | None, error: str | None) -> Submit:
    """The outcome of ``part`` as it is stored."""
    row = part.work.taken.rows[part.ordinal]
    return Submit(
        row.id, part.no, part.total, part.work.taken.chunk_id, row.price, connector_id, state, smsc_id, error,
        row.recipient, row.sender,
    )  # fmt: skip
