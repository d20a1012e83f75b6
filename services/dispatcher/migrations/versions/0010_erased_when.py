"""When numbers were erased, counted by the changes of their account's blacklist, and by which change each is in the copy."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Columns that the release before leaves alone: what it writes down is older than every change."""
    op.execute("ALTER TABLE suppressions ADD COLUMN sequence bigint NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE erasures ADD COLUMN sequence bigint NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE erasures ADD COLUMN opted_out_sequence bigint NOT NULL DEFAULT 0")


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE suppressions DROP COLUMN sequence")
    op.execute("ALTER TABLE erasures DROP COLUMN sequence, DROP COLUMN opted_out_sequence")
