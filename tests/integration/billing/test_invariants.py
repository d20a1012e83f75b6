"""Any interleaving of anything keeps the books right: a machine acts at random beside a plain model."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from contracts.errors import KeryxError
from servicekit import inbox
from servicekit.database import Database
from services.billing import checking, ledger, operating, use_cases
from services.billing.domain import HoldRequest
from services.billing.errors import (
    CreditDiffers,
    CreditInUse,
    HoldInUse,
    OverReversed,
    OverSettled,
    Spent,
)
from tests.integration.billing.support import money, progress

pytestmark = pytest.mark.integration

_ids = itertools.count(5_000_000)
amounts = st.integers(1, 1_000)


@dataclass
class Held:
    """A hold as the model knows it."""

    id: str
    account_id: int
    amount: int
    captured: int = 0
    released: int = 0
    withdrawn: bool = False


@dataclass
class Event:
    """An event as the model knows it: delivered again it changes nothing."""

    hold: Held
    captured: int
    released: int
    id: str = field(default_factory=lambda: uuid4().hex)


@dataclass
class Payment:
    """A payment as the model knows it, with what was taken back of it."""

    id: str
    account_id: int
    amount: int
    reversals: dict[str, int] = field(default_factory=dict)


class Billing(RuleBasedStateMachine):
    """Two accounts, and everything that can happen to their money in any order and as often as it likes."""

    db: Database
    holds = Bundle("holds")
    events = Bundle("events")
    keys = Bundle("keys")
    payments = Bundle("payments")

    def __init__(self) -> None:
        super().__init__()
        self.accounts = [next(_ids), next(_ids)]
        self.available = dict.fromkeys(self.accounts, 0)
        self.held = dict.fromkeys(self.accounts, 0)
        self.credit = dict.fromkeys(self.accounts, 0)

    @rule(target=keys, which=st.integers(0, 1), amount=amounts)
    def topup(self, which: int, amount: int) -> tuple[int, int, str]:
        made = (self.accounts[which], amount, uuid4().hex)
        self._topup(*made)
        self.available[made[0]] += amount
        return made

    @rule(made=keys)
    def topup_again(self, made: tuple[int, int, str]) -> None:
        self._topup(*made)

    def _topup(self, account_id: int, amount: int, key: str) -> None:
        with self.db.transaction() as session:
            use_cases.topup(session, account_id, amount, "deposit", key)

    def _spendable(self, account_id: int) -> int:
        return self.available[account_id] + self.credit[account_id]

    @rule(target=payments, which=st.integers(0, 1), amount=amounts)
    def pay(self, which: int, amount: int) -> Payment:
        payment = Payment(uuid4().hex, self.accounts[which], amount)
        assert self._pay(payment)
        self.available[payment.account_id] += amount
        return payment

    @rule(payment=payments)
    def pay_again(self, payment: Payment) -> None:
        assert not self._pay(payment)

    def _pay(self, payment: Payment) -> bool:
        with self.db.transaction() as session:
            return ledger.credit_payment(session, payment.account_id, payment.amount, "viva", payment.id)

    @rule(payment=payments, amount=amounts, reversal=st.sampled_from(["a", "b", "c"]))
    def refund(self, payment: Payment, amount: int, reversal: str) -> None:
        done = payment.reversals.get(reversal)
        fits = sum(payment.reversals.values()) + amount <= payment.amount
        try:
            with self.db.transaction() as session:
                new = ledger.reverse_payment(
                    session, payment.account_id, amount, "viva", payment.id, reversal
                )
        except CreditDiffers:
            assert done not in (None, amount)
        except OverReversed:
            assert done is None
            assert not fits
        except Spent:
            assert done is None
            assert fits
            assert amount > self._spendable(payment.account_id)
        else:
            assert new is (done is None)
            if new:
                payment.reversals[reversal] = amount
                self.available[payment.account_id] -= amount

    @rule(which=st.integers(0, 1), amount=st.integers(-1_000, 1_000).filter(bool))
    def correct(self, which: int, amount: int) -> None:
        account_id = self.accounts[which]
        try:
            with self.db.transaction() as session:
                operating.correct(session, account_id, amount, "r", None, None)
        except Spent:
            assert -amount > self._spendable(account_id)
        else:
            self.available[account_id] += amount

    @rule(which=st.integers(0, 1), limit=amounts)
    def set_credit_limit(self, which: int, limit: int) -> None:
        account_id = self.accounts[which]
        try:
            with self.db.transaction() as session:
                operating.set_credit_limit(session, account_id, limit, None)
        except CreditInUse:
            assert self.available[account_id] < -limit
        else:
            self.credit[account_id] = limit

    @rule(target=holds, which=st.integers(0, 1), amount=amounts)
    def hold(self, which: int, amount: int) -> Held:
        held = Held(uuid4().hex, self.accounts[which], amount)
        result = self._hold(held)
        assert result["ok"] == (amount <= self._spendable(held.account_id))
        if result["ok"]:
            self.available[held.account_id] -= amount
            self.held[held.account_id] += amount
        else:
            held.amount = 0
        return held

    @rule(held=holds)
    def hold_again(self, held: Held) -> None:
        if held.amount:
            assert self._hold(held)["ok"] is not held.withdrawn

    def _hold(self, held: Held) -> dict[str, Any]:
        with self.db.transaction() as session:
            request = HoldRequest(held.id, held.account_id, held.amount, "r")
            return use_cases.hold(session, [request, request])[0]

    @rule(target=events, held=holds, captured=st.integers(0, 600), released=st.integers(0, 600))
    def settle(self, held: Held, captured: int, released: int) -> Event:
        event = Event(held, captured, released)
        if not held.amount:
            return event
        fits = held.captured + held.released + captured + released <= held.amount
        try:
            self._settle(event)
        except OverSettled:
            assert not fits
        else:
            assert fits
            self._book(held, captured, released)
        return event

    @rule(event=events)
    def settle_again(self, event: Event) -> None:
        try:
            self._settle(event)
        except KeryxError:
            return
        # A delivery that failed may be replayed once there is room; then it counts, and only then.
        if event.hold.amount and not self._known(event):
            self._book(event.hold, event.captured, event.released)

    def _known(self, event: Event) -> bool:
        with self.db.transaction() as session:
            return (event.hold.captured, event.hold.released) == _settled(session, event.hold.id)

    def _settle(self, event: Event) -> None:
        with self.db.transaction() as session:
            if inbox.first_time(session, "billing.messages_progressed", event.id):
                chunk = progress(event.hold.id, event.hold.account_id, event.captured, event.released)
                use_cases.settle(session, event.id, [chunk])

    def _book(self, held: Held, captured: int, released: int) -> None:
        held.captured += captured
        held.released += released
        self.held[held.account_id] -= captured + released
        self.available[held.account_id] += released

    @rule(held=holds)
    def release(self, held: Held) -> None:
        untouched = held.amount > 0 and not held.captured and not held.released
        try:
            with self.db.transaction() as session:
                use_cases.release_hold(session, held.id)
        except HoldInUse:
            assert not untouched
            assert not held.withdrawn
        else:
            if untouched:
                self._book(held, 0, held.amount)
                held.withdrawn = True

    @invariant()
    def balances_are_what_the_model_says(self) -> None:
        for account_id in self.accounts:
            assert money(self.db, account_id) == (self.available[account_id], self.held[account_id])

    def teardown(self) -> None:
        with self.db.transaction() as session:
            found = checking.check(session)
        assert found["right"], found


def _settled(session: Any, hold_id: str) -> tuple[int, int]:
    from servicekit.database import cursor_of

    cursor = cursor_of(session)
    cursor.execute("SELECT captured, released FROM holds WHERE id = %s", (hold_id,))
    return tuple(cursor.fetchone())


def test_any_interleaving_keeps_the_books_right(db: Database) -> None:
    class OnThisDatabase(Billing):
        pass

    OnThisDatabase.db = db
    run_state_machine_as_test(
        OnThisDatabase,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
