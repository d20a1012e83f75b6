"""Contacts with the same e-mail are found by an index; those with the same name were already."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it beside running writers; one left invalid by an attempt that failed is made anew."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # of a wait for old transactions, which holds nobody up
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS contacts_email")
        op.execute(
            "CREATE INDEX CONCURRENTLY contacts_email"
            " ON contacts (account_id, left(lower(email), 100) COLLATE \"C\", id) WHERE email <> ''"
        )
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX contacts_email")
