"""A PDF may go with an e-mail.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; e-mails that wait have none."""
    op.add_column("emails", sa.Column("attachment_name", sa.Text))
    op.add_column("emails", sa.Column("attachment", sa.LargeBinary))
    op.create_check_constraint(
        "emails_attachment",
        "emails",
        "(attachment IS NULL) = (attachment_name IS NULL)",
        postgresql_not_valid=True,
    )


def downgrade() -> None:
    """Take them away, with what is in them."""
    op.drop_constraint("emails_attachment", "emails")
    op.drop_column("emails", "attachment")
    op.drop_column("emails", "attachment_name")
