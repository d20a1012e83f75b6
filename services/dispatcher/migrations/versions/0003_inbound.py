"""Inbound messages are counted once, told once, and known by whose they are."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """What is there already counts as told: its words may be months old."""
    op.execute(
        "ALTER TABLE inbound ADD COLUMN fingerprint bytea, ADD COLUMN answers bigint, ADD COLUMN account_id bigint,"
        " ADD COLUMN told boolean NOT NULL DEFAULT true"
    )
    op.execute("ALTER TABLE inbound ALTER COLUMN told SET DEFAULT false")
    op.execute("CREATE INDEX inbound_fingerprint ON inbound (fingerprint, received_at)")
    op.execute("CREATE INDEX inbound_untold ON inbound (id) WHERE NOT told")


def downgrade() -> None:
    """Take it away."""
    op.execute("DROP INDEX inbound_fingerprint, inbound_untold")
    op.execute(
        "ALTER TABLE inbound DROP COLUMN fingerprint, DROP COLUMN answers, DROP COLUMN account_id, DROP COLUMN told"
    )
