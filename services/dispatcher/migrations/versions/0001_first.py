"""The dispatcher's first tables."""

from alembic import op

from servicekit.tables import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE connectors (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    host text NOT NULL,
    port int NOT NULL,
    system_id text NOT NULL,
    password bytea NOT NULL,
    bind text NOT NULL DEFAULT 'transceiver'
        CONSTRAINT connectors_bind CHECK (bind IN ('transceiver','transmitter','receiver')),
    "window" int NOT NULL DEFAULT 200 CONSTRAINT connectors_window CHECK ("window" BETWEEN 1 AND 2000),
    parts_per_second int,
    response_timeout int NOT NULL DEFAULT 30,
    receipt_ids text NOT NULL DEFAULT 'as_is'
        CONSTRAINT connectors_receipt_ids CHECK (receipt_ids IN ('as_is','hex_to_decimal','decimal_to_hex')),
    enabled boolean NOT NULL DEFAULT true,
    version int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE binds (
    connector_id int NOT NULL REFERENCES connectors ON DELETE CASCADE,
    instance text NOT NULL,
    state text NOT NULL,
    reason text,
    submits bigint NOT NULL DEFAULT 0,
    receipts bigint NOT NULL DEFAULT 0,
    submits_per_second int NOT NULL DEFAULT 0,
    receipts_per_second int NOT NULL DEFAULT 0,
    in_flight int NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connector_id, instance)
);
CREATE TABLE routes (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    price_class text NOT NULL CONSTRAINT routes_price_class CHECK (price_class IN ('normal','low')),
    prefix text NOT NULL DEFAULT '',
    connector_id int NOT NULL REFERENCES connectors,
    priority int NOT NULL DEFAULT 0,
    weight int NOT NULL DEFAULT 1 CONSTRAINT routes_weight CHECK (weight BETWEEN 1 AND 1000),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT routes_once UNIQUE (price_class, prefix, connector_id)
);
CREATE TABLE message_ids (
    only_row boolean PRIMARY KEY DEFAULT true,
    next_id bigint NOT NULL DEFAULT 1
);
INSERT INTO message_ids DEFAULT VALUES;
CREATE TABLE chunks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hold_id text NOT NULL UNIQUE,
    account_id bigint NOT NULL,
    campaign_id bigint,
    price_class text NOT NULL,
    kind text NOT NULL,
    channel text NOT NULL,
    validity_seconds int NOT NULL,
    first_id bigint NOT NULL,
    last_id bigint NOT NULL,
    correlation_id text NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX chunks_campaign ON chunks (campaign_id) WHERE campaign_id IS NOT NULL;
CREATE INDEX chunks_first_id ON chunks (first_id);
CREATE TABLE messages (
    id bigint PRIMARY KEY,
    chunk_id bigint NOT NULL,
    batch_id bigint,
    account_id bigint NOT NULL,
    connector_id int,
    recipient bigint NOT NULL,
    sender text NOT NULL,
    text text NOT NULL,
    reference text,
    encoding text NOT NULL,
    parts smallint NOT NULL,
    price int NOT NULL,
    state smallint NOT NULL,
    reason text,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    submitted_at timestamptz,
    done_at timestamptz
) PARTITION BY RANGE (id);
CREATE INDEX messages_account ON messages (account_id, id);
CREATE INDEX messages_recipient ON messages (account_id, recipient, id);
CREATE TABLE parts (
    message_id bigint NOT NULL,
    no smallint NOT NULL,
    connector_id int NOT NULL,
    smsc_id text,
    state smallint NOT NULL,
    error text,
    submitted_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    receipt_at timestamptz,
    PRIMARY KEY (message_id, no)
) PARTITION BY RANGE (message_id);
CREATE INDEX parts_smsc_id ON parts (connector_id, smsc_id);
CREATE TABLE batches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chunk_id bigint NOT NULL,
    account_id bigint NOT NULL,
    campaign_id bigint,
    connector_id int NOT NULL,
    lane text NOT NULL CONSTRAINT batches_lane CHECK (lane IN ('bulk','priority')),
    first_id bigint NOT NULL,
    last_id bigint NOT NULL,
    messages int NOT NULL,
    state text NOT NULL DEFAULT 'queued' CONSTRAINT batches_state CHECK (state IN ('queued','parked')),
    generation int NOT NULL DEFAULT 1,
    epoch int NOT NULL DEFAULT 0,
    marked int NOT NULL DEFAULT 0,
    holes int[] NOT NULL DEFAULT '{}',
    takes int NOT NULL DEFAULT 0,
    owner text,
    lease_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX batches_campaign ON batches (campaign_id) WHERE campaign_id IS NOT NULL;
CREATE TABLE receipts_waiting (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connector_id int NOT NULL,
    smsc_id text NOT NULL,
    state smallint NOT NULL,
    error text,
    recipient text NOT NULL,
    sender text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX receipts_waiting_smsc_id ON receipts_waiting (connector_id, smsc_id);
CREATE TABLE doubts (
    message_id bigint NOT NULL,
    no smallint NOT NULL,
    connector_id int NOT NULL,
    recipient bigint NOT NULL,
    sender text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (message_id, no)
);
CREATE INDEX doubts_recipient ON doubts (connector_id, recipient, sender);
CREATE TABLE inbound (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connector_id int NOT NULL,
    sender text NOT NULL,
    recipient text NOT NULL,
    data_coding smallint NOT NULL,
    esm_class smallint NOT NULL,
    body bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE suppressions (
    account_id bigint NOT NULL,
    msisdn bigint NOT NULL,
    PRIMARY KEY (account_id, msisdn)
);
CREATE TABLE suppression_sequences (
    account_id bigint PRIMARY KEY,
    sequence bigint NOT NULL
);
CREATE TABLE stops (
    campaign_id bigint PRIMARY KEY,
    version int NOT NULL,
    state text NOT NULL CONSTRAINT stops_state CHECK (state IN ('running','paused','cancelled')),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE cancels (
    message_id bigint PRIMARY KEY,
    cancelled_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE direct_sends (
    hold_id text PRIMARY KEY,
    account_id bigint NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE exports (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL,
    what text NOT NULL,
    format text NOT NULL,
    filter jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'queued',
    total bigint NOT NULL DEFAULT 0,
    written bigint NOT NULL DEFAULT 0,
    size bigint,
    error text,
    owner text,
    lease_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX exports_account ON exports (account_id, id);
CREATE TABLE export_pieces (
    export_id bigint NOT NULL REFERENCES exports ON DELETE CASCADE,
    no int NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (export_id, no)
);
"""


def upgrade() -> None:
    """Create everything; the partitions of messages and parts are made by the acceptor as ids are used."""
    create_kit_tables(op)
    op.execute(TABLES)


def downgrade() -> None:
    """Drop everything."""
    for table in [
        "export_pieces",
        "exports",
        "direct_sends",
        "cancels",
        "stops",
        "suppression_sequences",
        "suppressions",
        "inbound",
        "doubts",
        "receipts_waiting",
        "batches",
        "parts",
        "messages",
        "chunks",
        "message_ids",
        "routes",
        "binds",
        "connectors",
    ]:
        op.execute(f"DROP TABLE {table}")
    drop_kit_tables(op)
