"""Notices of accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("read_at", sa.DateTime(timezone=True)),
    )
    unread = sa.text("read_at IS NULL")
    op.create_index("notices_account_id", "notices", ["account_id", "id"])
    op.create_index("notices_unread", "notices", ["account_id", "id"], postgresql_where=unread)
    op.create_index("notices_created_at", "notices", ["created_at"], postgresql_using="brin")


def downgrade() -> None:
    """Drop it."""
    op.drop_table("notices")
