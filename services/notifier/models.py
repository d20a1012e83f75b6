"""Tables of notifier."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from servicekit.tables import kit_tables


class Base(DeclarativeBase):
    """All tables of this service."""


kit_tables(Base.metadata)
NOW = text("now()")


class Email(Base):
    """A notice to one address, kept as it was written.

    queued → sent | failed. ``attempts`` counts claims and fences their outcomes; ``next_attempt_at`` is when
    the next one is due, or until when the present one may take. ``message_id`` is the same in every attempt.
    ``attachment`` is a PDF.
    """

    __tablename__ = "emails"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'sent', 'failed')", name="emails_state"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="emails_sent_at"),
        CheckConstraint("(attachment IS NULL) = (attachment_name IS NULL)", name="emails_attachment"),
        UniqueConstraint("message_id", name="emails_message_id"),
        Index("emails_open", "state", "next_attempt_at", postgresql_where=text("state <> 'sent'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    body_text: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    attachment_name: Mapped[str | None] = mapped_column(Text)
    attachment: Mapped[bytes | None] = mapped_column(LargeBinary)
    message_id: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default=text("'queued'"))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    next_attempt_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Notice(Base):
    """What happened in an account, for its people to read. ``data`` is what its text is made of (``notices``)."""

    __tablename__ = "notices"
    __table_args__ = (
        Index("notices_account_id", "account_id", "id"),
        Index("notices_unread", "account_id", "id", postgresql_where=text("read_at IS NULL")),
        Index("notices_created_at", "created_at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ErasedNumber(Base):
    """A number of an account that was erased lately, as its pseudonym (``erasing``)."""

    __tablename__ = "erased_numbers"

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    pseudonym: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    erased_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
