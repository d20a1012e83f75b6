"""Random lives of batches on the real tables, against a model of the operator, without processes.

Senders take, mark, write, hear, store (some things twice), lose their line, are killed, come back with answers that are late;
receipts come early, twice, for what nobody remembers; campaigns pause, resume, cancel; clients cancel; time passes.
Whatever the order: the operator gets each part once, and money, counts and rows agree at every moment.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servicekit import wire
from services.dispatcher.domain import FINAL, State
from services.dispatcher.errors import MessageLeft
from services.dispatcher.outcomes import Finished, Receipt, Submit
from services.dispatcher.progress import ChunkCache, gather
from services.dispatcher.sending import batches
from services.dispatcher.sending.batches import Taken
from tests.integration.dispatcher.tables import PRICE, Tables

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

RUNS = int(os.environ.get("KERYX_TEST_MACHINE_RUNS", "60"))
Place = tuple[int, int]  # ordinal of a message in its batch, number of the part
EMPTIED = (
    "messages", "parts", "chunks", "batches", "receipts_waiting", "doubts", "stops", "cancels", "suppressions", "outbox_0",
    "untold_progress",
)  # fmt: skip
FATES = ["ok", "ok", "ok", "refused", "throttled", "no answer"]
OWNERS = ["one", "two"]
# What happens in a life, as often as it is named; each is given a number to choose by.
STEPS = [
    "begin", "begin", "take", "mark", "mark", "write", "write", "write", "write", "hear", "hear", "hear",
    "hear_late", "store", "store", "store", "store_rest", "obey", "lose_line", "kill", "receipt", "receipt", "rejoin",
    "stop", "cancel_one", "suppress", "days_pass", "order_abandoned",
]  # fmt: skip


@dataclass
class Hand:
    """What a sender remembers of a batch it took. A killed one forgets."""

    taken: Taken
    owner: str
    ready: list[Place] = field(default_factory=list)
    flights: dict[Place, str] = field(default_factory=dict)
    late: list[Submit] = field(default_factory=list)
    begun: Counter[int] = field(default_factory=Counter)
    refused: set[int] = field(default_factory=set)
    unstored: list[Submit] = field(default_factory=list)
    stopping: bool = False
    lost: bool = False

    def is_done(self) -> bool:
        return not (self.ready or self.flights or self.unstored)

    def unsent(self) -> set[int]:
        """Messages marked, and surely not out."""
        return {ordinal for ordinal, _ in self.ready if not self.begun[ordinal]}


class Life:
    """One run. Every step is a method that is given a number to choose by."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        # Faster than TRUNCATE on a few rows.
        tables.sql(";".join(f"DELETE FROM {table}" for table in EMPTIED))
        tables.cache = ChunkCache()
        self.hands: list[Hand] = []
        self.loose: list[Submit] = []
        self.late: list[Submit] = []
        self.taken_by_operator: Counter[tuple[int, int]] = Counter()
        self.receipts: list[Receipt] = []
        self.versions: Counter[int] = Counter()
        self.told: Counter[str] = Counter()
        self.told_of: dict[str, Counter[str]] = {}
        self.read_up_to = 0

    def live(self, steps: list[tuple[str, int]]) -> None:
        for step, number in steps:
            getattr(self, step)(number)
            self.check_what_was_told()
            self.check_what_has_an_id()
        self.end()

    # --- batches and who has them

    def begin(self, n: int) -> None:
        n, count = divmod(n, 4)
        n, parts = divmod(n, 3)
        batch_id = self.tables.accept(count + 1, parts + 1, 1 + n % 4)
        result = self.tables.take(batch_id, OWNERS[n % 2])
        if isinstance(result, Taken):
            self.hands.append(Hand(result, OWNERS[n % 2]))
            self.mark_some(self.hands[-1], 1 + n % 4)

    def take(self, n: int) -> None:
        rows = self.tables.sql("SELECT id, generation FROM batches ORDER BY id")
        if not rows:
            return
        n, pick = divmod(n, len(rows))
        batch_id, generation = rows[pick]
        if n % 3:
            self.tables.end_leases()
        old = n % 5 == 4
        result = self.tables.take(batch_id, OWNERS[n % 2], generation - old)
        if isinstance(result, Taken):
            assert not old, "an order of an older generation counted"
            self.hands.append(Hand(result, OWNERS[n % 2]))

    def order_abandoned(self, _: int) -> None:
        with self.tables.cursor() as cursor:
            batches.order_abandoned(cursor)

    def mark(self, n: int) -> None:
        if hand := self.hand(n, lambda h: bool(h.taken.todo)):
            self.mark_some(hand, 1 + n % 3)

    def mark_some(self, hand: Hand, count: int) -> None:
        if hand.stopping or hand.lost or not hand.taken.todo:
            return
        ordinals = hand.taken.todo[:count]
        mark = self.tables.mark(hand.taken, ordinals)
        hand.lost, hand.stopping = not mark.ours, mark.stop is not None
        if mark.ours and mark.stop is None:
            for ordinal in ordinals:
                if ordinal not in mark.blocked:
                    hand.ready += [(ordinal, no) for no in range(1, hand.taken.rows[ordinal].parts + 1)]

    def write(self, n: int) -> None:
        if (hand := self.hand(n, lambda h: bool(h.ready))) is None:
            return
        for _ in range(min(1 + n % 3, len(hand.ready))):
            n, fate = divmod(n, len(FATES))
            place = hand.ready.pop(0)
            if place[0] in hand.refused:
                hand.unstored.append(self.outcome(hand, place, State.CANCELLED))
            elif FATES[fate] == "throttled":
                hand.ready.append(place)
            else:
                self.write_one(hand, place, FATES[fate])

    def write_one(self, hand: Hand, place: Place, fate: str) -> None:
        hand.begun[place[0]] += 1
        hand.flights[place] = fate
        if fate != "refused":
            row = hand.taken.rows[place[0]]
            self.taken_by_operator[row.id, place[1]] += 1
            assert self.taken_by_operator[row.id, place[1]] == 1, "somebody got it twice"
            self.receipts.append(self.tables.receipt(hand.taken, place[0], no=place[1]))

    # --- answers

    def hear(self, n: int) -> None:
        if (hand := self.hand(n, lambda h: bool(h.flights))) is None:
            return
        for _ in range(min(1 + n % 2, len(hand.flights))):
            n, soon = divmod(n, 3)
            place = min(hand.flights)
            self.hear_one(hand, place, hand.flights.pop(place), bool(soon))

    def hear_one(self, hand: Hand, place: Place, fate: str, in_time: bool) -> None:
        if fate == "no answer" or not in_time:
            hand.unstored.append(self.outcome(hand, place, State.UNCERTAIN))
            if fate == "ok":
                hand.late.append(self.outcome(hand, place, State.SUBMITTED))
        elif fate == "ok":
            hand.unstored.append(self.outcome(hand, place, State.SUBMITTED))
        else:
            hand.refused.add(place[0])
            hand.unstored.append(self.outcome(hand, place, State.REJECTED))

    def hear_late(self, n: int) -> None:
        for hand in self.hands:
            if not hand.unstored:  # the doubt is stored before its answer can be late
                self.late += hand.late
                hand.late = []
        self.loose += self.late
        self.late.clear()
        if n % 2:
            self.store_rest(n)

    def store(self, n: int) -> None:
        if (hand := self.hand(n)) is None:
            return
        submits, hand.unstored = hand.unstored, []
        over = not hand.taken.todo and hand.is_done() and not hand.stopping
        finished = [Finished(hand.taken.batch_id, hand.taken.epoch)] if over else []
        for _ in range(1 + n % 2):
            self.tables.store(submits, finished=finished)
        if over or (hand.lost and hand.is_done()):
            self.loosen(hand)

    def store_rest(self, n: int) -> None:
        """What was heard of batches that were let go meanwhile."""
        submits, self.loose = self.loose, []
        for _ in range(1 + n % 2):
            self.tables.store(submits)

    def obey(self, n: int) -> None:
        """What a lane does with a batch whose campaign is stopped."""
        hand = self.hand(n, lambda h: h.stopping)
        if hand is None:
            return
        pulled = hand.unsent()
        hand.taken.holes |= pulled
        hand.ready = [place for place in hand.ready if place[0] not in pulled]
        if hand.is_done():
            self.tables.stop_batch(hand.taken)
            self.loosen(hand)

    # --- endings

    def lose_line(self, n: int) -> None:
        if hand := self.hand(n):
            hand.unstored += [self.outcome(hand, place, State.UNCERTAIN) for place in hand.flights]
            hand.late.clear()
            self.tables.give_back(hand.taken, sorted(hand.unsent()))
            self.loosen(hand)

    def kill(self, n: int) -> None:
        self.hands = [hand for hand in self.hands if hand.owner != OWNERS[n % 2]]

    # --- what others do

    def receipt(self, n: int) -> None:
        if self.receipts:
            n, pick = divmod(n, len(self.receipts))
            state = State.DELIVERED if n % 3 else State.UNDELIVERED
            self.tables.store(receipts=[self.receipts[pick]._replace(state=state)] * (1 + n % 2))

    def rejoin(self, _: int) -> None:
        self.tables.rejoin()

    def stop(self, n: int) -> None:
        n, campaign = divmod(n, 4)
        if n % 2:
            self.tables.end_leases()
        self.order(campaign + 1, ["paused", "running", "paused", "running", "cancelled"][n % 5])

    def order(self, campaign_id: int, state: str) -> None:
        known = self.tables.sql("SELECT state FROM stops WHERE campaign_id = %s", campaign_id)
        if known != [("cancelled",)]:
            self.versions[campaign_id] += 1
            self.tables.stop(campaign_id, self.versions[campaign_id], state)

    def cancel_one(self, n: int) -> None:
        rows = self.tables.sql("SELECT id, state FROM messages ORDER BY id")
        if rows:
            message_id, state = rows[n % len(rows)]
            with suppress(MessageLeft):
                self.tables.cancel(message_id)
                assert state in (State.QUEUED, State.CANCELLED)

    def suppress(self, n: int) -> None:
        self.tables.sql(
            "INSERT INTO suppressions SELECT account_id, recipient FROM messages WHERE id %% 7 = %s LIMIT 1"
            " ON CONFLICT DO NOTHING",
            n % 7,
        )

    def days_pass(self, _: int) -> None:
        self.tables.sql("UPDATE doubts SET since = since - interval '30 days'")
        self.tables.expire()

    # --- what holds at every moment

    def check_what_was_told(self) -> None:
        """The sums of all that was told are what the rows say, and no hold is overdrawn."""
        self.hear_what_was_told()
        rows = self.tables.states()
        finals = {state.label for state in FINAL}
        assert {s: self.told[s] for s in finals if self.told[s]} == {s: rows[s] for s in finals if rows[s]}
        ((accepted, submitted, open_),) = self.tables.sql(
            "SELECT count(*), count(submitted_at), (SELECT coalesce(sum(messages), 0) FROM batches) FROM messages"
        )
        assert (self.told["accepted"], self.told["submitted"]) == (accepted, submitted)
        assert self.told["left"] == accepted - open_
        for hold_id, held in self.held().items():
            assert self.told_of[hold_id]["captured"] + self.told_of[hold_id]["released"] <= held

    def check_what_has_an_id(self) -> None:
        """Only what the operator took carries an id of his."""
        for message_id, smsc_id in self.tables.sql(
            "SELECT message_id, smsc_id FROM parts WHERE smsc_id IS NOT NULL"
        ):
            assert smsc_id.startswith(f"s{message_id}-")
            assert self.taken_by_operator[message_id, int(smsc_id.split("-")[1])] == 1

    def end(self) -> None:
        """Everybody recovers: then nobody is forgotten, and the books close."""
        if len(self.hands) % 2:
            self.hands.clear()
        for hand in self.hands:
            while hand.flights:
                place, fate = hand.flights.popitem()
                self.hear_one(hand, place, fate, True)
            self.loose += hand.unstored
        self.store_rest(0)
        for campaign_id in range(1, 5):
            self.order(campaign_id, "running")
        for _ in range(5):
            for (batch_id,) in self.tables.sql("SELECT id FROM batches ORDER BY id"):
                self.tables.end_leases()
                self.send_the_rest(batch_id)
        assert not self.tables.sql("SELECT 1 FROM batches")
        self.tables.store(receipts=self.receipts)
        self.rejoin(0)
        self.days_pass(0)
        self.check_what_was_told()
        assert not {"accepted", "queued", "submitted"} & self.tables.states().keys(), "somebody was forgotten"
        assert {h: t["captured"] + t["released"] for h, t in self.told_of.items()} == self.held()
        assert self.told["left"] == self.told["accepted"]

    def send_the_rest(self, batch_id: int) -> None:
        result = self.tables.take(batch_id, "last")
        if not isinstance(result, Taken):
            return
        hand = Hand(result, "last")
        if result.todo:
            ordinals = list(result.todo)
            mark = self.tables.mark(result, ordinals)
            for ordinal in set(ordinals) - mark.blocked:
                for no in range(1, result.rows[ordinal].parts + 1):
                    self.write_one(hand, (ordinal, no), "ok")
                    hand.unstored.append(self.outcome(hand, (ordinal, no), State.SUBMITTED))
        self.tables.store(hand.unstored, finished=[Finished(result.batch_id, result.epoch)])

    # --- helpers

    def hand(self, n: int, which: Callable[[Hand], bool] = lambda _: True) -> Hand | None:
        fitting = [hand for hand in self.hands if which(hand)]
        return fitting[n % len(fitting)] if fitting else None

    def loosen(self, hand: Hand) -> None:
        """The sender lets go of the batch; its thread of results still stores what was heard."""
        self.loose += hand.unstored
        self.late += hand.late
        self.hands.remove(hand)

    def outcome(self, hand: Hand, place: Place, state: State) -> Submit:
        return self.tables.submit(hand.taken, place[0], state, place[1])

    def held(self) -> dict[str, int]:
        """What was held for each chunk."""
        rows = self.tables.sql(
            "SELECT c.hold_id, sum(m.parts * m.price) FROM chunks c JOIN messages m ON m.chunk_id = c.id GROUP BY 1"
        )
        return {hold_id: int(amount) for hold_id, amount in rows}

    def hear_what_was_told(self) -> None:
        with self.tables.cursor() as cursor:
            gather(cursor)
        rows = self.tables.sql(
            "SELECT id, body FROM outbox_0 WHERE exchange <> '' AND id > %s ORDER BY id", self.read_up_to
        )
        for number, body in rows:
            self.read_up_to = number
            data = wire.decode(bytes(body)).data
            for what in ("parts", "captured"):
                in_chunks = "captured_parts" if what == "parts" else what
                assert sum(sale[what] for sale in data["sold"]) == sum(
                    row[in_chunks] for row in data["chunks"]
                )
            for row in data["chunks"]:
                assert row["captured"] == PRICE * row["captured_parts"]
                names = ("accepted", "submitted", "left", "captured", "released")
                counts = {name: row[name] for name in names} | row["finals"]
                self.told.update(counts)
                self.told_of.setdefault(row["hold_id"], Counter()).update(counts)


def test_whatever_happens_nobody_gets_it_twice_and_the_books_agree(tables: Tables) -> None:
    tables.sql("SET synchronous_commit = off")  # nothing here outlives the server anyway
    health: Any = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

    @settings(max_examples=RUNS, deadline=None, suppress_health_check=health)
    @given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 9_999)), min_size=15, max_size=80))
    def live(steps: list[tuple[str, int]]) -> None:
        Life(tables).live(steps)

    live()
