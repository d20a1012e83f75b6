"""Progress that was committed and is told with the next gathering; the ids of a day are found by its chunks."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One row a flush; gathered and deleted a few times a second, so it stays tiny: vacuum it by number, not by share."""
    op.execute(
        "CREATE TABLE untold_progress (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, chunks bytea NOT NULL)"
        " WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)"
    )
    op.execute("CREATE INDEX chunks_accepted_at ON chunks (accepted_at)")


def downgrade() -> None:
    """Drop them; gather first."""
    op.execute("DROP INDEX chunks_accepted_at")
    op.execute("DROP TABLE untold_progress")
