"""Opt-outs that came before their turn, and when an account's events last went on."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """A table, and a column that the release before leaves alone: its accounts are asked about once too often."""
    op.execute("""
CREATE TABLE suppressions_early (
    account_id bigint NOT NULL,
    sequence bigint NOT NULL,
    suppressed bigint[] NOT NULL,
    lifted bigint[] NOT NULL,
    PRIMARY KEY (account_id, sequence)
)""")
    op.execute("ALTER TABLE suppression_sequences ADD COLUMN moved_at timestamptz NOT NULL DEFAULT now()")


def downgrade() -> None:
    """Drop them: the sequence says what of an account is still to be asked for."""
    op.execute("ALTER TABLE suppression_sequences DROP COLUMN moved_at")
    op.execute("DROP TABLE suppressions_early")
