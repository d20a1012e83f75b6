"""Bulk actions with what undoes them, deleted contacts, saved filters, the audit, erased numbers, exports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from servicekit.exports import create_export_tables, drop_export_tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
EMPTY = sa.text("''")
ZERO = sa.text("0")
FALSE = sa.text("false")
BULK_STATES = "'queued','running','done','failed','undoing','undone'"
BULK_OPEN = "'queued','running','undoing'"
TABLES = ("erased_numbers", "audit", "filters", "trash", "bulk_items", "bulk_jobs")

# A number stays out of the audit's reach of change. Only what is older than the time it is kept for may go.
APPEND_ONLY = """
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('keryx.audit_until', true) <> ''
        AND OLD.at < current_setting('keryx.audit_until', true)::timestamptz THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit is append-only';
END $$
"""
TRIGGER = """
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()
"""


def upgrade() -> None:
    """Make them."""
    _create_bulk()
    _create_trash()
    _create_filters()
    _create_audit()
    op.create_table(
        "erased_numbers",
        _key("account_id"),
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("opted_out", sa.Boolean, nullable=False),
        _moment("erased_at"),
    )
    create_export_tables(op)


def _id() -> sa.Column:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True)


def _key(name: str, kind: type = sa.BigInteger) -> sa.Column:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _text(name: str, default: sa.TextClause | None = None) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _count(name: str) -> sa.Column:
    return sa.Column(name, sa.Integer, nullable=False, server_default=ZERO)


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=NOW)


def _account() -> sa.Column:
    return sa.Column("account_id", sa.BigInteger, nullable=False)


def _create_bulk() -> None:
    op.create_table(
        "bulk_jobs",
        _id(),
        _account(),
        _text("action"),
        sa.Column("selection", JSONB, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        _text("actor", EMPTY),
        _text("state"),
        *(_count(name) for name in ("total", "done", "changed", "undone", "kept")),
        _text("error", EMPTY),
        sa.Column("owner", sa.Text),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        _count("attempts"),
        sa.Column("purged", sa.Boolean, nullable=False, server_default=FALSE),
        _moment("created_at"),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        _moment("undo_until"),
        sa.CheckConstraint(f"state IN ({BULK_STATES})", name="bulk_jobs_state"),
        sa.CheckConstraint("done <= total AND undone <= total", name="bulk_jobs_counts"),
    )
    op.create_index("bulk_jobs_account_id", "bulk_jobs", ["account_id", "id"])
    op.create_index(
        "bulk_jobs_open", "bulk_jobs", ["id"], postgresql_where=sa.text(f"state IN ({BULK_OPEN})")
    )
    op.create_index("bulk_jobs_kept", "bulk_jobs", ["undo_until"], postgresql_where=sa.text("NOT purged"))
    op.create_table(
        "bulk_items",
        _key("job_id"),
        _key("seq", sa.Integer),
        sa.Column("contact_id", sa.BigInteger, nullable=False),
        sa.Column("before", JSONB),
    )


def _create_trash() -> None:
    op.create_table(
        "trash",
        _key("account_id"),
        _key("contact_id"),
        sa.Column("contact", JSONB, nullable=False),
        sa.Column("numbers", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("group_ids", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("job_id", sa.BigInteger),
        _moment("deleted_at"),
    )
    op.create_index("trash_deleted_at", "trash", ["deleted_at"])
    op.create_index("trash_numbers", "trash", ["numbers"], postgresql_using="gin")


def _create_filters() -> None:
    op.create_table(
        "filters",
        _id(),
        _account(),
        _text("name"),
        sa.Column("name_key", sa.Text, sa.Computed("contacts_fold(name)", persisted=True), nullable=False),
        sa.Column("filter", JSONB, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("account_id", "name_key", name="filters_account_id_name_key_key"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        _id(),
        _account(),
        _moment("at"),
        _text("actor", EMPTY),
        _text("action"),
        _text("object"),
        sa.Column("details", JSONB, nullable=False, server_default=sa.text("'{}'")),
        _text("correlation_id", EMPTY),
    )
    op.create_index("audit_account_id", "audit", ["account_id", "id"])
    op.create_index("audit_at", "audit", ["at"], postgresql_using="brin")
    op.execute(APPEND_ONLY)
    op.execute(TRIGGER)


def downgrade() -> None:
    """Drop them."""
    drop_export_tables(op)
    for table in TABLES:
        op.drop_table(table)
    op.execute("DROP FUNCTION audit_is_append_only()")
