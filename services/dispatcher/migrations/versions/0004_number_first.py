"""The index of messages by recipient begins with the number, so that it also says who wrote to it last."""

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"

PARTITIONS = text(
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'messages'::regclass ORDER BY 1"
)


def upgrade() -> None:
    """Beside running code: each partition's part is built without a lock on its writers, then they are joined.

    Cut off anywhere it begins anew: what it left is dropped first.
    """
    _swap("messages_number", "recipient, account_id, id", "messages_recipient")


def downgrade() -> None:
    """The old order again."""
    _swap("messages_recipient", "account_id, recipient, id", "messages_number")


def _swap(new: str, columns: str, old: str) -> None:
    op.execute(f"DROP INDEX IF EXISTS {new}")
    op.execute(f"CREATE INDEX {new} ON ONLY messages ({columns})")
    partitions = list(op.get_bind().execute(PARTITIONS).scalars())
    with op.get_context().autocommit_block():
        for partition in partitions:
            op.execute(f"DROP INDEX IF EXISTS {partition}_{new}")
            op.execute(f"CREATE INDEX CONCURRENTLY {partition}_{new} ON {partition} ({columns})")
    for partition in partitions:
        op.execute(f"ALTER INDEX {new} ATTACH PARTITION {partition}_{new}")
    op.execute(f"DROP INDEX IF EXISTS {old}")
