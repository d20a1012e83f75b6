"""Entry points of billing. Each checks its arguments, opens a transaction and calls one use case or query."""

from __future__ import annotations

from typing import Any

from contracts.envelope import Envelope
from contracts.events import AccountChanged, MessagesProgressed
from servicekit import idempotency, inbox
from servicekit.service import Database, consumes, every, rpc

from . import audit, checking, operating, queries, schemas, spending, use_cases
from .margin.service import MarginCalls
from .orders.service import OrderCalls
from .payments.public import PublicCalls
from .payments.service import PaymentCalls
from .pricelists.service import PriceListCalls
from .statements import StatementCalls


class BillingService(MarginCalls, OrderCalls, PaymentCalls, PriceListCalls, PublicCalls, StatementCalls):
    """Balances, holds, prices (README.md); orders, payments and the margin are in their folders."""

    name = "billing"
    db = Database()

    @rpc
    def topup(
        self, account_id: int, amount: int, reason: str, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Add money to an account; once per key."""
        asked = schemas.load(
            schemas.Topup, account_id=account_id, amount=amount, reason=reason, key=idempotency_key
        )
        with self.db.transaction() as session:
            return use_cases.topup(session, **asked)

    @rpc
    def balance(self, account_id: int) -> dict[str, Any]:
        """What the account may spend, what is held, how many messages it pays."""
        with self.db.transaction() as session:
            return queries.balance(session, **schemas.load(schemas.Balance, account_id=account_id))

    @rpc
    def ledger(
        self,
        account_id: int,
        since: str | None = None,
        until: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
        kind: str | None = None,
        cause: str | None = None,
    ) -> dict[str, Any]:
        """The account's entries, newest first."""
        wanted = {"since": since, "until": until, "limit": limit, "kind": kind, "cause": cause}
        asked = schemas.load(schemas.Statement, account_id=account_id, **wanted)
        with self.db.transaction() as session:
            return queries.statement(session, **asked, before=schemas.before(cursor))

    @rpc
    def tariff(self, account_id: int, price_class: str) -> dict[str, Any]:
        """The prices that hold for the account now."""
        asked = schemas.load(schemas.Tariff, account_id=account_id, price_class=price_class)
        with self.db.transaction() as session:
            return queries.tariff(session, **asked).to_data()

    @rpc
    def quote(self, account_id: int, price_class: str, items: list[list[Any]]) -> dict[str, Any]:
        """What messages would cost."""
        asked = schemas.load(schemas.Quote, account_id=account_id, price_class=price_class, items=items)
        with self.db.transaction() as session:
            return use_cases.quote(session, **asked)

    @rpc
    def hold(self, holds: list[dict[str, Any]]) -> dict[str, Any]:
        """Set money aside for chunks or direct sends, each by itself."""
        asked = schemas.load(schemas.Holds, holds=holds)
        with self.db.transaction() as session:
            return {"results": spending.hold(session, asked["holds"])}

    @rpc
    def release_hold(self, hold_id: str) -> dict[str, Any]:
        """Take a hold back as a whole, or close its id: what it was for was never accepted."""
        with self.db.transaction() as session:
            return use_cases.release_hold(session, **schemas.load(schemas.HoldId, hold_id=hold_id))

    @rpc
    def money_of(self, references: list[str]) -> dict[str, dict[str, int]]:
        """Held, captured and released money by reference."""
        with self.db.transaction() as session:
            return queries.money_of(session, **schemas.load(schemas.References, references=references))

    @rpc
    def list_prices(self, account_id: int | None = None) -> dict[str, Any]:
        """All prices that hold now, for an account or for everybody."""
        with self.db.transaction() as session:
            data = queries.list_prices(session, **schemas.load(schemas.PriceList, account_id=account_id))
        return {"currency": "EUR", "data": data, "next_cursor": None}

    @rpc
    def set_prices(
        self,
        price_class: str,
        prices: list[list[Any]],
        account_id: int | None = None,
        valid_from: str | None = None,
    ) -> dict[str, Any]:
        """Set prices by prefix, from a moment on."""
        asked = schemas.load(
            schemas.Prices,
            price_class=price_class,
            prices=prices,
            account_id=account_id,
            valid_from=valid_from,
        )
        with self.db.transaction() as session:
            use_cases.refuse_past(session, asked["valid_from"])
            return use_cases.set_prices(session, **asked)

    @rpc
    def correct(
        self,
        account_id: int,
        amount: int,
        reason: str,
        corrects: int | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Put right what was booked wrongly, by a new entry; once per key."""
        given = {"amount": amount, "reason": reason, "corrects": corrects, "key": idempotency_key}
        asked = schemas.load(schemas.Correction, account_id=account_id, **given)
        with self.db.transaction() as session:
            return operating.correct(session, **asked)

    @rpc
    def credit(self, account_id: int) -> dict[str, Any]:
        """How far below zero the account may go."""
        with self.db.transaction() as session:
            return operating.credit(session, **schemas.load(schemas.Balance, account_id=account_id))

    @rpc
    def set_credit_limit(self, account_id: int, limit: int, expected: int | None = None) -> dict[str, Any]:
        """Let the account go down to −limit."""
        asked = schemas.load(schemas.CreditLimit, account_id=account_id, limit=limit, expected=expected)
        with self.db.transaction() as session:
            return operating.set_credit_limit(session, **asked)

    @rpc
    def spend_limits(self, account_id: int) -> dict[str, Any]:
        """What the account, its users and its keys may spend a day, and have today."""
        asked = schemas.load(schemas.Balance, account_id=account_id)
        with self.db.transaction() as session:
            return {"data": spending.limits(session, **asked), "next_cursor": None}

    @rpc
    def set_spend_limit(
        self, account_id: int, spender: str, daily: int | None, expected: int | None = None
    ) -> dict[str, Any] | None:
        """Let a spender set aside so much a day."""
        given = {"spender": spender, "daily": daily, "expected": expected}
        asked = schemas.load(schemas.SpendLimit, account_id=account_id, **given)
        with self.db.transaction() as session:
            return spending.set_limit(session, **asked)

    @rpc
    def begin_spending(self, account_id: int, reference: str) -> dict[str, Any]:
        """Count what is held under the reference for the caller's limit; says what is left of it today."""
        asked = schemas.load(schemas.SpendingReference, account_id=account_id, reference=reference)
        with self.db.transaction() as session:
            return spending.begin(session, **asked)

    @rpc
    def check_spending(self, account_id: int, amount: int) -> None:
        """Refuse what the caller may not spend today."""
        asked = schemas.load(schemas.Spending, account_id=account_id, amount=amount)
        with self.db.transaction() as session:
            spending.check(session, **asked)

    @rpc
    def audit(
        self,
        account_id: int | None = None,
        action: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Any]:
        """Who did what with money and prices, newest first."""
        asked = schemas.load(schemas.AuditPage, account_id=account_id, action=action, limit=limit)
        with self.db.transaction() as session:
            return audit.page(session, **asked, before=schemas.before(cursor))

    @rpc
    def books(self) -> dict[str, Any]:
        """Whether the books are right."""
        with self.db.transaction() as session:
            return checking.check(session)

    @consumes(AccountChanged, queue="billing.account_changed")
    def on_account_changed(self, session: Any, event: AccountChanged, envelope: Envelope) -> None:
        """Keep names, addresses and levels for the low-balance notice."""
        use_cases.apply_account_change(session, event)

    @consumes(MessagesProgressed, queue="billing.messages_progressed")
    def on_messages_progressed(self, session: Any, event: MessagesProgressed, envelope: Envelope) -> None:
        """Capture and release, and keep who took what was captured."""
        use_cases.settle(session, envelope.id, event.chunks, event.sold, self.operator_zone)

    @every(600)
    def check_books(self) -> None:
        """Check the books once a night, by one of the replicas."""
        with self.db.transaction() as session:
            checking.check_nightly(session)

    @every(60)
    def forget(self) -> None:
        """Drop keys and event ids that are too old to come again; the ledger's causes are kept for ever."""
        with self.db.transaction() as session:
            inbox.forget_old(session)
            idempotency.forget_old(session)
            spending.forget_old(session)
