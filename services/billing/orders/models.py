"""Tables of orders: who buys, what there is to buy, orders and their receipts. Cents are integers of gross, net, VAT."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ..models import NOW, Base

OPEN_STATES = "state IN ('draft', 'awaiting_payment')"


class BillingProfile(Base):
    """Who the receipts of an account are made out to, and so which VAT it pays. ``country`` is ISO 3166 alpha-2."""

    __tablename__ = "billing_profiles"
    __table_args__ = (CheckConstraint("country ~ '^[A-Z]{2}$'", name="billing_profiles_country"),)

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    city: Mapped[str] = mapped_column(Text)
    postcode: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    vat_number: Mapped[str | None] = mapped_column(Text)
    tax_office: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class Package(Base):
    """Credit at a price of its own. ``credit`` is micro-euro of balance; one that is taken away stays, inactive."""

    __tablename__ = "packages"
    __table_args__ = (
        CheckConstraint("net_cents > 0", name="packages_net_cents"),
        CheckConstraint("credit > 0", name="packages_credit"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name_el: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    net_cents: Mapped[int] = mapped_column(BigInteger)
    credit: Mapped[int] = mapped_column(BigInteger)
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class Order(Base):
    """A purchase of credit. ``buyer`` is the billing profile as it was; ``vat_rate`` is in basis points.

    ``credit`` (micro-euro) is what the account gets when it is paid; ``refunded_cents`` is gross.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft', 'awaiting_payment', 'paid', 'partly_refunded', 'refunded', 'expired', 'cancelled')",
            name="orders_state",
        ),
        CheckConstraint(
            "vat_treatment IN ('domestic', 'reverse_charge', 'outside_eu')", name="orders_vat_treatment"
        ),
        CheckConstraint("net_cents > 0 AND vat_cents >= 0 AND credit > 0", name="orders_amounts"),
        CheckConstraint("gross_cents = net_cents + vat_cents", name="orders_gross"),
        CheckConstraint("refunded_cents BETWEEN 0 AND gross_cents", name="orders_not_over_refunded"),
        CheckConstraint(
            "(state IN ('paid', 'partly_refunded', 'refunded')) = (paid_at IS NOT NULL)",
            name="orders_paid_at",
        ),
        Index("orders_of_account", "account_id", "id"),
        Index("orders_open", "expires_at", postgresql_where=text(OPEN_STATES)),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text, server_default=text("'draft'"))
    method: Mapped[str | None] = mapped_column(Text)
    package_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("packages.id", name="orders_package")
    )
    net_cents: Mapped[int] = mapped_column(BigInteger)
    vat_cents: Mapped[int] = mapped_column(BigInteger)
    gross_cents: Mapped[int] = mapped_column(BigInteger)
    vat_rate: Mapped[int] = mapped_column(Integer)
    vat_treatment: Mapped[str] = mapped_column(Text)
    credit: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text, server_default=text("'EUR'"))
    buyer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    locale: Mapped[str] = mapped_column(Text)
    refunded_cents: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    paid_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class ReceiptSeries(Base):
    """The last number given in a series; its row's lock makes numbers without gaps."""

    __tablename__ = "receipt_series"

    series: Mapped[str] = mapped_column(Text, primary_key=True)
    last_number: Mapped[int] = mapped_column(Integer, server_default=text("0"))


class Receipt(Base):
    """What was receipted (``receipt``, one an order) or taken back (``credit_note``, one a refund), never changed."""

    __tablename__ = "receipts"
    __table_args__ = (
        CheckConstraint("kind IN ('receipt', 'credit_note')", name="receipts_kind"),
        UniqueConstraint("series", "number", name="receipts_number"),
        Index("receipts_one_an_order", "order_id", unique=True, postgresql_where=text("kind = 'receipt'")),
        Index("receipts_of_order", "order_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("orders.id", name="receipts_order"))
    kind: Mapped[str] = mapped_column(Text)
    series: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(Integer)
    net_cents: Mapped[int] = mapped_column(BigInteger)
    vat_cents: Mapped[int] = mapped_column(BigInteger)
    gross_cents: Mapped[int] = mapped_column(BigInteger)
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
