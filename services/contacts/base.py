"""What the tables of contacts are made of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, Integer, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NOW = text("now()")
EMPTY = text("''")
ZERO = text("0")
NO_IDS = text("'{}'")


def text_column() -> Mapped[str]:
    """A text, empty unless given."""
    return mapped_column(Text, server_default=EMPTY)


def moment_column() -> Mapped[datetime]:
    """A time, now unless given."""
    return mapped_column(DateTime(timezone=True), server_default=NOW)


def count_column() -> Mapped[int]:
    """A count from 0."""
    return mapped_column(Integer, server_default=ZERO)


class Base(DeclarativeBase):
    """Metadata of this service's database."""
