"""Campaigns and their chunks."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from servicekit.tables import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of the service and of the kit."""
    create_kit_tables(op)
    _create_campaigns()
    _create_chunks()


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True)


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **more)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0"))


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()"))


def _create_campaigns() -> None:
    op.create_table(
        "campaigns",
        _id(),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        *(_text(name) for name in ("name", "text", "sender", "price_class", "encoding")),
        sa.Column("audience", JSONB, nullable=False),
        sa.Column("unsubscribe", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("labels", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("pace", sa.Integer),
        _text("state", server_default=sa.text("'draft'")),
        sa.Column("phase", sa.Text),
        sa.Column("pause_reason", sa.Text),
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
        _count("stop_synced_version"),
        *(_moment(name) for name in ("scheduled_at", "started_at", "expanded_at", "sent_at", "finished_at")),
        _now("created_at"),
        _now("updated_at"),
        sa.Column("tariff", JSONB),
        sa.Column("snapshot_id", sa.BigInteger),
        *(_count(name) for name in ("recipients", "duplicates", "suppressed", "cursor", "unsent")),
        *(_count(name) for name in ("accepted", "submitted", "left_count", "delivered", "undelivered")),
        *(_count(name) for name in ("expired", "rejected", "blocked", "cancelled", "uncertain")),
        _moment("lease_until"),
        sa.Column("lease_owner", sa.Text),
        sa.Column("correlation_id", sa.Text),
        *_campaign_checks(),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_index("campaigns_of_account", "campaigns", ["account_id", "id"])
    op.create_index(
        "campaigns_due", "campaigns", ["scheduled_at"], postgresql_where=sa.text("state = 'scheduled'")
    )
    op.create_index(
        "campaigns_working", "campaigns", ["id"], postgresql_where=sa.text("state IN ('running', 'paused')")
    )
    op.create_index(
        "campaigns_stop_to_tell",
        "campaigns",
        ["id"],
        postgresql_where=sa.text(
            "stop_synced_version < version AND state IN ('running', 'paused', 'cancelled')"
        ),
    )


def _campaign_checks() -> tuple[sa.CheckConstraint, ...]:
    return (
        sa.CheckConstraint(
            "state IN ('draft', 'scheduled', 'running', 'paused', 'finished', 'cancelled')",
            name="campaigns_state",
        ),
        sa.CheckConstraint(
            "(state IN ('running', 'paused')) = (phase IS NOT NULL) AND phase IN ('freezing', 'expanding', 'sending')",
            name="campaigns_phase",
        ),
        sa.CheckConstraint("state <> 'scheduled' OR scheduled_at IS NOT NULL", name="campaigns_scheduled_at"),
        sa.CheckConstraint("price_class IN ('normal', 'low')", name="campaigns_price_class"),
        sa.CheckConstraint("encoding IN ('auto', 'gsm', 'unicode')", name="campaigns_encoding"),
        sa.CheckConstraint("pace >= 1", name="campaigns_pace"),
        sa.CheckConstraint("cursor >= 0 AND cursor <= recipients", name="campaigns_cursor"),
    )


def _create_chunks() -> None:
    op.create_table(
        "chunks",
        _id(),
        sa.Column(
            "campaign_id",
            sa.BigInteger,
            sa.ForeignKey("campaigns.id", name="chunks_campaign_id_fkey"),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("first_ordinal", "last_ordinal")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("messages", "parts")),
        sa.Column("amount", sa.BigInteger, nullable=False),
        _text("state", server_default=sa.text("'preparing'")),
        sa.Column("content", sa.LargeBinary),
        _count("accepted"),
        _count("left_count"),
        _now("created_at"),
        _moment("queued_at"),
        _moment("finished_at"),
        sa.UniqueConstraint("campaign_id", "first_ordinal", name="chunks_campaign_id_first_ordinal_key"),
        sa.CheckConstraint("state IN ('preparing', 'queued', 'finished', 'dropped')", name="chunks_state"),
        sa.CheckConstraint("(state = 'preparing') = (content IS NOT NULL)", name="chunks_content"),
        sa.CheckConstraint("first_ordinal >= 1 AND last_ordinal >= first_ordinal", name="chunks_ordinals"),
        sa.CheckConstraint("messages >= 1 AND parts >= messages AND amount >= 0", name="chunks_amount"),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_index(
        "chunks_unfinished",
        "chunks",
        ["campaign_id", "id"],
        postgresql_where=sa.text("state IN ('preparing', 'queued')"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("chunks")
    op.drop_table("campaigns")
    drop_kit_tables(op)
