"""Erased numbers are kept as the pseudonyms that the dispatcher has too."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """The table is new and empty: nothing wrote to it before."""
    op.execute("ALTER TABLE erased_numbers DROP COLUMN digest")
    op.execute("ALTER TABLE erased_numbers ADD COLUMN pseudonym bigint NOT NULL")
    op.execute("ALTER TABLE erased_numbers ADD PRIMARY KEY (account_id, pseudonym)")


def downgrade() -> None:
    """Back to an empty table of the old shape."""
    op.execute("ALTER TABLE erased_numbers DROP COLUMN pseudonym")
    op.execute("ALTER TABLE erased_numbers ADD COLUMN digest bytea NOT NULL")
    op.execute("ALTER TABLE erased_numbers ADD PRIMARY KEY (account_id, digest)")
