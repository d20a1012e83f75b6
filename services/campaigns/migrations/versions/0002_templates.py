"""Templates, and the template that a campaign was made from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A new table, and a column that needs no rewriting: code that does not know them goes on beside it."""
    op.create_table(
        "templates",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text(collation="C"), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("search_key", "text", "encoding")),
        *(sa.Column(name, sa.Text) for name in ("sender", "price_class")),
        sa.Column("unsubscribe", sa.Boolean, nullable=False),
        sa.Column("labels", JSONB, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
        *(
            sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()"))
            for name in ("created_at", "updated_at")
        ),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("account_id", "name_key", name="templates_account_id_name_key_key"),
        sa.CheckConstraint("price_class IN ('normal', 'low')", name="templates_price_class"),
        sa.CheckConstraint("encoding IN ('auto', 'gsm', 'unicode')", name="templates_encoding"),
    )
    op.add_column("campaigns", sa.Column("template_id", sa.BigInteger))


def downgrade() -> None:
    """Templates are lost."""
    op.drop_column("campaigns", "template_id")
    op.drop_table("templates")
