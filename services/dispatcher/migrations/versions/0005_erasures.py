"""Numbers to be erased, and what is left of those that were."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.execute(
        "CREATE TABLE erasures (account_id bigint NOT NULL, pseudonym bigint NOT NULL, msisdn bigint,"
        " opted_out boolean NOT NULL, erased_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (account_id, pseudonym))"
    )
    op.execute("CREATE INDEX erasures_open ON erasures (erased_at) WHERE msisdn IS NOT NULL")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE erasures")
