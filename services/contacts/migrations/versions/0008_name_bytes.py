"""Names are sorted by their bytes: folded Greek is in order by them, and comparing by a locale was most of the index's cost."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = "contacts_name_key(last_name, first_name)"


def upgrade() -> None:
    """Make the index anew beside running writers."""
    _remake(f'{KEY} COLLATE "C"')


def downgrade() -> None:
    """Back to the locale; plainly, for nobody writes meanwhile."""
    op.execute("DROP INDEX contacts_name")
    op.execute(f"CREATE INDEX contacts_name ON contacts (account_id, {KEY}, id)")


def _remake(key: str) -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # of a wait for old transactions, which holds nobody up
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS contacts_name")
        op.execute(f"CREATE INDEX CONCURRENTLY contacts_name ON contacts (account_id, {key}, id)")
        op.execute("SET lock_timeout = '5s'")
