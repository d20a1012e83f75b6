"""What was sold by day, account, connector and destination; what it costs the operator.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables, and refuse changes to what was said of costs."""
    op.create_table(
        "sales",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("connector", sa.Text, primary_key=True),
        sa.Column("destination", sa.Text, primary_key=True),
        sa.Column("parts", sa.BigInteger, nullable=False),
        sa.Column("captured", sa.BigInteger, nullable=False),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "costs",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("connector", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("cost", sa.BigInteger),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.CheckConstraint("prefix ~ '^([1-9][0-9]{0,4})?$'", name="costs_prefix"),
        sa.CheckConstraint("connector <> ''", name="costs_connector"),
        sa.CheckConstraint("cost >= 0", name="costs_cost"),
    )
    op.create_index("costs_of_connector", "costs", ["connector", "prefix", "valid_from", "id"])
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON costs"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("costs")
    op.drop_table("sales")
