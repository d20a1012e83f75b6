"""Contacts, their numbers, groups, the blacklist, imports and snapshots."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from servicekit.tables import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NOW = sa.text("now()")
EMPTY = sa.text("''")
ZERO = sa.text("0")
FALSE = sa.text("false")
NO_IDS = sa.text("'{}'")
NO_OBJECT = sa.text("'{}'")
NO_LIST = sa.text("'[]'")
FIELDS = (
    "title", "first_name", "last_name", "email", "custom1", "custom2", "custom3", "custom4", "vocative", "note",
)  # fmt: skip
SEARCH = "contacts_fold(" + " || ' ' || ".join(FIELDS) + ")"
IMPORT_STATES = "'receiving','analysing','analysed','queued','running','done','failed','cancelled'"
TABLES = (
    "snapshot_members", "snapshots", "import_rows", "import_pieces", "imports", "suppression_sequences",
    "suppressions", "group_members", "groups", "phones", "contacts",
)  # fmt: skip

# Greek only, and after lower(), because translate() looks through its whole list for every character: these twelve cost
# 6 µs a contact, all accented Latin letters as well 14.
FOLD = """
CREATE FUNCTION contacts_fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT translate(lower($1), 'άέήίόύώϊϋΐΰς', 'αεηιουωιυιυσ') $$
"""

# The last 7 bytes of three UUIDs (random all, version and variant lie before them) as letters and digits: base64 less its
# two signs is uniform over 62 characters, and fewer than 11 of 28 remain once in 10^20. One plain expression, which is
# inlined where it is called; as a function with a FROM it cost 12 µs instead of 5.
TOKEN = """
CREATE FUNCTION contacts_token() RETURNS text LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT left(translate(encode(
        substring(uuid_send(gen_random_uuid()) from 10 for 7)
        || substring(uuid_send(gen_random_uuid()) from 10 for 7)
        || substring(uuid_send(gen_random_uuid()) from 10 for 7), 'base64'), '+/', ''), 11)
