"""Tables of money that comes in: provider's orders, payments of every kind, statements, refunds, vouchers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ..models import NOW, Base


class Checkout(Base):
    """A provider's order that was, or is about to be, made for one of ours.

    ``next_check_at`` is when the provider is asked what became of it although it told nothing; None: no more.
    """

    __tablename__ = "checkouts"
    __table_args__ = (
        UniqueConstraint("key", name="checkouts_key"),
        UniqueConstraint("provider", "provider_order", name="checkouts_provider_order"),
        Index("checkouts_of_order", "order_id"),
        Index("checkouts_due", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("orders.id", name="checkouts_order"))
    provider: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    provider_order: Mapped[str | None] = mapped_column(Text)
    pay_url: Mapped[str | None] = mapped_column(Text)
    checks: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    next_check_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class Statement(Base):
    """An import of a bank statement: ``lines`` in it, ``fresh`` of them never seen before."""

    __tablename__ = "statements"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    format: Mapped[str] = mapped_column(Text)
    filename: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    lines: Mapped[int] = mapped_column(Integer)
    fresh: Mapped[int] = mapped_column(Integer)
    imported_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class StatementProfile(Base):
    """How a bank's CSV is read (statements.CsvProfile), by a name."""

    __tablename__ = "statement_profiles"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    definition: Mapped[dict[str, Any]] = mapped_column(JSONB)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class Payment(Base):
    """Money that came in (or went out of the bank, negative), once per provider and transaction, never dropped.

    received → credited | review | ignored; review → credited | dismissed; credited → review when it is reversed.
    ``reason`` says why it is to be reviewed. ``round`` counts reversals: each credit has a cause of its own.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint(
            "state IN ('received', 'credited', 'review', 'ignored', 'dismissed')", name="payments_state"
        ),
        CheckConstraint(
            "state <> 'credited' OR (order_id IS NOT NULL AND amount_cents > 0)", name="payments_credited"
        ),
        CheckConstraint("(state = 'review') = (reason IS NOT NULL)", name="payments_reason"),
        UniqueConstraint("provider", "transaction_id", name="payments_once"),
        Index("payments_by_state", "state", "id"),
        Index("payments_of_order", "order_id"),
        Index("payments_of_statement", "statement_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    provider: Mapped[str] = mapped_column(Text)
    transaction_id: Mapped[str] = mapped_column(Text)
    provider_order: Mapped[str | None] = mapped_column(Text)
    order_reference: Mapped[str | None] = mapped_column(Text)
    order_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("orders.id", name="payments_order"))
    statement_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("statements.id", name="payments_statement")
    )
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    payer: Mapped[str | None] = mapped_column(Text)
    remittance: Mapped[str | None] = mapped_column(Text)
    booked_on: Mapped[date | None] = mapped_column(Date)
    round: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    note: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Refund(Base):
    """Money given back. Its credit is held from ``requested`` on, and leaves the balance when it is ``done``.

    ``in_doubt``: whether the provider gave it back is not known, and somebody must look.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("state IN ('requested', 'done', 'failed', 'in_doubt')", name="refunds_state"),
        CheckConstraint("amount_cents > 0 AND credit >= 0", name="refunds_amounts"),
        Index("refunds_of_order", "order_id"),
        Index("refunds_requested", "created_at", postgresql_where=text("state = 'requested'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("orders.id", name="refunds_order"))
    payment_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("payments.id", name="refunds_payment"))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    credit: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text, server_default=text("'requested'"))
    reason: Mapped[str] = mapped_column(Text)
    provider_refund_id: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class VoucherBatch(Base):
    """Vouchers made together: each worth ``value`` micro-euro to ``max_uses`` accounts."""

    __tablename__ = "voucher_batches"
    __table_args__ = (CheckConstraint("value > 0 AND max_uses > 0", name="voucher_batches_values"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    value: Mapped[int] = mapped_column(BigInteger)
    codes: Mapped[int] = mapped_column(Integer)
    max_uses: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class Voucher(Base):
    """A code, of which only a hash and the last four characters are kept."""

    __tablename__ = "vouchers"
    __table_args__ = (
        CheckConstraint("uses BETWEEN 0 AND max_uses", name="vouchers_not_over_used"),
        UniqueConstraint("code_hash", name="vouchers_code_hash"),
        Index("vouchers_of_batch", "batch_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    batch_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("voucher_batches.id", name="vouchers_batch"))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hint: Mapped[str] = mapped_column(Text)
    uses: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    max_uses: Mapped[int] = mapped_column(Integer)


class VoucherUse(Base):
    """An account redeemed a voucher; each account once."""

    __tablename__ = "voucher_uses"
    __table_args__ = (UniqueConstraint("voucher_id", "account_id", name="voucher_uses_once"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    voucher_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("vouchers.id", name="voucher_uses_voucher")
    )
    account_id: Mapped[int] = mapped_column(BigInteger)
    used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class VoucherGuesses(Base):
    """How many wrong codes an account tried ``since``."""

    __tablename__ = "voucher_guesses"

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    guesses: Mapped[int] = mapped_column(Integer, server_default=text("0"))
