"""E-mails to send.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from servicekit.tables import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NOW = sa.text("now()")


def upgrade() -> None:
    """Make everything."""
    create_kit_tables(op)
    op.create_table(
        "emails",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body_text", sa.Text, nullable=False),
        sa.Column("body_html", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'queued'")),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("last_error", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state IN ('queued', 'sent', 'failed')", name="emails_state"),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="emails_sent_at"),
        sa.UniqueConstraint("message_id", name="emails_message_id"),
    )
    op.create_index(
        "emails_open",
        "emails",
        ["state", "next_attempt_at"],
        postgresql_where=sa.text("state <> 'sent'"),
    )


def downgrade() -> None:
    """Drop everything."""
    op.drop_table("emails")
    drop_kit_tables(op)