$$
"""


def upgrade() -> None:
    """Make the tables of the service and of the kit."""
    create_kit_tables(op)
    op.execute(FOLD)
    op.execute(TOKEN)
    _create_contacts()
    _create_groups()
    _create_suppressions()
    _create_imports()
    _create_staging()
    _create_snapshots()


def _id(*, always: bool = True) -> sa.Column:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=always), primary_key=True)


def _key(name: str, kind: type = sa.BigInteger) -> sa.Column:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _count(name: str, kind: type = sa.Integer) -> sa.Column:
    return sa.Column(name, kind, nullable=False, server_default=ZERO)


def _text(name: str, default: sa.TextClause | None = None) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _flag(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=FALSE)


def _json(name: str, default: sa.TextClause) -> sa.Column:
    return sa.Column(name, JSONB, nullable=False, server_default=default)


def _version() -> sa.Column:
    return sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1"))


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=NOW)


def _create_contacts() -> None:
    op.create_table(
        "contacts",
        _id(always=False),
        _number("account_id"),
        *(_text(name, EMPTY) for name in FIELDS),
        sa.Column("search", sa.Text, sa.Computed(SEARCH, persisted=True), nullable=False),
        _version(),
        _moment("created_at"),
        _moment("updated_at"),
    )
    op.create_index("contacts_account_id", "contacts", ["account_id", "id"])
    op.create_table(
        "phones",
        _key("account_id"),
        _key("msisdn"),
        sa.Column(
            "contact_id",
            sa.BigInteger,
            sa.ForeignKey("contacts.id", name="phones_contact_id_fkey", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("is_primary", sa.Boolean, nullable=False),
        sa.CheckConstraint("msisdn BETWEEN 1000 AND 999999999999999", name="phones_msisdn"),
    )
    op.create_index("phones_contact_id", "phones", ["contact_id"])
    op.create_index(
        "phones_primary", "phones", ["contact_id"], unique=True, postgresql_where=sa.text("is_primary")
    )


def _create_groups() -> None:
    op.create_table(
        "groups",
        _id(),
        _number("account_id"),
        _text("name"),
        sa.Column("name_key", sa.Text, sa.Computed("contacts_fold(name)", persisted=True), nullable=False),
        _text("description", EMPTY),
        _version(),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("account_id", "name_key", name="groups_account_id_name_key_key"),
    )
    op.create_table(
        "group_members",
        sa.Column(
            "group_id",
            sa.BigInteger,
            sa.ForeignKey("groups.id", name="group_members_group_id_fkey", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column(
            "contact_id",
            sa.BigInteger,
            sa.ForeignKey("contacts.id", name="group_members_contact_id_fkey", ondelete="CASCADE"),
            primary_key=True,
        ),
    )
    op.create_index("group_members_contact_id", "group_members", ["contact_id"])


def _create_suppressions() -> None:
    op.create_table(
        "suppressions",
        _key("account_id"),
        _key("msisdn"),
        sa.Column("active", sa.Boolean, nullable=False),
        _text("reason", EMPTY),
        _text("source", EMPTY),
        _moment("at"),
        _number("sequence"),
    )
    op.create_index("suppressions_sequence", "suppressions", ["account_id", "sequence"])
    op.create_table("suppression_sequences", _key("account_id"), _number("sequence"))


def _create_imports() -> None:
    op.create_table(
        "imports",
        _id(),
        _number("account_id"),
        _text("filename"),
        _text("source"),
        _number("size"),
        _count("received", sa.BigInteger),
        _count("pieces"),
        _text("state"),
        _json("options", NO_OBJECT),
        sa.Column("wanted_mapping", JSONB),
        _json("mapping", NO_OBJECT),
        sa.Column("header_row", sa.Integer),
        _json("columns", NO_LIST),
        _json("labels", NO_OBJECT),
        _json("preview", NO_LIST),
        *(_count(name) for name in ("rows", "accepted", "updated", "duplicates", "rejected", "staged_row")),
        _text("policy", sa.text("'skip'")),
        sa.Column("group_ids", ARRAY(sa.BigInteger), nullable=False, server_default=NO_IDS),
        _flag("blacklist"),
        _count("applied_row"),
        _count("applied"),
        _text("error_code", EMPTY),
        _text("error_detail", EMPTY),
        sa.Column("owner", sa.Text),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        _count("attempts"),
        _flag("purged"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.CheckConstraint(f"state IN ({IMPORT_STATES})", name="imports_state"),
        sa.CheckConstraint("accepted + updated + duplicates + rejected = rows", name="imports_counts"),
        sa.CheckConstraint("received <= size", name="imports_received"),
    )
    running = sa.text("state = 'running'")
    jobs = sa.text("state IN ('analysing', 'queued', 'running')")
    op.create_index("imports_account_id", "imports", ["account_id", "id"])
    op.create_index("imports_jobs", "imports", ["id"], postgresql_where=jobs)
    op.create_index("imports_unpurged", "imports", ["id"], postgresql_where=sa.text("NOT purged"))
    op.create_index("imports_running", "imports", ["account_id"], unique=True, postgresql_where=running)


def _create_staging() -> None:
    op.create_table(
        "import_pieces",
        sa.Column(
            "import_id",
            sa.BigInteger,
            sa.ForeignKey("imports.id", name="import_pieces_import_id_fkey"),
            primary_key=True,
        ),
        sa.Column("kind", sa.Text, primary_key=True),
        _key("seq", sa.Integer),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("octet_length(data) <= 1048576", name="import_pieces_data"),
    )
    op.create_table(
        "import_rows",
        _key("import_id"),
        _key("row_no", sa.Integer),
        _text("verdict"),
        _text("reason", EMPTY),
        _text("detail", EMPTY),
        sa.Column("numbers", ARRAY(sa.BigInteger), nullable=False, server_default=NO_IDS),
        _json("fields", NO_OBJECT),
        sa.Column("cells", ARRAY(sa.Text)),
    )


def _create_snapshots() -> None:
    op.create_table(
        "snapshots",
        _id(),
        _number("account_id"),
        _number("campaign_id"),
        sa.Column("audience", JSONB, nullable=False),
        _text("state", sa.text("'freezing'")),
        *(_count(name) for name in ("recipients", "duplicates", "suppressed")),
        _text("error_code", EMPTY),
        _text("correlation_id", EMPTY),
        _moment("created_at"),
        sa.Column("ready_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state IN ('freezing', 'ready', 'failed')", name="snapshots_state"),
        sa.UniqueConstraint("account_id", "campaign_id", name="snapshots_account_id_campaign_id_key"),
    )
    freezing = sa.text("state = 'freezing'")
    op.create_index("snapshots_freezing", "snapshots", ["id"], postgresql_where=freezing)
    op.create_table(
        "snapshot_members",
        _key("snapshot_id"),
        _key("ordinal", sa.Integer),
        _number("msisdn"),
        sa.Column("contact_id", sa.BigInteger),
        _text("token"),
        sa.Column("fields", ARRAY(sa.Text)),
        sa.CheckConstraint("length(token) = 11", name="snapshot_members_token"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in TABLES:
        op.drop_table(table)
    op.execute("DROP FUNCTION contacts_token()")
    op.execute("DROP FUNCTION contacts_fold(text)")
    drop_kit_tables(op)
