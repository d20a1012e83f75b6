"""Tables of contacts. Numbers are E.164 digits without +, kept as integers (15 digits fit; half the index)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.exports import export_tables
from servicekit.tables import kit_tables

from . import records, refusals  # noqa: F401  their tables belong to the same metadata
from .base import NO_IDS, ZERO, Base, count_column, moment_column, text_column

SEARCHED = (
    "title", "first_name", "last_name", "email", "custom1", "custom2", "custom3", "custom4", "vocative", "note",
)  # fmt: skip
SEARCH = "contacts_fold(" + " || ' ' || ".join(SEARCHED) + ")"
WAY = "split_part(source, ' ', 1)"
EMAIL_KEY = "left(lower(email), 100)"
NAME_KEY = "contacts_name_key(last_name, first_name)"
PENDING = {"fastupdate": "on", "gin_pending_list_limit": 65536}
IMPORT_STATES = "'receiving','analysing','analysed','queued','running','done','failed','cancelled'"


class Contact(Base):
    """A person or company. ``search`` is every field folded (case, accents); ``version`` counts changes."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index("contacts_account_id", "account_id", "id"),
        Index("contacts_created", "account_id", "created_at", "id"),
        Index("contacts_name", "account_id", text(NAME_KEY), "id"),
        Index("contacts_email", "account_id", text(EMAIL_KEY), "id", postgresql_where=text("email <> ''")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = text_column()
    first_name: Mapped[str] = text_column()
    last_name: Mapped[str] = text_column()
    email: Mapped[str] = text_column()
    custom1: Mapped[str] = text_column()
    custom2: Mapped[str] = text_column()
    custom3: Mapped[str] = text_column()
    custom4: Mapped[str] = text_column()
    vocative: Mapped[str] = text_column()
    note: Mapped[str] = text_column()
    search: Mapped[str] = mapped_column(Text, Computed(SEARCH, persisted=True), nullable=False)
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = moment_column()
    updated_at: Mapped[datetime] = moment_column()


class Phone(Base):
    """A number of a contact: one contact per number in an account, one primary number per contact.

    No foreign key, here and in ``GroupMember``: checking it was a third of storing a contact. Who writes a row has seen or
    made its contact under ``use_cases.lock_contacts``; what is deleted takes its rows along by a trigger (0006).
    """

    __tablename__ = "phones"
    __table_args__ = (
        Index("phones_contact_id", "contact_id"),
        Index("phones_primary", "contact_id", unique=True, postgresql_where=text("is_primary")),
        CheckConstraint("msisdn BETWEEN 1000 AND 999999999999999", name="phones_msisdn"),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    msisdn: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    is_primary: Mapped[bool] = mapped_column(Boolean)


class SearchEntry(Base):
    """What a contact is searched for: its fields as in ``Contact.search``, its numbers with a space between them.

    It follows the contact (``jobs.sorting``); those in ``SearchChange`` may be behind, missing, or of a contact that is gone.
    """

    __tablename__ = "search_entries"
    __table_args__ = (
        Index(
            "search_entries_search",
            "account_id",
            "search",
            "digits",
            postgresql_using="gin",
            postgresql_ops={"search": "gin_trgm_ops", "digits": "gin_trgm_ops"},
            postgresql_with=PENDING,
        ),
    )

    contact_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigInteger)
    search: Mapped[str] = mapped_column(Text)
    digits: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text(collation="C"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SearchChange(Base):
    """Contacts of an account, from one id to another, whose entries are not up to date. Written by triggers (0014) in the
    transaction of the change."""

    __tablename__ = "search_changes"
    __table_args__ = (Index("search_changes_account_id", "account_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)


class Group(Base):
    """A named set of contacts. ``name_key`` is the name folded: an account cannot have it twice."""

    __tablename__ = "groups"
    __table_args__ = (UniqueConstraint("account_id", "name_key", name="groups_account_id_name_key_key"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(
        Text, Computed("contacts_fold(name)", persisted=True), nullable=False
    )
    description: Mapped[str] = text_column()
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = moment_column()
    updated_at: Mapped[datetime] = moment_column()


class GroupMember(Base):
    """A contact is in a group."""

    __tablename__ = "group_members"
    __table_args__ = (Index("group_members_contact_id", "contact_id"),)

    group_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    contact_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class Suppression(Base):
    """A number an account may not send to (``active``), or may again: what was lifted stays as a tombstone.

    One row a number with the sequence of its last change is all that a resync needs, and it never grows.
    """

    __tablename__ = "suppressions"
    __table_args__ = (
        Index("suppressions_sequence", "account_id", "sequence"),
        Index("suppressions_way", "account_id", text(WAY), "msisdn", postgresql_where=text("active")),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    msisdn: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    active: Mapped[bool] = mapped_column(Boolean)
    reason: Mapped[str] = text_column()
    source: Mapped[str] = text_column()
    at: Mapped[datetime] = moment_column()
    sequence: Mapped[int] = mapped_column(BigInteger)


class SuppressionSequence(Base):
    """The last sequence told of an account; its row lock makes sequences commit in order."""

    __tablename__ = "suppression_sequences"

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger)


class Import(Base):
    """A file or paste on its way in: a job with a lease (``servicekit.jobs``).

    ``staged_row`` and ``applied_row`` are the cursors: the last row number that is staged, and applied.
    ``accepted + updated + duplicates + rejected = rows`` at every commit.
    """

    __tablename__ = "imports"
    __table_args__ = (
        CheckConstraint(f"state IN ({IMPORT_STATES})", name="imports_state"),
        CheckConstraint("accepted + updated + duplicates + rejected = rows", name="imports_counts"),
        CheckConstraint("received <= size", name="imports_received"),
        Index("imports_account_id", "account_id", "id"),
        Index("imports_jobs", "id", postgresql_where=text("state IN ('analysing', 'queued', 'running')")),
        Index("imports_unpurged", "id", postgresql_where=text("NOT purged")),
        Index("imports_running", "account_id", unique=True, postgresql_where=text("state = 'running'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    filename: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    pieces: Mapped[int] = count_column()
    state: Mapped[str] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    wanted_mapping: Mapped[dict[str, int] | None] = mapped_column(JSONB(none_as_null=True))
    mapping: Mapped[dict[str, int]] = mapped_column(JSONB, server_default=text("'{}'"))
    header_row: Mapped[int | None] = mapped_column(Integer)
    columns: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    labels: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    preview: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    rows: Mapped[int] = count_column()
    accepted: Mapped[int] = count_column()
    updated: Mapped[int] = count_column()
    duplicates: Mapped[int] = count_column()
    rejected: Mapped[int] = count_column()
    staged_row: Mapped[int] = count_column()
    policy: Mapped[str] = mapped_column(Text, server_default=text("'skip'"))
    group_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=NO_IDS)
    blacklist: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    applied_row: Mapped[int] = count_column()
    applied: Mapped[int] = count_column()
    error_code: Mapped[str] = text_column()
    error_detail: Mapped[str] = text_column()
    owner: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    attempts: Mapped[int] = count_column()
    purged: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[datetime] = moment_column()
    updated_at: Mapped[datetime] = moment_column()


class ImportPiece(Base):
    """A piece of an uploaded file, or (``kind`` 'rejects') of the workbook of its rejected rows."""

    __tablename__ = "import_pieces"
    __table_args__ = (CheckConstraint("octet_length(data) <= 1048576", name="import_pieces_data"),)

    import_id: Mapped[int] = mapped_column(
        ForeignKey("imports.id", name="import_pieces_import_id_fkey"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class ImportPage(Base):
    """Judged rows that wait for the commit, as JSON of ``importing.pages.Page``; ``updated`` of them are about contacts
    that were there when they were judged.

    No foreign key: imports are never deleted.
    """

    __tablename__ = "import_pages"

    import_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last_row: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    updated: Mapped[int] = mapped_column(Integer)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class ImportMapping(Base):
    """The mapping an account corrected for files with these headers (``importing.columns``)."""

    __tablename__ = "import_mappings"

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(Text, primary_key=True)
    mapping: Mapped[dict[str, int]] = mapped_column(JSONB)
    at: Mapped[datetime] = moment_column()


class Snapshot(Base):
    """The audience of one campaign as it was when frozen. Made once; its members never change."""

    __tablename__ = "snapshots"
    __table_args__ = (
        CheckConstraint("state IN ('freezing', 'ready', 'failed')", name="snapshots_state"),
        UniqueConstraint("account_id", "campaign_id", name="snapshots_account_id_campaign_id_key"),
        Index("snapshots_freezing", "id", postgresql_where=text("state = 'freezing'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    campaign_id: Mapped[int] = mapped_column(BigInteger)
    audience: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(Text, server_default=text("'freezing'"))
    recipients: Mapped[int] = count_column()
    duplicates: Mapped[int] = count_column()
    suppressed: Mapped[int] = count_column()
    error_code: Mapped[str] = text_column()
    correlation_id: Mapped[str] = text_column()
    created_at: Mapped[datetime] = moment_column()
    ready_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SnapshotMember(Base):
    """One recipient: ordinals are 1..recipients without gaps. ``fields`` is None for a number without contact.
    Of somebody who was erased only the place is left: the number is 0.

    ``token`` is filled by releases before 0003 alone: tokens are made from the place of a member (``links``).
    """

    __tablename__ = "snapshot_members"
    __table_args__ = (CheckConstraint("length(token) = 11", name="snapshot_members_token"),)

    snapshot_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    msisdn: Mapped[int] = mapped_column(BigInteger)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    token: Mapped[str | None] = mapped_column(Text)
    fields: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


export_tables(Base.metadata)
kit_tables(Base.metadata)
