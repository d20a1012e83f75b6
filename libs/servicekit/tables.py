"""The tables that every service's database has beside its own: outbox, inbox, idempotency keys.

The outbox is two tables written in turn: while one is filled, the relay empties the other and truncates it once
every row in it is sent. Nothing is deleted row by row, so it never bloats (DESIGN §4).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB

OUTBOX_SLOTS = ("outbox_0", "outbox_1")


def kit_tables(metadata: MetaData) -> None:
    """Add the kit's tables to a service's metadata, so that its migrations and its drift check know them."""
    for name in OUTBOX_SLOTS:
        Table(
            name,
            metadata,
            Column("id", BigInteger, Identity(always=True), primary_key=True),
            Column("exchange", Text, nullable=False),
            Column("routing_key", Text, nullable=False),
            Column("message_id", Text, nullable=False),
            Column("body", LargeBinary, nullable=False),
            Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
            Column("sent", Boolean, nullable=False, server_default=text("false")),
            Index(f"{name}_unsent", "id", postgresql_where=text("NOT sent")),
        )
    Table(
        "outbox_slot",
        metadata,
        Column("only_row", Boolean, primary_key=True, server_default=text("true")),
        Column("slot", SmallInteger, nullable=False, server_default=text("0")),
        Column("since", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    )
    Table(
        "inbox",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("event_id", Text, primary_key=True),
        Column("received_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Index("inbox_received_at", "received_at", postgresql_using="brin"),
    )
    Table(
        "idempotency_keys",
        metadata,
        Column("account_id", BigInteger, primary_key=True, autoincrement=False),
        Column("key", Text, primary_key=True),
        Column("operation", Text, primary_key=True),
        Column("request_hash", LargeBinary, nullable=False),
        Column("response", JSONB, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("version", Integer, nullable=False, server_default=text("1")),
    )


_FUNCTIONS = """
CREATE FUNCTION outbox_put(text, text, text, bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE current smallint;
BEGIN
    -- No lock: a writer that still fills the old slot holds that table's lock until it commits, and the relay
    -- truncates a slot only under the exclusive one, after it has looked for unsent rows again.
    SELECT slot INTO current FROM outbox_slot;
    IF current = 0 THEN
        INSERT INTO outbox_0 (exchange, routing_key, message_id, body) VALUES ($1, $2, $3, $4);
    ELSE
        INSERT INTO outbox_1 (exchange, routing_key, message_id, body) VALUES ($1, $2, $3, $4);
    END IF;
    PERFORM pg_notify('outbox', '');
END $$
"""


def create_kit_tables(op: Any) -> None:
    """For a service's first alembic revision: the tables of ``kit_tables`` and the function that writes the outbox."""
    metadata = MetaData()
    kit_tables(metadata)
    metadata.create_all(op.get_bind())
    op.execute("INSERT INTO outbox_slot DEFAULT VALUES")
    op.execute(_FUNCTIONS)


def drop_kit_tables(op: Any) -> None:
    """Undo ``create_kit_tables``."""
    op.execute("DROP FUNCTION outbox_put(text, text, text, bytea)")
    metadata = MetaData()
    kit_tables(metadata)
    metadata.drop_all(op.get_bind())
