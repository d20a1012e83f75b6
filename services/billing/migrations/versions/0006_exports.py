"""Exports of the ledger.

Revision ID: 0006
"""

from __future__ import annotations

from alembic import op

from servicekit.exports import create_export_tables, drop_export_tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the kit's tables."""
    create_export_tables(op)


def downgrade() -> None:
    """Drop them."""
    drop_export_tables(op)
