"""Entry points of payments, for the back office, and of vouchers; a part of BillingService."""

from __future__ import annotations

from typing import Any

from servicekit.service import rpc

from ..schemas import before, load
from . import importing, refunds, review, schemas, vouchers


class PaymentCalls:
    """Refunds, deposits, statements, vouchers."""

    db: Any
    shop: Any
    providers: Any

    @rpc
    def refund_order(
        self, order_id: int, amount_cents: int | None, reason: str, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Give back an order, or a part of it; once per key."""
        wanted = {
            "order_id": order_id,
            "amount_cents": amount_cents,
            "reason": reason,
            "key": idempotency_key,
        }
        return refunds.refund(self.db, self.providers, **load(schemas.Refund, **wanted))

    @rpc
    def resolve_refund(self, refund_id: int, refunded: bool) -> dict[str, Any]:
        """Say what became of a refund in doubt."""
        asked = load(schemas.Resolve, refund_id=refund_id, refunded=refunded)
        with self.db.transaction() as session:
            return refunds.resolve(session, **asked)

    @rpc
    def list_deposits(
        self,
        state: str | None = None,
        provider: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Any]:
        """Payments of every kind, newest first; ``state="review"`` is the list of what waits for a person."""
        asked = load(schemas.Deposits, state=state, provider=provider, limit=limit)
        with self.db.transaction() as session:
            return review.page(session, **asked, before=before(cursor))

    @rpc
    def confirm_deposit(
        self,
        payment_id: int,
        order_id: int | None = None,
        account_id: int | None = None,
        note: str | None = None,
    ) -> dict[str, Any]:
        """Credit a payment under review."""
        asked = load(
            schemas.Confirm, payment_id=payment_id, order_id=order_id, account_id=account_id, note=note
        )
        with self.db.transaction() as session:
            return review.confirm(session, self.shop.orders, **asked)

    @rpc
    def dismiss_deposit(self, payment_id: int, note: str) -> dict[str, Any]:
        """Take a payment off the list without crediting it."""
        with self.db.transaction() as session:
            return review.dismiss(session, **load(schemas.Decide, payment_id=payment_id, note=note))

    @rpc
    def reverse_deposit(self, payment_id: int, note: str) -> dict[str, Any]:
        """Take back what a bank deposit credited."""
        with self.db.transaction() as session:
            return review.reverse(session, **load(schemas.Decide, payment_id=payment_id, note=note))

    @rpc
    def import_statement(self, statement: dict[str, Any]) -> dict[str, Any]:
        """Take in a bank statement; the same again changes nothing."""
        return importing.take_in(self.db, **load(schemas.NewStatement, **statement))

    @rpc
    def get_statement(self, statement_id: int) -> dict[str, Any]:
        """What came of an import."""
        with self.db.transaction() as session:
            return importing.one(session, statement_id)

    @rpc
    def list_statements(self, cursor: str | None = None, limit: int = 50) -> dict[str, Any]:
        """Imports, newest first."""
        with self.db.transaction() as session:
            return importing.page(session, before(cursor), **load(schemas.Page, limit=limit))

    @rpc
    def put_statement_profile(self, name: str, profile: dict[str, Any]) -> dict[str, Any]:
        """Say how a bank's CSV is read."""
        wanted = load(schemas.CsvProfile, **profile)
        with self.db.transaction() as session:
            return importing.put_profile(session, **load(schemas.NamedProfile, name=name), definition=wanted)

    @rpc
    def list_statement_profiles(self) -> dict[str, Any]:
        """All CSV profiles."""
        with self.db.transaction() as session:
            return importing.profiles(session)

    @rpc
    def make_vouchers(
        self, vouchers_wanted: dict[str, Any], idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """A batch of vouchers, their codes told this once."""
        asked = load(schemas.NewVouchers, **vouchers_wanted, key=idempotency_key)
        with self.db.transaction() as session:
            return vouchers.make(session, **asked)

    @rpc
    def list_vouchers(self, cursor: str | None = None, limit: int = 50) -> dict[str, Any]:
        """Batches of vouchers, newest first."""
        with self.db.transaction() as session:
            return vouchers.batches(session, before(cursor), **load(schemas.Page, limit=limit))

    @rpc
    def voucher_uses(self, batch_id: int, cursor: str | None = None, limit: int = 50) -> dict[str, Any]:
        """Who redeemed codes of a batch."""
        asked = {**load(schemas.Batch, batch_id=batch_id), **load(schemas.Page, limit=limit)}
        with self.db.transaction() as session:
            return vouchers.uses(session, **asked, before=before(cursor))

    @rpc
    def revoke_vouchers(self, batch_id: int) -> dict[str, Any]:
        """Take a batch out of use."""
        with self.db.transaction() as session:
            return vouchers.revoke(session, **load(schemas.Batch, batch_id=batch_id))

    @rpc
    def redeem_voucher(
        self, account_id: int, code: str, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Credit an account with a voucher, once."""
        asked = load(schemas.Redeem, account_id=account_id, code=code, key=idempotency_key)
        return vouchers.redeem(self.db, **asked)
