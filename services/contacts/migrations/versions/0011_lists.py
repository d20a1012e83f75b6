"""What is rare in a long list is found by an index: requests by state, the blacklist by source, the audit by whom and what."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEXES = {
    "opt_outs_state": "opt_outs (account_id, state, id)",
    "suppressions_source": "suppressions (account_id, source, msisdn) WHERE active",
    "audit_object": "audit (account_id, object, id)",
    "audit_action": "audit (account_id, action, id)",
    "audit_actor": "audit (account_id, actor, id)",
}


def upgrade() -> None:
    """Make them beside running writers."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # of a wait for old transactions, which holds nobody up
        for name, what in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {what}")
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    """Plainly, for nobody writes meanwhile."""
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
