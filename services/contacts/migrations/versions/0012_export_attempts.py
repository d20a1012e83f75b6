"""Exports count how often they were begun, and know their account's time zone.

Revision ID: 0012
"""

from __future__ import annotations

from alembic import op

from servicekit.exports import add_attempts, drop_attempts

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the kit's columns; the release before neither reads nor writes them."""
    add_attempts(op)


def downgrade() -> None:
    """Drop them."""
    drop_attempts(op)
