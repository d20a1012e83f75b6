"""Tables of what was sold and of what it costs."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, Identity, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from ..models import NOW, Base


class SoldOnDay(Base):
    """What an account paid on a day of the operator's, by connector and destination; captured in micro-euro.

    Connector '' and destination '' are what nobody told of; it may be less than nothing while the event that
    makes up for it is on its way. No mutable column is indexed, and pages have room: rows change several times a second.
    """

    __tablename__ = "sales"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    connector: Mapped[str] = mapped_column(Text, primary_key=True)
    destination: Mapped[str] = mapped_column(Text, primary_key=True)
    parts: Mapped[int] = mapped_column(BigInteger)
    captured: Mapped[int] = mapped_column(BigInteger)


class Cost(Base):
    """What a part costs the operator over a connector to a prefix ('': to everywhere), from a day on.

    Rows are added, not changed: of two for the same day the later one (``id``) counts, and what was said before can be
    told. ``cost`` None ends what was said of the prefix.
    """

    __tablename__ = "costs"
    __table_args__ = (
        CheckConstraint("prefix ~ '^([1-9][0-9]{0,4})?$'", name="costs_prefix"),
        CheckConstraint("connector <> ''", name="costs_connector"),
        CheckConstraint("cost >= 0", name="costs_cost"),
        Index("costs_of_connector", "connector", "prefix", "valid_from", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    connector: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    cost: Mapped[int | None] = mapped_column(BigInteger)
    valid_from: Mapped[date] = mapped_column(Date)
    said_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
