"""Search by any part of any field or number, and lists by name and by creation, at a million contacts of one account."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# As people look for a person: by surname, or by the name of a company, which stands in first_name. The length keeps
# a row within a page of the index.
NAME_KEY = """
CREATE FUNCTION contacts_name_key(text, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT contacts_fold(left(CASE WHEN $1 = '' THEN $2 ELSE $1 || ' ' || $2 END, 60)) $$
"""

# account_id is in the trigram indexes, so that another account's thousand Georges are not fetched to be left out.
# Inserts only append to a list of what is pending, and the worker sorts that into the index every second; with the
# usual 4 MB the import sorted it in itself, every 3,000 rows (docs/decisions.md).
PENDING = "WITH (fastupdate = on, gin_pending_list_limit = 65536)"
INDEXES = {
    "contacts_search": f"contacts USING gin (account_id, search gin_trgm_ops) {PENDING}",
    "phones_search": f"phones USING gin (account_id, (msisdn::text) gin_trgm_ops) {PENDING}",
    "contacts_created": "contacts (account_id, created_at, id)",
    "contacts_name": "contacts (account_id, contacts_name_key(last_name, first_name), id)",
}


def upgrade() -> None:
    """Make the indexes beside running writers; one left invalid by an attempt that failed is made anew."""
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.execute(NAME_KEY.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    with op.get_context().autocommit_block():
        op.execute(sa.text("SET lock_timeout = 0"))  # of a wait for old transactions, which holds nobody up
        for name, definition in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {definition}")
        op.execute(sa.text("SET lock_timeout = '5s'"))


def downgrade() -> None:
    """Drop them."""
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
    op.execute("DROP FUNCTION contacts_name_key(text, text)")
    op.execute("DROP EXTENSION btree_gin")
    op.execute("DROP EXTENSION pg_trgm")
