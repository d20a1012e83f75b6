"""Which connector took what was captured, and to where."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """A column that the release before neither writes nor reads: what it gathers is sold by nobody knows whom."""
    op.execute("ALTER TABLE untold_progress ADD COLUMN sold bytea")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE untold_progress DROP COLUMN sold")
