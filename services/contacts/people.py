"""The part of the contacts service about many contacts at once: bulk actions, merging, saved filters, exports, the audit."""

from __future__ import annotations

from typing import Any

from servicekit import exports as kept_exports
from servicekit.service import Database, rpc

from .queries import bulk as bulk_read
from .queries import duplicates as duplicates_read
from .queries import merges as merges_read
from .use_cases import audit, bulk, erasing, exports, filters, gdpr, merging, trash, unmerging

Answer = dict[str, Any]


class People:
    """A part of ``ContactsService``: each entry point opens a transaction and calls one use case or query."""

    db = Database()

    # --- many at once

    @rpc
    def bulk(
        self,
        account_id: int,
        action: str,
        selection: Answer,
        params: Answer | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """One action on a selection of contacts: a job, done already when it is small."""
        with self.db.transaction() as session:
            return bulk.bulk(session, account_id, action, selection, params, idempotency_key)

    @rpc
    def get_bulk(self, account_id: int, id: int) -> Answer:
        """State, progress and counts of a bulk action."""
        with self.db.transaction() as session:
            return bulk_read.get_bulk(session, account_id, id)

    @rpc
    def list_bulk(self, account_id: int, cursor: str | None = None, limit: int = 50) -> Answer:
        """A page of bulk actions, newest first."""
        with self.db.transaction() as session:
            return bulk_read.list_bulk(session, account_id, cursor, limit)

    @rpc
    def undo_bulk(self, account_id: int, id: int) -> Answer:
        """Undo a bulk action. Raises Conflict("not_undoable_…")."""
        with self.db.transaction() as session:
            return bulk.undo_bulk(session, account_id, id)

    @rpc
    def list_duplicates(self, account_id: int, by: str, cursor: str | None = None, limit: int = 20) -> Answer:
        """A page of groups of contacts with the same name or e-mail."""
        with self.db.transaction() as session:
            return duplicates_read.list_duplicates(session, account_id, by, cursor, limit)

    @rpc
    def merge_contacts(
        self, account_id: int, id: int, others: list[int], version: int | None = None
    ) -> Answer:
        """Merge other contacts into this one."""
        with self.db.transaction() as session:
            return merging.merge(session, account_id, id, others, version)

    @rpc
    def get_merge(self, account_id: int, id: int) -> Answer:
        """A merge, and whether it can be undone."""
        with self.db.transaction() as session:
            return merges_read.get_merge(session, account_id, id)

    @rpc
    def list_merges(self, account_id: int, cursor: str | None = None, limit: int = 50) -> Answer:
        """A page of merges, newest first."""
        with self.db.transaction() as session:
            return merges_read.list_merges(session, account_id, cursor, limit)

    @rpc
    def undo_merge(self, account_id: int, id: int, version: int | None = None) -> Answer:
        """Undo a merge. Raises Conflict("not_undoable_…")."""
        with self.db.transaction() as session:
            return unmerging.undo(session, account_id, id, version)

    @rpc
    def restore_contact(self, account_id: int, id: int) -> Answer:
        """Bring a deleted contact back."""
        with self.db.transaction() as session:
            return trash.restore(session, account_id, id)

    # --- saved filters

    @rpc
    def create_filter(self, account_id: int, data: Answer, idempotency_key: str | None = None) -> Answer:
        """A new saved filter."""
        with self.db.transaction() as session:
            return filters.create_filter(session, account_id, data, idempotency_key)

    @rpc
    def get_filter(self, account_id: int, id: int) -> Answer:
        """One saved filter."""
        with self.db.transaction() as session:
            return filters.get_filter(session, account_id, id)

    @rpc
    def list_filters(self, account_id: int, cursor: str | None = None, limit: int = 50) -> Answer:
        """A page of saved filters."""
        with self.db.transaction() as session:
            return filters.list_filters(session, account_id, cursor, limit)

    @rpc
    def update_filter(self, account_id: int, id: int, changes: Answer, version: int | None = None) -> Answer:
        """Change name or filter."""
        with self.db.transaction() as session:
            return filters.update_filter(session, account_id, id, changes, version)

    @rpc
    def delete_filter(self, account_id: int, id: int, version: int | None = None) -> Answer:
        """Delete a saved filter; its contacts stay."""
        with self.db.transaction() as session:
            return filters.delete_filter(session, account_id, id, version)

    # --- exports

    @rpc
    def create_export(
        self,
        account_id: int,
        what: str,
        format: str,
        filter: Answer,
        idempotency_key: str | None = None,
        zone: str = "UTC",
    ) -> Answer:
        """Begin an export of contacts: all that match a filter, or a selection."""
        with self.db.transaction() as session:
            return exports.create(session, account_id, what, format, filter, idempotency_key, zone)

    @rpc
    def get_export(self, account_id: int, id: int) -> Answer:
        """How far an export is."""
        with self.db.transaction() as session:
            return kept_exports.get(session, account_id, id)

    @rpc
    def export_chunk(self, account_id: int, id: int, offset: int = 0) -> Answer:
        """A piece of a finished export."""
        with self.db.transaction() as session:
            return kept_exports.piece(session, account_id, id, offset)

    @rpc
    def delete_export(self, account_id: int, id: int) -> None:
        """Remove an export, or end it."""
        with self.db.transaction() as session:
            kept_exports.delete(session, account_id, id)

    # --- all about a number

    @rpc
    def about_number(self, account_id: int, number: str) -> Answer:
        """All that is known here about a number."""
        with self.db.transaction() as session:
            return gdpr.about(session, account_id, number)

    @rpc
    def knows_number(self, account_id: int, number: str) -> Answer:
        """Whether anything is known here about a number: ``{number, known}``."""
        with self.db.transaction() as session:
            return gdpr.knows(session, account_id, number)

    @rpc
    def erase_number(self, account_id: int, number: str) -> Answer:
        """Erase a number and its contact; NumbersErased follows."""
        with self.db.transaction() as session:
            return erasing.erase(session, account_id, number)

    # --- who did what

    @rpc
    def list_audit(
        self, account_id: int, cursor: str | None = None, limit: int = 50, **wanted: str | None
    ) -> Answer:
        """A page of the audit, newest first."""
        with self.db.transaction() as session:
            return audit.list_audit(session, account_id, wanted, cursor, limit)
