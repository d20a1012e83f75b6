"""Consents: when, how, in what words and from where a number agreed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
EMPTY = sa.text("''")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("msisdn", sa.BigInteger, nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("wording", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("source", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("actor", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
    )
    op.create_index("consents_msisdn", "consents", ["account_id", "msisdn", "id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("consents")
