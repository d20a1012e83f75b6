"""How far the history has been forgotten."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the one row."""
    op.execute(
        "CREATE TABLE forgotten (only_row boolean PRIMARY KEY DEFAULT true, chunk_id bigint NOT NULL DEFAULT 0)"
    )
    op.execute("INSERT INTO forgotten DEFAULT VALUES")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE forgotten")
