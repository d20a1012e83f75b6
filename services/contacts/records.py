"""Tables of what was done and agreed to: consents, the audit, bulk actions, what was deleted, what was erased."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Identity,
    Index,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, moment_column, text_column


class Consent(Base):
    """A number's owner agreed to get messages: when, how, in what words, and where that is kept. Never changed."""

    __tablename__ = "consents"
    __table_args__ = (Index("consents_msisdn", "account_id", "msisdn", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    msisdn: Mapped[int] = mapped_column(BigInteger)
    how: Mapped[str] = mapped_column(Text)
    wording: Mapped[str] = text_column()
    source: Mapped[str] = text_column()
    at: Mapped[datetime] = moment_column()
    actor: Mapped[str] = text_column()
    recorded_at: Mapped[datetime] = moment_column()
