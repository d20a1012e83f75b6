"""Progress that was committed and is told with the next gathering; chunks say where a day lies and when silence ends."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One row a flush; gathered and deleted a few times a second, so it stays tiny: vacuum it by number, not by share."""
    op.execute(
        "CREATE TABLE untold_progress (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, chunks bytea NOT NULL)"
        " WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)"
    )
    op.execute("ALTER TABLE chunks ADD COLUMN look_at timestamptz")
    op.execute("UPDATE chunks SET look_at = accepted_at + make_interval(secs => validity_seconds + 3600)")
    op.execute("CREATE INDEX chunks_look_at ON chunks (look_at) WHERE look_at IS NOT NULL")
    op.execute("CREATE INDEX chunks_accepted_at ON chunks (accepted_at)")


def downgrade() -> None:
    """Drop them; gather first."""
    op.execute("DROP INDEX chunks_accepted_at")
    op.execute("ALTER TABLE chunks DROP COLUMN look_at")
    op.execute("DROP TABLE untold_progress")
