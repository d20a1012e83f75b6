"""The key of names is an expression where it is used, and no call: PostgreSQL does not inline a STRICT function with a CASE."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Columns that are NOT NULL have the same key either way, so the index contacts_name stays as it is.
KEY = "contacts_name_key(text, text)"


def upgrade() -> None:
    """Without the strictness; it locks no table."""
    op.execute(f"ALTER FUNCTION {KEY} CALLED ON NULL INPUT")


def downgrade() -> None:
    """As it was."""
    op.execute(f"ALTER FUNCTION {KEY} STRICT")
