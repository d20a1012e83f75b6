"""Unsubscribe links that carry their own place, requests to be left alone, and what both stand on."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
EMPTY = sa.text("''")

# 366 random bits of three UUIDs, hashed to the length of an AES-256 key.
KEY = """
INSERT INTO link_keys (key)
SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
"""

# Campaigns that are under way read their pages by the new code.
PAGES = """
INSERT INTO link_pages (snapshot_id, page, account_id, campaign_id, frozen_at, msisdns)
SELECT s.id, (m.ordinal - 1) / 1000, s.account_id, s.campaign_id, s.created_at, array_agg(m.msisdn ORDER BY m.ordinal)
FROM snapshots s JOIN snapshot_members m ON m.snapshot_id = s.id GROUP BY 1, 2, 3, 4, 5
"""


def upgrade() -> None:
    """Make them. ``snapshot_members.token`` stays for code that still runs, which fills it; nobody reads it any more."""
    op.alter_column("snapshot_members", "token", nullable=True)
    _create_links()
    _create_opt_outs()
    op.create_table(
        "account_names",
        _key("account_id"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.execute(KEY)
    op.execute(PAGES)


def _key(name: str, kind: type = sa.BigInteger) -> sa.Column:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=NOW)


def _create_links() -> None:
    op.create_table(
        "link_keys",
        sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.text("true")),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("only_row AND octet_length(key) = 32", name="link_keys_key"),
    )
    op.create_table(
        "link_pages",
        _key("snapshot_id"),
        _key("page", sa.Integer),
        _number("account_id"),
        _number("campaign_id"),
        _moment("frozen_at"),
        sa.Column("msisdns", ARRAY(sa.BigInteger), nullable=False),
    )
    op.create_index("link_pages_account_id", "link_pages", ["account_id"])
    op.create_index("link_pages_frozen_at", "link_pages", ["frozen_at"], postgresql_using="brin")


def _create_opt_outs() -> None:
    op.create_table(
        "opt_outs",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        _number("account_id"),
        _number("msisdn"),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("campaign_id", sa.BigInteger),
        sa.Column("wording", sa.Text, nullable=False, server_default=EMPTY),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("automatic", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=EMPTY),
        _moment("requested_at"),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("channel IN ('link', 'keyword')", name="opt_outs_channel"),
        sa.CheckConstraint(
            "state IN ('pending', 'approved', 'rejected', 'withdrawn')", name="opt_outs_state"
        ),
        sa.CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name="opt_outs_decided_at"),
    )
    op.create_index("opt_outs_account_id", "opt_outs", ["account_id", "id"])
    op.create_index("opt_outs_msisdn", "opt_outs", ["account_id", "msisdn", "id"])
    op.create_index(
        "opt_outs_pending",
        "opt_outs",
        ["account_id", "msisdn"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "opt_out_settings",
        _key("account_id"),
        sa.Column("auto_approve", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "opt_out_attempts",
        sa.Column("address", sa.LargeBinary, primary_key=True),
        sa.Column("minute", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("attempts", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Drop them. Members frozen since have no token of the old kind and get one."""
    tables = ("opt_out_attempts", "opt_out_settings", "opt_outs", "account_names", "link_pages", "link_keys")
    for table in tables:
        op.drop_table(table)
    op.execute("UPDATE snapshot_members SET token = contacts_token() WHERE token IS NULL")
    op.alter_column("snapshot_members", "token", nullable=False)
