"""Tables of saying no: unsubscribe links, requests to be left alone, and what both stand on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, moment_column, text_column


class LinkKey(Base):
    """The key of the tokens in unsubscribe links. It lies beside the data it opens: lost alone, it would kill all links."""

    __tablename__ = "link_keys"
    __table_args__ = (CheckConstraint("only_row AND octet_length(key) = 32", name="link_keys_key"),)

    only_row: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    key: Mapped[bytes] = mapped_column(LargeBinary)


class LinkPage(Base):
    """Numbers of 1,000 recipients of a snapshot in the order of their ordinals.

    Of one that was erased its pseudonym, which is negative; or 0, if that was before pseudonyms were kept here.

    Outlives campaign and snapshot: 8 bytes a recipient for as long as their link works.
    """

    __tablename__ = "link_pages"
    __table_args__ = (
        Index("link_pages_account_id", "account_id"),
        Index("link_pages_frozen_at", "frozen_at", postgresql_using="brin"),
    )

    snapshot_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    page: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigInteger)
    campaign_id: Mapped[int] = mapped_column(BigInteger)
    frozen_at: Mapped[datetime] = moment_column()
    msisdns: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class OptOut(Base):
    """Somebody asked an account, by link or keyword, to be left alone. One may be pending for a number."""

    __tablename__ = "opt_outs"
    __table_args__ = (
        CheckConstraint("channel IN ('link', 'keyword')", name="opt_outs_channel"),
        CheckConstraint("state IN ('pending', 'approved', 'rejected', 'withdrawn')", name="opt_outs_state"),
        CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name="opt_outs_decided_at"),
        Index("opt_outs_account_id", "account_id", "id"),
        Index("opt_outs_state", "account_id", "state", "id"),
        Index("opt_outs_msisdn", "account_id", "msisdn", "id"),
        Index(
            "opt_outs_pending",
            "account_id",
            "msisdn",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    msisdn: Mapped[int] = mapped_column(BigInteger)
    channel: Mapped[str] = mapped_column(Text)
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)
    wording: Mapped[str] = text_column()
    state: Mapped[str] = mapped_column(Text)
    automatic: Mapped[bool] = mapped_column(Boolean)
    reason: Mapped[str] = text_column()
    requested_at: Mapped[datetime] = moment_column()
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class OptOutSettings(Base):
    """What an account does with requests; without a row they are approved at once."""

    __tablename__ = "opt_out_settings"

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    auto_approve: Mapped[bool] = mapped_column(Boolean)
    version: Mapped[int] = mapped_column(Integer)


class OptOutAttempts(Base):
    """How often an address (hashed) posted to links within a minute, over all gateways."""

    __tablename__ = "opt_out_attempts"

    address: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    minute: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer)


class AccountName(Base):
    """What an account is called, for the pages that its recipients see; from ``account_changed``."""

    __tablename__ = "account_names"

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
