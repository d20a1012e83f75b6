"""Accounts, their users, their API keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from servicekit.tables import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NO_LABELS = sa.text("""'{"","","",""}'""")


def upgrade() -> None:
    """Make the tables of the service and of the kit."""
    create_kit_tables(op)
    _create_accounts()
    _create_users()
    _create_api_keys()


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("timezone", sa.Text, nullable=False),
        sa.Column("default_sender", sa.Text),
        sa.Column("price_class", sa.Text, nullable=False, server_default=sa.text("'normal'")),
        sa.Column("encoding", sa.Text, nullable=False, server_default=sa.text("'auto'")),
        sa.Column("custom_labels", ARRAY(sa.Text), nullable=False, server_default=NO_LABELS),
        sa.Column("low_balance_level", sa.BigInteger),
        sa.Column("low_balance_emails", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.CheckConstraint("locale IN ('el', 'en')", name="accounts_locale"),
        sa.CheckConstraint("price_class IN ('normal', 'low')", name="accounts_price_class"),
        sa.CheckConstraint("encoding IN ('auto', 'gsm', 'unicode')", name="accounts_encoding"),
        sa.CheckConstraint("cardinality(custom_labels) = 4", name="accounts_custom_labels"),
        sa.CheckConstraint("low_balance_level >= 0", name="accounts_low_balance_level"),
    )


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column(
            "account_id",
            sa.BigInteger,
            sa.ForeignKey("accounts.id", name="users_account_id_fkey"),
            nullable=False,
        ),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.UniqueConstraint("email", name="users_email_key"),
    )
    op.create_index("users_account_id", "users", ["account_id"])


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column(
            "account_id",
            sa.BigInteger,
            sa.ForeignKey("accounts.id", name="api_keys_account_id_fkey"),
            nullable=False,
        ),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("scopes", ARRAY(sa.Text), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("prefix", name="api_keys_prefix_key"),
        sa.CheckConstraint("cardinality(scopes) > 0", name="api_keys_scopes"),
    )
    op.create_index("api_keys_account_id", "api_keys", ["account_id"])


def downgrade() -> None:
    """Drop them."""
    for table in ("api_keys", "users", "accounts"):
        op.drop_table(table)
    drop_kit_tables(op)
