"""What is searched for lies in a table of its own, which follows the contacts: storing them makes no trigrams any more.

Every statement that changes contacts or numbers notes in its transaction which ones (``search_changes``). The worker
brings their entries up to date; whoever searches looks through the noted contacts themselves, so nothing is missed before.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE search_entries (
    contact_id bigint PRIMARY KEY, account_id bigint NOT NULL, search text NOT NULL, digits text NOT NULL,
    name_key text NOT NULL COLLATE "C", created_at timestamptz NOT NULL);
CREATE TABLE search_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id bigint NOT NULL, first_id bigint NOT NULL,
    last_id bigint NOT NULL);
CREATE INDEX search_changes_account_id ON search_changes (account_id);
CREATE INDEX search_entries_search ON search_entries
    USING gin (account_id, search gin_trgm_ops, digits gin_trgm_ops) WITH (fastupdate = on, gin_pending_list_limit = 65536)
"""

# Neighbours are noted together: a page of an import is one row or two, as its ids follow each other. The numbers of a
# contact that was deleted went with it, which is noted there.
NOTE_CONTACTS = """
CREATE FUNCTION contacts_noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_changes (account_id, first_id, last_id)
    SELECT account_id, min(id), max(id) FROM changed GROUP BY account_id, id >> 13;
    RETURN NULL;
END $$
"""
NOTE_PHONES = """
CREATE FUNCTION phones_noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_changes (account_id, first_id, last_id)
    SELECT account_id, min(contact_id), max(contact_id) FROM changed
    WHERE TG_OP <> 'DELETE' OR EXISTS (SELECT FROM contacts c WHERE c.id = contact_id)
    GROUP BY account_id, contact_id >> 13;
    RETURN NULL;
END $$
"""
TRANSITIONS = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}

NOTE_ALL = """
INSERT INTO search_changes (account_id, first_id, last_id)
SELECT account_id, min(id), max(id) FROM contacts GROUP BY account_id, id >> 13
"""


def upgrade() -> None:
    """Note all that is there, which the worker sorts in at some 20,000 a second; searches are slower until then."""
    op.execute(TABLES)
    op.execute(NOTE_CONTACTS)
    op.execute(NOTE_PHONES)
    for table in ("contacts", "phones"):
        for event, rows in TRANSITIONS.items():
            op.execute(
                f"CREATE TRIGGER {table}_noted_{event.lower()} AFTER {event} ON {table} REFERENCING {rows} TABLE AS changed"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {table}_noted()"
            )
    op.execute(NOTE_ALL)


def downgrade() -> None:
    """Nothing follows any more."""
    for table in ("contacts", "phones"):
        for event in TRANSITIONS:
            op.execute(f"DROP TRIGGER {table}_noted_{event.lower()} ON {table}")
        op.execute(f"DROP FUNCTION {table}_noted()")
    op.execute("DROP TABLE search_entries, search_changes")
