"""Spend limits of accounts, users and keys; the time zone in which an account's day begins.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column with a constant default, which rewrites nothing, and four tables."""
    op.add_column(
        "accounts", sa.Column("timezone", sa.Text, nullable=False, server_default=sa.text("'Europe/Athens'"))
    )
    op.create_table(
        "spend_limits",
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("spender", sa.Text, primary_key=True),
        sa.Column("daily", sa.BigInteger, nullable=False),
        sa.CheckConstraint("daily >= 0", name="spend_limits_daily"),
    )
    op.create_table(
        "spend_items",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("spender", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
    )
    op.create_index("spend_items_of_day", "spend_items", ["account_id", "day"])
    op.create_table(
        "spend_days",
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("spender", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "spend_references",
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("reference", sa.Text, primary_key=True),
        sa.Column("spender", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Take it all away."""
    for table in ("spend_references", "spend_days", "spend_items", "spend_limits"):
        op.drop_table(table)
    op.drop_column("accounts", "timezone")
