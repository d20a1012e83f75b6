"""Groups are counted as they change: a row for what a statement changed, summed up in passing by the worker."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE IF NOT EXISTS group_counts (group_id bigint PRIMARY KEY, members bigint NOT NULL);
CREATE TABLE IF NOT EXISTS group_deltas (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, group_id bigint NOT NULL, members bigint NOT NULL);
CREATE INDEX IF NOT EXISTS group_deltas_group_id ON group_deltas (group_id)
"""

# One row a statement and group, whoever makes the statement: a page of an import, of a bulk action, a cascade.
FUNCTION = """
CREATE OR REPLACE FUNCTION group_members_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO group_deltas (group_id, members)
    SELECT group_id, CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END FROM changed GROUP BY group_id;
    RETURN NULL;
END $$
"""

TRIGGERS = """
DROP TRIGGER IF EXISTS group_members_joined ON group_members;
DROP TRIGGER IF EXISTS group_members_left ON group_members;
CREATE TRIGGER group_members_joined AFTER INSERT ON group_members REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION group_members_counted();
CREATE TRIGGER group_members_left AFTER DELETE ON group_members REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION group_members_counted()
"""

# One statement sees one moment: who joined since the triggers are there is in both, and counts once.
COUNT = """
INSERT INTO group_counts (group_id, members)
SELECT group_id, coalesce(m.members, 0) - coalesce(d.members, 0) FROM (
    SELECT group_id, count(*) AS members FROM group_members GROUP BY group_id) m
FULL JOIN (SELECT group_id, sum(members) AS members FROM group_deltas GROUP BY group_id) d USING (group_id)
ON CONFLICT (group_id) DO UPDATE SET members = excluded.members
"""


def upgrade() -> None:
    """Make the triggers, which waits for writers under way, then count what is there beside those that come.

    Interrupted, it can be run again: nobody sums up before it is through.
    """
    for statement in (TABLES, FUNCTION, TRIGGERS):
        op.execute(statement)
    with op.get_context().autocommit_block():
        op.execute(COUNT)


def downgrade() -> None:
    """Count live again."""
    op.execute("DROP TRIGGER group_members_joined ON group_members")
    op.execute("DROP TRIGGER group_members_left ON group_members")
    op.execute("DROP FUNCTION group_members_counted()")
    op.execute("DROP TABLE group_counts, group_deltas")
