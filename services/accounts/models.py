"""Tables of accounts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
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
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from servicekit.tables import kit_tables

NO_LABELS = text("""'{"","","",""}'""")


class Base(DeclarativeBase):
    """Metadata of this service's database."""


class Account(Base):
    """A tenant with its settings. ``low_balance_level`` is micro-euro, ``version`` counts changes."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("locale IN ('el', 'en')", name="accounts_locale"),
        CheckConstraint("price_class IN ('normal', 'low')", name="accounts_price_class"),
        CheckConstraint("encoding IN ('auto', 'gsm', 'unicode')", name="accounts_encoding"),
        CheckConstraint("cardinality(custom_labels) = 4", name="accounts_custom_labels"),
        CheckConstraint("low_balance_level >= 0", name="accounts_low_balance_level"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(Text)
    default_sender: Mapped[str | None] = mapped_column(Text)
    price_class: Mapped[str] = mapped_column(Text, server_default=text("'normal'"))
    encoding: Mapped[str] = mapped_column(Text, server_default=text("'auto'"))
    custom_labels: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=NO_LABELS)
    low_balance_level: Mapped[int | None] = mapped_column(BigInteger)
    low_balance_emails: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))


class User(Base):
    """A person of an account. ``email`` is lower case; ``password_hash`` is argon2's, None: no sign-in."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("email", name="users_email_key"),
        Index("users_account_id", "account_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", name="users_account_id_fkey"))
    email: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))


class ApiKey(Base):
    """A key, known by its prefix; of its secret only a hash is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("prefix", name="api_keys_prefix_key"),
        Index("api_keys_account_id", "account_id"),
        CheckConstraint("cardinality(scopes) > 0", name="api_keys_scopes"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", name="api_keys_account_id_fkey"))
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


kit_tables(Base.metadata)
