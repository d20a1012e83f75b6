"""Ledger, balances, holds, prices; triggers that keep the ledger exact and immutable; first prices.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from servicekit.tables import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NOW = sa.text("now()")
ZERO = sa.text("0")

GREECE = {"normal": 45_000, "low": 35_000}
ABROAD = {"normal": 75_000, "low": 60_000}
COUNTRIES_ABROAD = (
    *("31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "90"),
    *("350", "351", "352", "353", "354", "355", "356", "357", "358", "359", "370", "371", "372"),
    *("381", "382", "383", "385", "386", "387", "389", "420", "421", "423"),
)

REFUSE_UNBALANCED = """
CREATE FUNCTION refuse_unbalanced(entry bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    total numeric;
    lines integer;
    known integer;
BEGIN
    SELECT coalesce(sum(p.amount), 0), count(*), count(a.code) INTO total, lines, known
    FROM postings p LEFT JOIN ledger_accounts a ON a.code = p.ledger_account
    WHERE p.entry_id = entry;
    IF total <> 0 OR lines < 2 OR known <> lines THEN
        RAISE EXCEPTION 'entry % does not balance: % postings, % to known accounts, sum %',
            entry, lines, known, total
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balances';
    END IF;
END $$
"""

CHECK_ENTRY = """
CREATE FUNCTION check_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_unbalanced(NEW.id);
    RETURN NULL;
END $$
"""

# A posting belongs to the transaction of its entry: a balanced pair added later would still change history.
CHECK_POSTING = """
CREATE FUNCTION check_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM entries WHERE id = NEW.entry_id AND transaction = (pg_current_xact_id()::text)::bigint
    ) THEN
        RAISE EXCEPTION 'entry % was written by an earlier transaction', NEW.entry_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_is_immutable';
    END IF;
    PERFORM refuse_unbalanced(NEW.entry_id);
    RETURN NULL;
END $$
"""

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only ever added to (% on %)', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_is_immutable';
END $$
"""


def upgrade() -> None:
    """Make everything."""
    create_kit_tables(op)
    _create_ledger()
    _create_balances()
    _create_prices()
    _guard_ledger()
    op.execute("INSERT INTO ledger_accounts (code, kind) VALUES ('topups', 'topups'), ('revenue', 'revenue')")
    _seed_prices()


def downgrade() -> None:
    """Drop everything."""
    for table in ("prices", "accounts", "holds", "balances", "postings", "entries", "ledger_accounts"):
        op.drop_table(table)
    for function in ("check_posting()", "check_entry()", "refuse_unbalanced(bigint)", "refuse_change()"):
        op.execute(f"DROP FUNCTION {function}")
    drop_kit_tables(op)


def _create_ledger() -> None:
    op.create_table(
        "ledger_accounts",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("account_id", sa.BigInteger),
        sa.CheckConstraint(
            "CASE WHEN account_id IS NULL THEN code = kind AND kind NOT IN ('available', 'held')"
            " ELSE kind IN ('available', 'held') AND code = account_id::text || ':' || kind END",
            name="ledger_accounts_code",
        ),
    )
    op.create_table(
        "entries",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("details", postgresql.JSONB, nullable=False),
        sa.Column(
            "transaction",
            sa.BigInteger,
            nullable=False,
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.CheckConstraint("kind IN ('topup', 'hold', 'settlement', 'release')", name="entries_kind"),
        sa.UniqueConstraint("cause", name="entries_cause"),
    )
    op.create_index("entries_of_account", "entries", ["account_id", "id"])
    op.create_table(
        "postings",
        sa.Column(
            "entry_id",
            sa.BigInteger,
            sa.ForeignKey("entries.id", name="postings_entry"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("ledger_account", sa.Text, primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount <> 0", name="postings_amount"),
    )
    op.create_index("postings_of_account", "postings", ["ledger_account", "entry_id"])


def _create_balances() -> None:
    op.create_table(
        "balances",
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("available", sa.BigInteger, nullable=False, server_default=ZERO),
        sa.Column("held", sa.BigInteger, nullable=False, server_default=ZERO),
        sa.Column("credit_limit", sa.BigInteger, nullable=False, server_default=ZERO),
        sa.Column("low_level", sa.BigInteger),
        sa.Column("armed", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.CheckConstraint("available >= -credit_limit", name="balances_never_overdrawn"),
        sa.CheckConstraint("held >= 0", name="balances_held"),
        sa.CheckConstraint("credit_limit >= 0", name="balances_credit_limit"),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column(
            "account_id",
            sa.BigInteger,
            sa.ForeignKey("balances.account_id", name="holds_account"),
        ),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("captured", sa.BigInteger, nullable=False, server_default=ZERO),
        sa.Column("released", sa.BigInteger, nullable=False, server_default=ZERO),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.CheckConstraint("amount >= 0", name="holds_amount"),
        sa.CheckConstraint("captured >= 0 AND released >= 0", name="holds_not_negative"),
        sa.CheckConstraint("captured + released <= amount", name="holds_not_over_settled"),
        sa.CheckConstraint(
            "account_id IS NOT NULL OR (amount = 0 AND withdrawn_at IS NOT NULL)", name="holds_closed_id"
        ),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("holds_of_reference", "holds", ["reference"])
    op.create_table(
        "accounts",
        sa.Column(
            "account_id",
            sa.BigInteger,
            sa.ForeignKey("balances.account_id", name="accounts_balance"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("low_balance_emails", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )


def _create_prices() -> None:
    op.create_table(
        "prices",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.BigInteger),
        sa.Column("price_class", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("price", sa.BigInteger),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.CheckConstraint("price_class IN ('normal', 'low')", name="prices_class"),
        sa.CheckConstraint("prefix ~ '^[1-9][0-9]{0,14}$'", name="prices_prefix"),
        sa.CheckConstraint("price >= 0", name="prices_price"),
        sa.UniqueConstraint(
            "account_id",
            "price_class",
            "prefix",
            "valid_from",
            name="prices_once",
            postgresql_nulls_not_distinct=True,
        ),
    )


def _guard_ledger() -> None:
    for function in (REFUSE_UNBALANCED, CHECK_ENTRY, CHECK_POSTING, REFUSE_CHANGE):
        op.execute(function)
    for table, function in (("entries", "check_entry"), ("postings", "check_posting")):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {function} AFTER INSERT ON {table}"
            f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {function}()"
        )
    for table in ("entries", "postings", "ledger_accounts"):
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _seed_prices() -> None:
    rows = [("30", price_class, price) for price_class, price in GREECE.items()]
    rows += [
        (prefix, price_class, price) for prefix in COUNTRIES_ABROAD for price_class, price in ABROAD.items()
    ]
    prices = sa.table(
        "prices", sa.column("prefix"), sa.column("price_class"), sa.column("price"), sa.column("valid_from")
    )
    op.bulk_insert(
        prices,
        [
            {
                "prefix": prefix,
                "price_class": price_class,
                "price": price,
                "valid_from": "2020-01-01T00:00:00Z",
            }
            for prefix, price_class, price in rows
        ],
    )
