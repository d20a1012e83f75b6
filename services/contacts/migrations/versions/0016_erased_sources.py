"""How an erased number came on the blacklist: what its owner asked for they alone may take back when it comes again."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column that the release before leaves alone: what it erases counts as the account's."""
    op.execute("ALTER TABLE erased_numbers ADD COLUMN source text NOT NULL DEFAULT ''")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE erased_numbers DROP COLUMN source")
