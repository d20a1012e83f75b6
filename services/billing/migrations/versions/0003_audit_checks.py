"""The audit of what is done to money and prices, and what checks of the books found.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NOW = sa.text("now()")


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("account_id", sa.BigInteger),
        sa.Column("details", postgresql.JSONB, nullable=False),
    )
    op.create_index("audit_of_account", "audit", ["account_id", "id"])
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.create_table(
        "book_checks",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("found", postgresql.JSONB, nullable=False),
    )
    op.create_index("book_checks_at", "book_checks", ["checked_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("book_checks")
    op.drop_table("audit")
