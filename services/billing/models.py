"""Tables of billing, with what PostgreSQL itself must refuse; triggers are in the first migration."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
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
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from servicekit.exports import export_tables
from servicekit.tables import kit_tables


class Base(DeclarativeBase):
    """All tables of this service."""


kit_tables(Base.metadata)
export_tables(Base.metadata)
NOW = text("now()")


class LedgerAccount(Base):
    """A line of the chart of accounts: ``17:available``, ``17:held`` of a customer, ``topups`` of the system.

    System accounts are summed when somebody asks and never projected, so no row is hot.
    """

    __tablename__ = "ledger_accounts"
    __table_args__ = (
        CheckConstraint(
            "CASE WHEN account_id IS NULL THEN code = kind AND kind NOT IN ('available', 'held')"
            " ELSE kind IN ('available', 'held') AND code = account_id::text || ':' || kind END",
            name="ledger_accounts_code",
        ),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    account_id: Mapped[int | None] = mapped_column(BigInteger)


class Entry(Base):
    """A movement of money, written once and never changed. ``cause`` makes it happen once (domain.Entry).

    ``transaction`` is the one that wrote it: no posting is added to it by a later one.
    """

    __tablename__ = "entries"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('topup', 'hold', 'settlement', 'release', 'payment', 'reversal', 'correction')",
            name="entries_kind",
        ),
        UniqueConstraint("cause", name="entries_cause"),
        Index("entries_of_account", "account_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    cause: Mapped[str] = mapped_column(Text)
    account_id: Mapped[int] = mapped_column(BigInteger)
    details: Mapped[dict[str, object]] = mapped_column(JSONB)
    transaction: Mapped[int] = mapped_column(
        BigInteger, server_default=text("(pg_current_xact_id()::text)::bigint")
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class Posting(Base):
    """What an entry does to one ledger account, in micro-euro.

    No foreign key on ``ledger_account``: its lock on the system accounts' rows would be taken by every
    transaction there is. The trigger that checks the sum refuses unknown codes instead.
    """

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="postings_amount"),
        Index("postings_of_account", "ledger_account", "entry_id"),
    )

    entry_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("entries.id", name="postings_entry"), primary_key=True, autoincrement=False
    )
    ledger_account: Mapped[str] = mapped_column(Text, primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)


class Balance(Base):
    """The projection of a customer's two ledger accounts, changed with them under this row's lock.

    ``low_level`` and ``armed`` are here because the lock on this row is what makes a crossing happen once.
    """

    __tablename__ = "balances"
    __table_args__ = (
        CheckConstraint("available >= -credit_limit", name="balances_never_overdrawn"),
        CheckConstraint("held >= 0", name="balances_held"),
        CheckConstraint("credit_limit >= 0", name="balances_credit_limit"),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    available: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    held: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    credit_limit: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    low_level: Mapped[int | None] = mapped_column(BigInteger)
    armed: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class Hold(Base):
    """Money set aside for a chunk or a direct send. It never expires by time (DESIGN §3).

    Without an account it is no hold but a closed id: withdrawn before it was asked for, it can not be held any more.
    """

    __tablename__ = "holds"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="holds_amount"),
        CheckConstraint("captured >= 0 AND released >= 0", name="holds_not_negative"),
        CheckConstraint("captured + released <= amount", name="holds_not_over_settled"),
        CheckConstraint(
            "account_id IS NOT NULL OR (amount = 0 AND withdrawn_at IS NOT NULL)", name="holds_closed_id"
        ),
        Index("holds_of_reference", "reference"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("balances.account_id", name="holds_account")
    )
    reference: Mapped[str] = mapped_column(Text)
    amount: Mapped[int] = mapped_column(BigInteger)
    captured: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    released: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class Credit(Base):
    """Money that a payment, an order or a voucher brought: once per cause, taken back at most as a whole."""

    __tablename__ = "credits"
    __table_args__ = (
        CheckConstraint("amount > 0", name="credits_amount"),
        CheckConstraint("reversed >= 0 AND reversed <= amount", name="credits_not_over_reversed"),
    )

    cause_kind: Mapped[str] = mapped_column(Text, primary_key=True)
    cause_id: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("balances.account_id", name="credits_account")
    )
    amount: Mapped[int] = mapped_column(BigInteger)
    reversed: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class Price(Base):
    """What one part costs to a prefix, from a moment on; ``account_id`` None is everybody's list.

    Rows are added, not changed: a list of any past moment can be told. ``price`` None ends what was said
    before.
    """

    __tablename__ = "prices"
    __table_args__ = (
        CheckConstraint("price_class IN ('normal', 'low')", name="prices_class"),
        CheckConstraint("prefix ~ '^[1-9][0-9]{0,14}$'", name="prices_prefix"),
        CheckConstraint("price >= 0", name="prices_price"),
        UniqueConstraint(
            "account_id",
            "price_class",
            "prefix",
            "valid_from",
            name="prices_once",
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    price_class: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    price: Mapped[int | None] = mapped_column(BigInteger)
    valid_from: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)


class Account(Base):
    """What the low-balance notice and the spend limits need to know of an account, as last told (``version``)."""

    __tablename__ = "accounts"

    account_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("balances.account_id", name="accounts_balance"),
        primary_key=True,
        autoincrement=False,
    )
    name: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text)
    low_balance_emails: Mapped[list[str]] = mapped_column(ARRAY(Text))
    timezone: Mapped[str] = mapped_column(Text, server_default=text("'Europe/Athens'"))
    version: Mapped[int] = mapped_column(Integer)


class Audit(Base):
    """Who did what with money and prices. Rows are added, never changed: a trigger sees to it."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_of_account", "account_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    details: Mapped[dict[str, object]] = mapped_column(JSONB)


class SpendLimit(Base):
    """What a spender (``key:<id>``, ``user:<id>``, ``account``) may set aside a day. Its lock makes it hold."""

    __tablename__ = "spend_limits"
    __table_args__ = (CheckConstraint("daily >= 0", name="spend_limits_daily"),)

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    spender: Mapped[str] = mapped_column(Text, primary_key=True)
    daily: Mapped[int] = mapped_column(BigInteger)


class SpendItem(Base):
    """A hold that counts for spend limits: who spent, on which day."""

    __tablename__ = "spend_items"
    __table_args__ = (Index("spend_items_of_day", "account_id", "day"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    spender: Mapped[str] = mapped_column(Text)
    day: Mapped[date] = mapped_column(Date)


class SpendDay(Base):
    """The sum of a limit's items on a day, or more where something came back since it was made."""

    __tablename__ = "spend_days"

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    spender: Mapped[str] = mapped_column(Text, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)


class SpendReference(Base):
    """Who spends what is held under a reference: whoever started the campaign."""

    __tablename__ = "spend_references"

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    reference: Mapped[str] = mapped_column(Text, primary_key=True)
    spender: Mapped[str] = mapped_column(Text)


class BookCheck(Base):
    """What a check of the books found; the newest one tells when the next is due."""

    __tablename__ = "book_checks"
    __table_args__ = (Index("book_checks_at", "checked_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    checked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    found: Mapped[dict[str, object]] = mapped_column(JSONB)


# Tables that live beside their rules belong to the same metadata: migrations and the drift check read it from here.
from .margin import models as _margin  # noqa: E402, F401
from .orders import models as _orders  # noqa: E402, F401
from .payments import models as _payments  # noqa: E402, F401
