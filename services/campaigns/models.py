"""Tables of campaigns: what is sent to whom, and how far it is.

Counters are sums of deltas that arrive in any order (a proof may be counted before the doubt it resolves), so
none of them is checked to be positive. No counter is indexed, so counting stays a heap-only update.
"""

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
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from servicekit.tables import kit_tables

ZERO = sql("0")
EMPTY_OBJECT = sql("'{}'::jsonb")
NOW = sql("now()")
UNFINISHED_CHUNK = sql("state IN ('preparing', 'queued')")
WORKING = sql("state IN ('running', 'paused')")
SCHEDULED = sql("state = 'scheduled'")
STOP_TO_TELL = sql("stop_synced_version < version AND state IN ('running', 'paused', 'cancelled')")


class Base(DeclarativeBase):
    """Metadata of this service's database."""


class Campaign(Base):
    """A campaign with its settings, its place in the state machine (``domain``) and its counters.

    ``version`` grows with every edit and change of state; it is the ETag and orders what the dispatcher is
    told (``set_stop``): ``stop_synced_version`` is the newest version that it knows, or need not know.
    ``pace`` is messages per minute, ``cursor`` the last ordinal of the snapshot that was rendered, ``unsent``
    the recipients that it never will reach or whose chunk was dropped, ``left_count`` the messages that will
    not be handed to an operator any more. ``tariff`` is contracts.tariff.Tariff, frozen at the start.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft', 'scheduled', 'running', 'paused', 'finished', 'cancelled')",
            name="campaigns_state",
        ),
        CheckConstraint(
            "(state IN ('running', 'paused')) = (phase IS NOT NULL) AND phase IN ('freezing', 'expanding', 'sending')",
            name="campaigns_phase",
        ),
        CheckConstraint("state <> 'scheduled' OR scheduled_at IS NOT NULL", name="campaigns_scheduled_at"),
        CheckConstraint("price_class IN ('normal', 'low')", name="campaigns_price_class"),
        CheckConstraint("encoding IN ('auto', 'gsm', 'unicode')", name="campaigns_encoding"),
        CheckConstraint("pace >= 1", name="campaigns_pace"),
        CheckConstraint("cursor >= 0 AND cursor <= recipients", name="campaigns_cursor"),
        Index("campaigns_of_account", "account_id", "id"),
        Index("campaigns_due", "scheduled_at", postgresql_where=SCHEDULED),
        Index("campaigns_working", "id", postgresql_where=WORKING),
        Index("campaigns_stop_to_tell", "id", postgresql_where=STOP_TO_TELL),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    sender: Mapped[str] = mapped_column(Text)
    price_class: Mapped[str] = mapped_column(Text)
    encoding: Mapped[str] = mapped_column(Text)
    audience: Mapped[dict[str, Any]] = mapped_column(JSONB)
    unsubscribe: Mapped[bool] = mapped_column(Boolean, server_default=sql("false"))
    labels: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=EMPTY_OBJECT)
    pace: Mapped[int | None] = mapped_column(Integer)

    state: Mapped[str] = mapped_column(Text, server_default=sql("'draft'"))
    phase: Mapped[str | None] = mapped_column(Text)
    pause_reason: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, server_default=sql("1"))
    stop_synced_version: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    scheduled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expanded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)

    tariff: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    snapshot_id: Mapped[int | None] = mapped_column(BigInteger)
    recipients: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    duplicates: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    suppressed: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    cursor: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    unsent: Mapped[int] = mapped_column(Integer, server_default=ZERO)

    accepted: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    submitted: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    left_count: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    delivered: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    undelivered: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    expired: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    rejected: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    blocked: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    cancelled: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    uncertain: Mapped[int] = mapped_column(Integer, server_default=ZERO)

    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lease_owner: Mapped[str | None] = mapped_column(Text)
    correlation_id: Mapped[str | None] = mapped_column(Text)
    template_id: Mapped[int | None] = mapped_column(BigInteger)


class Template(Base):
    """A text to be used again; what is null comes from the account's settings when it is used.

    ``name_key`` and ``search_key`` are the name, and name and text, without case and accents (``domain.folded``).
    ``labels`` are the account's names of its custom fields when the text was last checked. A campaign's
    ``template_id`` has no foreign key: the campaign remembers what it was made from when that is gone.
    """

    __tablename__ = "templates"
    __table_args__ = (
        UniqueConstraint("account_id", "name_key", name="templates_account_id_name_key_key"),
        CheckConstraint("price_class IN ('normal', 'low')", name="templates_price_class"),
        CheckConstraint("encoding IN ('auto', 'gsm', 'unicode')", name="templates_encoding"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text(collation="C"))
    search_key: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    encoding: Mapped[str] = mapped_column(Text)
    sender: Mapped[str | None] = mapped_column(Text)
    price_class: Mapped[str | None] = mapped_column(Text)
    unsubscribe: Mapped[bool] = mapped_column(Boolean)
    labels: Mapped[dict[str, str]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(Integer, server_default=sql("1"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Chunk(Base):
    """A page of rendered messages. Its hold is ``c<id>``, held for ``campaign:<campaign_id>``.

    ``amount`` is micro-euro. ``content`` is the serialised chunk while it is ``preparing``, then nothing.
    """

    __tablename__ = "chunks"
    __table_args__ = (
        UniqueConstraint("campaign_id", "first_ordinal", name="chunks_campaign_id_first_ordinal_key"),
        CheckConstraint("state IN ('preparing', 'queued', 'finished', 'dropped')", name="chunks_state"),
        CheckConstraint("(state = 'preparing') = (content IS NOT NULL)", name="chunks_content"),
        CheckConstraint("first_ordinal >= 1 AND last_ordinal >= first_ordinal", name="chunks_ordinals"),
        CheckConstraint("messages >= 1 AND parts >= messages AND amount >= 0", name="chunks_amount"),
        Index("chunks_unfinished", "campaign_id", "id", postgresql_where=UNFINISHED_CHUNK),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", name="chunks_campaign_id_fkey"))
    account_id: Mapped[int] = mapped_column(BigInteger)
    first_ordinal: Mapped[int] = mapped_column(Integer)
    last_ordinal: Mapped[int] = mapped_column(Integer)
    messages: Mapped[int] = mapped_column(Integer)
    parts: Mapped[int] = mapped_column(Integer)
    amount: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text, server_default=sql("'preparing'"))
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    accepted: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    left_count: Mapped[int] = mapped_column(Integer, server_default=ZERO)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    queued_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


kit_tables(Base.metadata)
