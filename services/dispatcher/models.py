"""Tables of the dispatcher. What is fast about them is explained where it is decided.

``messages`` and ``parts`` are partitioned by range of message id, which is by time, and leave room for HOT updates: no index
holds a column that changes, fillfactor 50 (75 already loses it: measured, docs/performance.md).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import declarative_base

from servicekit.exports import export_tables
from servicekit.tables import kit_tables

Base = declarative_base()
_NOW = text("now()")


def _when(name: str, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=None if nullable else _NOW)


Table(
    "connectors",
    Base.metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("host", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("system_id", Text, nullable=False),
    Column("password", LargeBinary, nullable=False),  # encrypted, see secrets.py
    Column("bind", Text, nullable=False, server_default=text("'transceiver'")),
    Column("window", Integer, nullable=False, server_default=text("200")),
    Column("parts_per_second", Integer),
    Column("response_timeout", Integer, nullable=False, server_default=text("30")),
    Column("receipt_ids", Text, nullable=False, server_default=text("'as_is'")),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    _when("created_at"),
    CheckConstraint("bind IN ('transceiver','transmitter','receiver')", name="connectors_bind"),
    CheckConstraint(
        "receipt_ids IN ('as_is','hex_to_decimal','decimal_to_hex')", name="connectors_receipt_ids"
    ),
    CheckConstraint('"window" BETWEEN 1 AND 2000', name="connectors_window"),
)

Table(
    "binds",  # what each sender process last said of its bind; the API's state of a connector
    Base.metadata,
    Column("connector_id", Integer, ForeignKey("connectors.id", ondelete="CASCADE"), primary_key=True),
    Column("instance", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("submits", BigInteger, nullable=False, server_default=text("0")),
    Column("receipts", BigInteger, nullable=False, server_default=text("0")),
    Column("submits_per_second", Integer, nullable=False, server_default=text("0")),
    Column("receipts_per_second", Integer, nullable=False, server_default=text("0")),
    Column("in_flight", Integer, nullable=False, server_default=text("0")),
    _when("updated_at"),
)

Table(
    "routes",
    Base.metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("price_class", Text, nullable=False),
    Column("prefix", Text, nullable=False, server_default=text("''")),
    Column("connector_id", Integer, ForeignKey("connectors.id"), nullable=False),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("weight", Integer, nullable=False, server_default=text("1")),
    _when("created_at"),
    CheckConstraint("price_class IN ('normal','low')", name="routes_price_class"),
    CheckConstraint("weight BETWEEN 1 AND 1000", name="routes_weight"),
    UniqueConstraint("price_class", "prefix", "connector_id", name="routes_once"),
)

Table(
    # Ids are counted inside the accepting transaction: dense, and in order of commit, so that a cursor over ids
    # never passes one that is still to appear (docs/decisions.md).
    "message_ids",
    Base.metadata,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("next_id", BigInteger, nullable=False, server_default=text("1")),
)

Table(
    "chunks",  # what was accepted together: one hold, one sender of orders, one kind
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("hold_id", Text, nullable=False, unique=True),
    Column("account_id", BigInteger, nullable=False),
    Column("campaign_id", BigInteger),
    Column("price_class", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("validity_seconds", Integer, nullable=False),
    Column("first_id", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    Column("correlation_id", Text, nullable=False),
    _when("look_at", nullable=True),  # when what is silent of it is to be ended; null once nothing is open
    _when("accepted_at"),
    Index("chunks_campaign", "campaign_id", postgresql_where=text("campaign_id IS NOT NULL")),
    Index("chunks_look_at", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    Index("chunks_first_id", "first_id"),
    Index("chunks_accepted_at", "accepted_at"),  # which ids some days have
)

Table(
    "messages",
    Base.metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("chunk_id", BigInteger, nullable=False),
    Column("batch_id", BigInteger),
    Column("account_id", BigInteger, nullable=False),
    Column("connector_id", Integer),
    Column("recipient", BigInteger, nullable=False),
    Column("sender", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("reference", Text),
    Column("encoding", Text, nullable=False),
    Column("parts", SmallInteger, nullable=False),
    Column("price", Integer, nullable=False),  # micro-euro a part, as sold
    Column("state", SmallInteger, nullable=False),
    Column("reason", Text),
    _when("accepted_at"),
    _when("submitted_at", nullable=True),
    _when("done_at", nullable=True),
    Index("messages_account", "account_id", "id"),
    Index(
        "messages_number", "recipient", "account_id", "id"
    ),  # of an account's history, and who wrote to a number last
    postgresql_partition_by="RANGE (id)",
)

Table(
    "parts",  # one row for each part an operator answered for, or may have got
    Base.metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("no", SmallInteger, primary_key=True, autoincrement=False),
    Column("connector_id", Integer, nullable=False),
    Column("smsc_id", Text),
    Column("state", SmallInteger, nullable=False),
    Column("error", Text),
    _when("submitted_at"),
    _when("done_at", nullable=True),
    _when("receipt_at", nullable=True),
    Index("parts_smsc_id", "connector_id", "smsc_id"),
    postgresql_partition_by="RANGE (message_id)",
)

Table(
    "batches",  # the work still to be done, a row deleted with its last outcome
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("chunk_id", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("campaign_id", BigInteger),
    Column("connector_id", Integer, nullable=False),
    Column("lane", Text, nullable=False),
    Column("first_id", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'queued'")),
    Column("generation", Integer, nullable=False, server_default=text("1")),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("marked", Integer, nullable=False, server_default=text("0")),
    Column("holes", ARRAY(Integer), nullable=False, server_default=text("'{}'")),
    Column("takes", Integer, nullable=False, server_default=text("0")),
    Column("owner", Text),
    _when("lease_until", nullable=True),
    _when("created_at"),
    CheckConstraint("state IN ('queued','parked')", name="batches_state"),
    CheckConstraint("lane IN ('bulk','priority')", name="batches_lane"),
    Index("batches_campaign", "campaign_id", postgresql_where=text("campaign_id IS NOT NULL")),
    postgresql_with={"fillfactor": "50"},
)

Table(
    "receipts_waiting",  # receipts whose submit_sm_resp is not stored yet; swept every second
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("connector_id", Integer, nullable=False),
    Column("smsc_id", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("error", Text),
    Column("recipient", Text, nullable=False),
    Column("sender", Text, nullable=False),
    _when("received_at"),
    Index("receipts_waiting_smsc_id", "connector_id", "smsc_id"),
)

Table(
    "untold_progress",  # what flushes changed and nobody has told yet, as JSON of ChunkProgress and of Sale
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("chunks", LargeBinary, nullable=False),
    Column("sold", LargeBinary),
)

Table(
    "doubts",  # parts that may or may not have reached the operator; gone once proof came
    Base.metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("no", SmallInteger, primary_key=True, autoincrement=False),
    Column("connector_id", Integer, nullable=False),
    Column("recipient", BigInteger, nullable=False),
    Column("sender", Text, nullable=False),
    _when("since"),
    Index("doubts_recipient", "connector_id", "recipient", "sender"),
)

Table(
    "inbound",  # messages from phones, stored before the operator is answered
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("connector_id", Integer, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("data_coding", SmallInteger, nullable=False),
    Column("esm_class", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    _when("received_at"),
    Column("fingerprint", LargeBinary),  # the same when it is delivered again
    Column("answers", BigInteger),  # the message that was last sent to them from there; 0: none
    Column("account_id", BigInteger),
    Column("told", Boolean, nullable=False, server_default=text("false")),
    Index("inbound_fingerprint", "fingerprint", "received_at"),
    Index("inbound_untold", "id", postgresql_where=text("NOT told")),
)

Table(
    "suppressions",  # the dispatcher's own copy, looked at last before the wire
    Base.metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("msisdn", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "sequence", BigInteger, nullable=False, server_default=text("0")
    ),  # of the change that put it here
)

Table(
    "suppression_sequences",
    Base.metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    _when("moved_at"),
)

Table(
    "suppressions_early",  # events whose turn has not come; what they suppress is in the copy already
    Base.metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("suppressed", ARRAY(BigInteger), nullable=False),
    Column("lifted", ARRAY(BigInteger), nullable=False),
)

Table(
    "stops",  # campaigns that must not send now; the version keeps an old order from undoing a newer one
    Base.metadata,
    Column("campaign_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    _when("updated_at"),
    CheckConstraint("state IN ('running','paused','cancelled')", name="stops_state"),
)

Table(
    "cancels",  # messages cancelled one by one while their batch waited; looked at with each mark
    Base.metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    _when("cancelled_at"),
)

Table(
    "direct_sends",  # holds asked for by a direct send that is not accepted yet; an old one is given back
    Base.metadata,
    Column("hold_id", Text, primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    _when("asked_at"),
)

Table(
    "erasures",  # erased numbers: ``msisdn`` only while something is on its way to it
    Base.metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("pseudonym", BigInteger, primary_key=True, autoincrement=False),
    Column("msisdn", BigInteger),
    Column("opted_out", Boolean, nullable=False),
    _when("erased_at"),
    # How far the account's blacklist had come when it was erased, and when that was last told of who had opted out.
    Column("sequence", BigInteger, nullable=False, server_default=text("0")),
    Column("opted_out_sequence", BigInteger, nullable=False, server_default=text("0")),
    Index("erasures_open", "erased_at", postgresql_where=text("msisdn IS NOT NULL")),
)

Table(
    "forgotten",  # how far retention has taken numbers and texts out of the history
    Base.metadata,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("chunk_id", BigInteger, nullable=False, server_default=text("0")),
)

export_tables(Base.metadata)
kit_tables(Base.metadata)
