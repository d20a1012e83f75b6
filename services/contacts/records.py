"""Tables of what was done and agreed to: consents, the audit, bulk actions, what was deleted, what was erased."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    DateTime,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, count_column, moment_column, text_column

BULK_STATES = "'queued','running','done','failed','undoing','undone'"
BULK_OPEN = "'queued','running','undoing'"


class Consent(Base):
    """A number's owner agreed to get messages: when, how, in what words, and where that is kept. Never changed."""

    __tablename__ = "consents"
    __table_args__ = (Index("consents_msisdn", "account_id", "msisdn", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    msisdn: Mapped[int] = mapped_column(BigInteger)
    how: Mapped[str] = mapped_column(Text)
    wording: Mapped[str] = text_column()
    source: Mapped[str] = text_column()
    at: Mapped[datetime] = moment_column()
    actor: Mapped[str] = text_column()
    recorded_at: Mapped[datetime] = moment_column()


class BulkJob(Base):
    """One action on many contacts: a job with a lease (``servicekit.jobs``), done item by item in their order.

    ``done`` is the cursor: the last item that is done (or, while ``undoing``, ``undone`` from the end). ``changed`` counts
    contacts that the action changed.
    """

    __tablename__ = "bulk_jobs"
    __table_args__ = (
        CheckConstraint(f"state IN ({BULK_STATES})", name="bulk_jobs_state"),
        CheckConstraint("done <= total AND undone <= total", name="bulk_jobs_counts"),
        Index("bulk_jobs_account_id", "account_id", "id"),
        Index("bulk_jobs_open", "id", postgresql_where=text(f"state IN ({BULK_OPEN})")),
        Index("bulk_jobs_kept", "undo_until", postgresql_where=text("NOT purged")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    action: Mapped[str] = mapped_column(Text)
    selection: Mapped[dict[str, Any]] = mapped_column(JSONB)
    params: Mapped[dict[str, Any]] = mapped_column(JSONB)
    actor: Mapped[str] = text_column()
    state: Mapped[str] = mapped_column(Text)
    total: Mapped[int] = count_column()
    done: Mapped[int] = count_column()
    changed: Mapped[int] = count_column()
    undone: Mapped[int] = count_column()
    kept: Mapped[int] = count_column()
    error: Mapped[str] = text_column()
    owner: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    attempts: Mapped[int] = count_column()
    purged: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[datetime] = moment_column()
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undo_until: Mapped[datetime] = moment_column()


class BulkItem(Base):
    """A contact that a bulk action takes, from 1 on, and what it changed for it: enough to undo that."""

    __tablename__ = "bulk_items"

    job_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class Trash(Base):
    """A deleted contact as it was, until the time to bring it back has gone. Its numbers are free meanwhile."""

    __tablename__ = "trash"
    __table_args__ = (
        Index("trash_deleted_at", "deleted_at"),
        Index("trash_numbers", "numbers", postgresql_using="gin"),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    contact_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    contact: Mapped[dict[str, Any]] = mapped_column(JSONB)
    numbers: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    group_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    merge_id: Mapped[int | None] = mapped_column(BigInteger)
    deleted_at: Mapped[datetime] = moment_column()


class Merge(Base):
    """A contact took over ``others``, which lie in the trash. Holds what it gained, by name and number of characters: nothing
    here is about a person. ``version`` is the contact's while nobody has changed it since.
    """

    __tablename__ = "merges"
    __table_args__ = (
        Index("merges_account_id", "account_id", "id"),
        Index("merges_contact_id", "contact_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(Integer)
    others: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    filled: Mapped[list[str]] = mapped_column(ARRAY(Text))
    note_length: Mapped[int] = mapped_column(Integer)
    group_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    actor: Mapped[str] = text_column()
    created_at: Mapped[datetime] = moment_column()
    undo_until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    not_restored: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))


class GroupCount(Base):
    """How many contacts a group has, as far as ``group_deltas`` was summed up. Only that writes here: no hot row."""

    __tablename__ = "group_counts"

    group_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    members: Mapped[int] = mapped_column(BigInteger)


class GroupDelta(Base):
    """How many joined a group, or left it (negative), by one statement on ``group_members``: its triggers write it (0010).

    No foreign key, for the reason there is none in ``GroupMember``.
    """

    __tablename__ = "group_deltas"
    __table_args__ = (Index("group_deltas_group_id", "group_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    group_id: Mapped[int] = mapped_column(BigInteger)
    members: Mapped[int] = mapped_column(BigInteger)


class SavedFilter(Base):
    """A filter with a name, whose contacts can be an audience."""

    __tablename__ = "filters"
    __table_args__ = (UniqueConstraint("account_id", "name_key", name="filters_account_id_name_key_key"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(
        Text, Computed("contacts_fold(name)", persisted=True), nullable=False
    )
    filter: Mapped[dict[str, Any]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = moment_column()
    updated_at: Mapped[datetime] = moment_column()


class AuditEntry(Base):
    """Who did what to what. Written with the change; a trigger refuses to change it, and to delete it before its time."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_account_id", "account_id", "id"),
        Index("audit_object", "account_id", "object", "id"),
        Index("audit_action", "account_id", "action", "id"),
        Index("audit_actor", "account_id", "actor", "id"),
        Index("audit_at", "at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = moment_column()
    actor: Mapped[str] = text_column()
    action: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    correlation_id: Mapped[str] = text_column()


class ErasedNumber(Base):
    """A number that was erased, as a pseudonym; ``opted_out`` when nothing may be sent to it should it come again."""

    __tablename__ = "erased_numbers"

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    pseudonym: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    opted_out: Mapped[bool] = mapped_column(Boolean)
    source: Mapped[str] = text_column()
    erased_at: Mapped[datetime] = moment_column()
