"""The contacts service, as a table of contents."""

from __future__ import annotations

from typing import Any

from contracts.envelope import Envelope
from contracts.events import AccountChanged, MessageReceived
from servicekit import idempotency, inbox
from servicekit.service import Database, consumes, every, rpc

from . import queries, schemas
from .people import People
from .queries import audiences as audiences_read
from .queries import contacts as contacts_read
from .queries import imports as imports_read
from .saying_no import SayingNo
from .use_cases import (
    answering,
    audiences,
    consents,
    contacts,
    groups,
    imports,
    unsubscribing,
)

Answer = dict[str, Any]


class ContactsService(SayingNo, People):
    """People, their numbers and groups, imports, the blacklist, snapshots of audiences."""

    name = "contacts"
    db = Database()

    @rpc
    def ping(self) -> str:
        """Say "pong" once the database has answered: for the gateway's readiness."""
        with self.db.transaction() as session:
            queries.value(session, "SELECT 1", {})
        return "pong"

    # --- contacts

    @rpc
    def create_contact(self, account_id: int, data: Answer, idempotency_key: str | None = None) -> Answer:
        """A new contact with numbers and groups."""
        with self.db.transaction() as session:
            return contacts.create_contact(session, account_id, data, idempotency_key)

    @rpc
    def get_contact(self, account_id: int, id: int) -> Answer:
        """A contact with its numbers and groups."""
        with self.db.transaction() as session:
            return contacts_read.get_contact(session, account_id, id)

    @rpc
    def update_contact(self, account_id: int, id: int, changes: Answer, version: int | None = None) -> Answer:
        """Change a part of a contact. Raises PreconditionFailed("version_mismatch") on another version."""
        with self.db.transaction() as session:
            return contacts.update_contact(session, account_id, id, changes, version)

    @rpc
    def delete_contact(self, account_id: int, id: int, version: int | None = None) -> Answer:
        """Delete a contact; the blacklist keeps its numbers."""
        with self.db.transaction() as session:
            return contacts.delete_contact(session, account_id, id, version)

    @rpc
    def list_contacts(
        self,
        account_id: int,
        cursor: str | None = None,
        limit: int = 50,
        **wanted: Any,
    ) -> Answer:
        """A page of contacts, by any field or part of a number, by group, blacklist, time of creation; sorted."""
        listing = schemas.load(schemas.Listing, wanted)
        with self.db.transaction() as session:
            return contacts_read.list_contacts(session, account_id, listing, cursor, limit)

    @rpc
    def record_consent(self, account_id: int, id: int, data: Answer) -> Answer:
        """Write down that a contact agreed: how, in what words, from where, when."""
        with self.db.transaction() as session:
            return consents.record_consent(session, account_id, id, data)

    @rpc
    def list_consents(self, account_id: int, id: int, cursor: str | None = None, limit: int = 50) -> Answer:
        """A page of a contact's consents, newest first."""
        with self.db.transaction() as session:
            return consents.list_consents(session, account_id, id, cursor, limit)

    # --- groups

    @rpc
    def create_group(self, account_id: int, data: Answer, idempotency_key: str | None = None) -> Answer:
        """A new, empty group."""
        with self.db.transaction() as session:
            return groups.create_group(session, account_id, data, idempotency_key)

    @rpc
    def get_group(self, account_id: int, id: int) -> Answer:
        """A group with its count."""
        with self.db.transaction() as session:
            return contacts_read.get_group(session, account_id, id)

    @rpc
    def list_groups(self, account_id: int, cursor: str | None = None, limit: int = 50) -> Answer:
        """A page of groups with their counts."""
        with self.db.transaction() as session:
            return contacts_read.list_groups(session, account_id, cursor, limit)

    @rpc
    def update_group(self, account_id: int, id: int, changes: Answer, version: int | None = None) -> Answer:
        """Change name or description."""
        with self.db.transaction() as session:
            return groups.update_group(session, account_id, id, changes, version)

    @rpc
    def delete_group(self, account_id: int, id: int, version: int | None = None) -> Answer:
        """Delete a group; its contacts stay."""
        with self.db.transaction() as session:
            return groups.delete_group(session, account_id, id, version)

    @rpc
    def add_members(self, account_id: int, id: int, contact_ids: list[int]) -> Answer:
        """Put contacts in a group: ``{changed}``."""
        with self.db.transaction() as session:
            return groups.add_members(session, account_id, id, contact_ids)

    @rpc
    def remove_members(self, account_id: int, id: int, contact_ids: list[int]) -> Answer:
        """Take contacts out of a group: ``{changed}``."""
        with self.db.transaction() as session:
            return groups.remove_members(session, account_id, id, contact_ids)

    # --- imports

    @rpc
    def create_import(
        self,
        account_id: int,
        filename: str,
        size: int,
        labels: list[str] | None = None,
        digest: str = "",
        idempotency_key: str | None = None,
    ) -> Answer:
        """A place for a file that comes by ``append_import``. ``labels``: the account's names of custom1..4."""
        data = {"filename": filename, "size": size, "labels": labels or [], "digest": digest}
        with self.db.transaction() as session:
            return imports.create_import(session, account_id, data, idempotency_key)

    @rpc
    def append_import(self, account_id: int, id: int, seq: int, data_b64: str) -> Answer:
        """The next piece of the file, from 0, at most 1 MiB."""
        with self.db.transaction() as session:
            return imports.append_import(session, account_id, id, seq, data_b64)

    @rpc
    def analyse_import(self, account_id: int, id: int) -> Answer:
        """The file is complete: judge its rows. Ends analysed or failed."""
        with self.db.transaction() as session:
            return imports.analyse_import(session, account_id, id)

    @rpc
    def create_import_text(self, account_id: int, text: str, idempotency_key: str | None = None) -> Answer:
        """An import of pasted numbers, being analysed."""
        with self.db.transaction() as session:
            return imports.create_import_text(session, account_id, text, idempotency_key)

    @rpc
    def get_import(self, account_id: int, id: int) -> Answer:
        """State, mapping, preview, counts, progress."""
        with self.db.transaction() as session:
            return imports_read.get_import(session, account_id, id)

    @rpc
    def list_imports(self, account_id: int, cursor: str | None = None, limit: int = 50) -> Answer:
        """A page of imports, newest first."""
        with self.db.transaction() as session:
            return imports_read.list_imports(session, account_id, cursor, limit)

    @rpc
    def update_import(
        self, account_id: int, id: int, mapping: Answer | None = None, sheet: str | None = None
    ) -> Answer:
        """Judge the rows anew by another mapping."""
        with self.db.transaction() as session:
            return imports.update_import(session, account_id, id, mapping, sheet)

    @rpc
    def commit_import(
        self,
        account_id: int,
        id: int,
        policy: str = "skip",
        group_ids: list[int] | None = None,
        blacklist: bool = False,
        group_names: list[str] | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Store the judged rows. Ends done, failed or cancelled."""
        data = {
            "policy": policy,
            "group_ids": group_ids or [],
            "blacklist": blacklist,
            "group_names": group_names or [],
        }
        with self.db.transaction() as session:
            return imports.commit_import(session, account_id, id, data, idempotency_key)

    @rpc
    def cancel_import(self, account_id: int, id: int) -> Answer:
        """Stop; what is stored already stays."""
        with self.db.transaction() as session:
            return imports.cancel_import(session, account_id, id)

    @rpc
    def import_rejects(self, account_id: int, id: int, offset: int = 0) -> Answer:
        """A piece of the workbook of rejected rows: ``{data_b64, next_offset, filename}``."""
        with self.db.transaction() as session:
            return imports_read.import_rejects(session, account_id, id, offset)

    @rpc
    def import_template(self, locale: str = "el", labels: dict[str, str] | None = None) -> Answer:
        """The workbook to fill in: ``{data_b64, filename}``."""
        return imports.import_template(locale, labels)

    # --- audiences

    @rpc
    def freeze_audience(self, account_id: int, campaign_id: int, audience: Answer) -> Answer:
        """Ask for a snapshot: ``{snapshot_id}``; AudienceFrozen follows."""
        with self.db.transaction() as session:
            return audiences.freeze_audience(session, account_id, campaign_id, audience)

    @rpc
    def snapshot(self, account_id: int, snapshot_id: int) -> Answer:
        """State (freezing, ready, failed) and figures of a snapshot."""
        with self.db.transaction() as session:
            return audiences_read.snapshot(session, account_id, snapshot_id)

    @rpc
    def audience_page(self, account_id: int, snapshot_id: int, after: int = 0, limit: int = 500) -> Answer:
        """Members after an ordinal: ``{members: [[ordinal, msisdn, token, fields], …]}``."""
        with self.db.transaction() as session:
            return audiences_read.audience_page(session, account_id, snapshot_id, after, limit)

    @rpc
    def audience_estimate(self, account_id: int, audience: Answer, sample: int = 0) -> Answer:
        """What a freeze would find now: ``{recipients, duplicates, suppressed, by_prefix, members}``."""
        with self.db.transaction() as session:
            return audiences.audience_estimate(session, account_id, audience, sample)

    # --- what it listens to, and what time brings

    @consumes(AccountChanged, queue="contacts.account_changed")
    def on_account_changed(self, session: Any, event: AccountChanged, envelope: Envelope) -> None:
        """What an account is called, for the pages of its recipients."""
        unsubscribing.save_account_name(session, event.account_id, event.name, event.version)

    @consumes(MessageReceived, queue="contacts.message_received")
    def on_message_received(self, session: Any, event: MessageReceived, envelope: Envelope) -> None:
        """Stop and start words, sent back by phones."""
        answering.answer(session, event.messages)

    @every(60)
    def forget(self) -> None:
        """Drop event ids that are too old to come again, and keys of requests nobody repeats any more."""
        with self.db.transaction() as session:
            inbox.forget_old(session)
            idempotency.forget_old(session)
