"""Merges are written down, and what they took lies in the trash: they can be undone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NOW = sa.text("now()")


def upgrade() -> None:
    """Make the table; the new column has no default, so nothing is rewritten."""
    op.create_table(
        "merges",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("contact_id", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("others", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("filled", ARRAY(sa.Text), nullable=False),
        sa.Column("note_length", sa.Integer, nullable=False),
        sa.Column("group_ids", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("actor", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("undo_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.Column("not_restored", JSONB, nullable=False, server_default=sa.text("'[]'")),
    )
    op.create_index("merges_account_id", "merges", ["account_id", "id"])
    op.create_index("merges_contact_id", "merges", ["contact_id"])
    op.add_column("trash", sa.Column("merge_id", sa.BigInteger))


def downgrade() -> None:
    """What was merged stays merged; its parts can be restored as deleted contacts can."""
    op.drop_column("trash", "merge_id")
    op.drop_table("merges")
