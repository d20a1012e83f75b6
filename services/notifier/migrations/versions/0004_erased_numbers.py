"""Numbers that were erased lately, as pseudonyms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A new table: code that does not know it goes on beside it."""
    op.create_table(
        "erased_numbers",
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("pseudonym", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """A request that is delivered after the erasure shows its number again."""
    op.drop_table("erased_numbers")
