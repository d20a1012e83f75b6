"""Credits by payments and vouchers, their reversals, corrections: kinds of entries, system accounts, one table.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KINDS_BEFORE = "kind IN ('topup', 'hold', 'settlement', 'release')"
KINDS = "kind IN ('topup', 'hold', 'settlement', 'release', 'payment', 'reversal', 'correction')"
SYSTEM_ACCOUNTS = ("payments", "vouchers", "corrections")


def upgrade() -> None:
    """Allow more kinds of entries, add the table of credits."""
    _allow(KINDS)
    names = ", ".join(f"('{name}', '{name}')" for name in SYSTEM_ACCOUNTS)
    op.execute(f"INSERT INTO ledger_accounts (code, kind) VALUES {names}")
    op.create_table(
        "credits",
        sa.Column("cause_kind", sa.Text, primary_key=True),
        sa.Column("cause_id", sa.Text, primary_key=True),
        sa.Column(
            "account_id",
            sa.BigInteger,
            sa.ForeignKey("balances.account_id", name="credits_account"),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("reversed", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.CheckConstraint("amount > 0", name="credits_amount"),
        sa.CheckConstraint("reversed >= 0 AND reversed <= amount", name="credits_not_over_reversed"),
    )


def downgrade() -> None:
    """Take it back. For a ledger without entries of the new kinds: those cannot be taken back."""
    op.drop_table("credits")
    names = ", ".join(f"'{name}'" for name in SYSTEM_ACCOUNTS)
    op.execute("ALTER TABLE ledger_accounts DISABLE TRIGGER refuse_change")
    op.execute(f"DELETE FROM ledger_accounts WHERE code IN ({names})")
    op.execute("ALTER TABLE ledger_accounts ENABLE TRIGGER refuse_change")
    _allow(KINDS_BEFORE)


def _allow(kinds: str) -> None:
    op.drop_constraint("entries_kind", "entries")
    # Not validated: the old rows passed a narrower check, and reading them all would stop every hold meanwhile.
    op.create_check_constraint("entries_kind", "entries", kinds, postgresql_not_valid=True)
