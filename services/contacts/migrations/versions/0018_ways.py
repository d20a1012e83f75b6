"""Blacklistings are found by the way they came, whichever import or bulk action it was."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the new index beside running writers, then drop the one it replaces."""
    _replace("suppressions_way", "split_part(source, ' ', 1)", "suppressions_source")


def downgrade() -> None:
    """The other way round."""
    _replace("suppressions_source", "source", "suppressions_way")


def _replace(name: str, key: str, old: str) -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # of a wait for old transactions, which holds nobody up
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(
            f"CREATE INDEX CONCURRENTLY {name} ON suppressions (account_id, {key}, msisdn) WHERE active"
        )
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {old}")
        op.execute("SET lock_timeout = '5s'")
