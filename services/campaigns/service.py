"""Entry points of campaigns. Each opens a transaction and calls one use case or query."""

from __future__ import annotations

from typing import Any

import eventlet

from contracts.envelope import Envelope
from contracts.events import AudienceFrozen, MessagesProgressed, NumbersErased
from servicekit import idempotency, inbox, settings
from servicekit.calls import ServiceProxy
from servicekit.database import cursor_of
from servicekit.service import Database, consumes, every, rpc

from . import erasing, intents, preflight, progress, queries, templates, use_cases
from .settings import CampaignSettings

TICK_SECONDS = 2


class CampaignsService:
    """Campaigns from draft to the last receipt (README.md)."""

    name = "campaigns"
    db = Database()
    billing = ServiceProxy("billing")
    contacts = ServiceProxy("contacts")
    dispatcher = ServiceProxy("dispatcher")

    @rpc
    def ping(self) -> str:
        """Say "pong" once the database has answered: for the gateway's readiness."""
        with self.db.transaction() as session:
            session.connection().exec_driver_sql("SELECT 1")
        return "pong"

    @rpc
    def create(
        self, account_id: int, data: dict[str, Any], idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """A new draft."""
        with self.db.transaction() as session:
            return use_cases.create(session, account_id, data, idempotency_key)

    @rpc
    def get(self, account_id: int, id: int) -> dict[str, Any]:
        """One campaign with its counts."""
        with self.db.transaction() as session:
            return queries.get(session, account_id, id)

    @rpc
    def list(
        self, account_id: int, state: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> dict[str, Any]:
        """A page of campaigns, newest first."""
        with self.db.transaction() as session:
            return queries.list_campaigns(session, account_id, state, cursor, limit)

    @rpc
    def update(
        self, account_id: int, id: int, changes: dict[str, Any], version: int | None = None
    ) -> dict[str, Any]:
        """Change the settings of a campaign that has not started."""
        with self.db.transaction() as session:
            return use_cases.update(session, account_id, id, changes, version)

    @rpc
    def delete(self, account_id: int, id: int) -> None:
        """Remove a draft."""
        with self.db.transaction() as session:
            use_cases.delete(session, account_id, id)

    @rpc
    def preflight(self, account_id: int, id: int) -> dict[str, Any]:
        """What it would be and cost if it started now."""
        host = _host()
        with self.db.transaction() as session:
            campaign = queries.find(session, account_id, id)
        return preflight.of_campaign(campaign, self.billing, self.contacts, host, lambda: eventlet.sleep(0))

    @rpc
    def start(self, account_id: int, id: int, idempotency_key: str | None = None) -> dict[str, Any]:
        """Start now."""
        with self.db.transaction() as session:
            use_cases.start(session, account_id, id, idempotency_key)
        intents.freeze(self.db, self.billing, self.contacts, id)
        return self._get(account_id, id)

    @rpc
    def schedule(self, account_id: int, id: int, at: str | None = None) -> dict[str, Any]:
        """Start at a time; again moves it."""
        with self.db.transaction() as session:
            return use_cases.schedule(session, account_id, id, at)

    @rpc
    def unschedule(self, account_id: int, id: int) -> dict[str, Any]:
        """Make it a draft again."""
        with self.db.transaction() as session:
            return use_cases.unschedule(session, account_id, id)

    @rpc
    def pause(self, account_id: int, id: int) -> dict[str, Any]:
        """Stop sending within a second."""
        with self.db.transaction() as session:
            use_cases.pause(session, account_id, id)
        intents.tell_stop(self.db, self.dispatcher, id)
        return self._get(account_id, id)

    @rpc
    def resume(self, account_id: int, id: int) -> dict[str, Any]:
        """Go on where it stopped."""
        with self.db.transaction() as session:
            use_cases.resume(session, account_id, id)
        intents.tell_stop(self.db, self.dispatcher, id)
        intents.freeze(self.db, self.billing, self.contacts, id)
        return self._get(account_id, id)

    @rpc
    def cancel(self, account_id: int, id: int) -> dict[str, Any]:
        """Stop for good."""
        with self.db.transaction() as session:
            use_cases.cancel(session, account_id, id)
        intents.tell_stop(self.db, self.dispatcher, id)
        return self._get(account_id, id)

    @rpc
    def create_template(
        self, account_id: int, data: dict[str, Any], idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """A new template."""
        with self.db.transaction() as session:
            return templates.create(session, account_id, data, idempotency_key, _host())

    @rpc
    def get_template(self, account_id: int, id: int) -> dict[str, Any]:
        """One template."""
        with self.db.transaction() as session:
            return templates.get(session, account_id, id, _host())

    @rpc
    def list_templates(
        self,
        account_id: int,
        search: str | None = None,
        sort: str = "name",
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Any]:
        """A page of templates, by name or last use."""
        with self.db.transaction() as session:
            return templates.list_templates(session, account_id, search, sort, cursor, limit, _host())

    @rpc
    def update_template(
        self, account_id: int, id: int, changes: dict[str, Any], version: int | None = None
    ) -> dict[str, Any]:
        """Change a template."""
        with self.db.transaction() as session:
            return templates.update(session, account_id, id, changes, version, _host())

    @rpc
    def delete_template(self, account_id: int, id: int, version: int | None = None) -> None:
        """Remove a template."""
        with self.db.transaction() as session:
            templates.delete(session, account_id, id, version)

    @consumes(AudienceFrozen, queue="campaigns.audience_frozen")
    def on_audience_frozen(self, session: Any, event: AudienceFrozen, envelope: Envelope) -> None:
        """Go on to expanding."""
        use_cases.audience_frozen(session, event)

    @consumes(MessagesProgressed, queue="campaigns.messages_progressed")
    def on_messages_progressed(self, session: Any, event: MessagesProgressed, envelope: Envelope) -> None:
        """Count what became of the messages."""
        progress.record(cursor_of(session), event.chunks)

    @consumes(NumbersErased, queue="campaigns.numbers_erased")
    def on_numbers_erased(self, session: Any, event: NumbersErased, envelope: Envelope) -> None:
        """Take them out of audiences."""
        erasing.erase(cursor_of(session), event)

    @every(TICK_SECONDS)
    def start_due(self) -> None:
        """Start what is due."""
        intents.start_due(self.db, self.billing, self.contacts)

    @every(TICK_SECONDS)
    def freeze_again(self) -> None:
        """Ask again for the snapshots that did not come."""
        intents.freeze_again(self.db, self.billing, self.contacts)

    @every(TICK_SECONDS)
    def tell_stops(self) -> None:
        """Tell the dispatcher what it has not acknowledged."""
        intents.tell_stops(self.db, self.dispatcher)

    @every(60)
    def forget(self) -> None:
        """Drop keys and event ids that are too old to come again."""
        with self.db.transaction() as session:
            inbox.forget_old(session)
            idempotency.forget_old(session)

    def _get(self, account_id: int, campaign_id: int) -> dict[str, Any]:
        with self.db.transaction() as session:
            return queries.get(session, account_id, campaign_id)


def _host() -> str:
    return settings.read(CampaignSettings).public_host
