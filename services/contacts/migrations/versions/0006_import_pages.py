"""Imports wait as pages and not as rows; corrected mappings are remembered; no foreign keys where an import writes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# What was staged as rows is judged anew from its file, and waits for its commit again: a file imported twice doubles
# nothing. Only what is in the middle of an import at that moment is affected.
JUDGE_ANEW = """
UPDATE imports SET state = 'analysing', staged_row = 0, applied_row = 0, applied = 0, attempts = 0, rows = 0, accepted = 0,
    updated = 0, duplicates = 0, rejected = 0, owner = NULL, lease_until = NULL
WHERE state IN ('analysing', 'analysed', 'queued', 'running')
"""

# Row by row, as ON DELETE CASCADE did it: a plan for all rows of a statement at once would be the one that suited the
# first statement of a session.
TRIGGERS = (
    """
    CREATE FUNCTION contacts_take_along() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM phones WHERE contact_id = OLD.id;
        DELETE FROM group_members WHERE contact_id = OLD.id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION groups_take_along() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM group_members WHERE group_id = OLD.id;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER contacts_take_along AFTER DELETE ON contacts FOR EACH ROW EXECUTE FUNCTION contacts_take_along()",
    "CREATE TRIGGER groups_take_along AFTER DELETE ON groups FOR EACH ROW EXECUTE FUNCTION groups_take_along()",
)
FOREIGN_KEYS = (
    ("phones_contact_id_fkey", "phones", "contacts", "contact_id"),
    ("group_members_group_id_fkey", "group_members", "groups", "group_id"),
    ("group_members_contact_id_fkey", "group_members", "contacts", "contact_id"),
)


def upgrade() -> None:
    """Make tables and triggers, drop what they replace. A worker of the release before fails its step and is replaced."""
    op.create_table(
        "import_pages",
        sa.Column("import_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("updated", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "import_mappings",
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("mapping", JSONB, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    )
    op.execute(JUDGE_ANEW)
    op.drop_table("import_rows")
    for statement in TRIGGERS:
        op.execute(statement)
    for name, table, _, _ in FOREIGN_KEYS:
        op.drop_constraint(name, table)


def downgrade() -> None:
    """As it was, less what was staged."""
    for name, table, referred, column in FOREIGN_KEYS:
        op.create_foreign_key(name, table, referred, [column], ["id"], ondelete="CASCADE")
    for table in ("contacts", "groups"):
        op.execute(f"DROP TRIGGER {table}_take_along ON {table}")
        op.execute(f"DROP FUNCTION {table}_take_along()")
    _make_rows()
    op.execute(JUDGE_ANEW)
    op.drop_table("import_mappings")
    op.drop_table("import_pages")


def _make_rows() -> None:
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("row_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("detail", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("numbers", ARRAY(sa.BigInteger), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("fields", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("cells", ARRAY(sa.Text)),
    )
