"""The indexes that the search entries (0014) replace are gone: their trigrams were two fifths of storing a contact."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

REPLACED = {
    "contacts_search": "contacts USING gin (account_id, search gin_trgm_ops)",
    "phones_search": "phones USING gin (account_id, (msisdn::text) gin_trgm_ops)",
}


def upgrade() -> None:
    """Drop them beside running writers. Replicas of the release before search on, by reading the account's contacts."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # of a wait for old transactions, which holds nobody up
        for name in REPLACED:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    """Make them again; plainly, for nobody writes meanwhile."""
    for name, definition in REPLACED.items():
        op.execute(
            f"CREATE INDEX {name} ON {definition} WITH (fastupdate = on, gin_pending_list_limit = 65536)"
        )
