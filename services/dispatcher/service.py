"""Entry points of the dispatcher. Each opens a transaction and calls one use case or query."""

from __future__ import annotations

from typing import Any

from contracts.envelope import Envelope
from contracts.errors import KeryxError
from contracts.events import NumbersErased, SuppressionBulkChanged, SuppressionChanged
from servicekit import exports as kept_exports
from servicekit import idempotency, inbox
from servicekit.calls import ServiceProxy
from servicekit.database import cursor_of
from servicekit.service import Database, consumes, every, rpc

from . import (
    connectors,
    direct_sends,
    erasing,
    exports,
    inbound,
    partitions,
    progress,
    queries,
    retention,
    stops,
    suppressions,
    sweeps,
    unsent,
)
from .direct_groups import Request
from .direct_sends import Accepting, Remembered
from .progress import ChunkCache, Progress


class DispatcherService:
    """Messages, connectors, routes, exports (README.md)."""

    name = "dispatcher"
    db = Database()
    billing = ServiceProxy("billing")
    contacts = ServiceProxy("contacts")
    chunks = ChunkCache()
    remembered = Remembered()

    @rpc
    def ping(self) -> str:
        """Say "pong" once the database has answered."""
        with self.db.transaction() as session:
            session.connection().exec_driver_sql("SELECT 1")
        return "pong"

    @rpc
    def accept(
        self,
        account_id: int,
        messages: list[dict[str, Any]],
        all_or_nothing: bool = False,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Accept messages sent directly."""
        return self._accepting().accept(Request(account_id, messages, all_or_nothing, idempotency_key))

    @rpc
    def accept_all(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Accept requests that arrived together: for each its ``answer``, or the ``error`` it would have got."""
        answers = self._accepting().accept_all([Request(**request) for request in requests])
        return [
            {"error": one.to_data()} if isinstance(one, KeryxError) else {"answer": one} for one in answers
        ]

    def _accepting(self) -> Accepting:
        return Accepting(self.db.transaction, cursor_of, self.billing, self.remembered)

    @rpc
    def message(self, account_id: int, id: int) -> dict[str, Any]:
        """One message with its parts and history."""
        with self.db.transaction() as session:
            return queries.message(cursor_of(session), account_id, id)

    @rpc
    def messages(
        self,
        account_id: int,
        filters: dict[str, Any] | None = None,
        cursor: str | None = None,
        limit: int = 50,
        parts_detail: bool = False,
    ) -> dict[str, Any]:
        """A page of messages, newest first."""
        with self.db.transaction() as session:
            return queries.messages(
                cursor_of(session), account_id, filters or {}, cursor, limit, parts_detail
            )

    @rpc
    def cancel_message(self, account_id: int, id: int) -> dict[str, Any]:
        """End a message that still waits."""
        with self.db.transaction() as session:
            changes = Progress()
            unsent.cancel_message(cursor_of(session), account_id, id, changes)
            changes.tell(cursor_of(session), self.chunks)
            return queries.message(cursor_of(session), account_id, id)

    @rpc
    def create_export(
        self,
        account_id: int,
        what: str,
        format: str,
        filter: dict[str, Any],
        idempotency_key: str | None = None,
        zone: str = "UTC",
    ) -> dict[str, Any]:
        """Begin an export of messages."""
        with self.db.transaction() as session:
            return exports.create(session, account_id, what, format, filter, idempotency_key, zone)

    @rpc
    def get_export(self, account_id: int, id: int) -> dict[str, Any]:
        """How far an export is."""
        with self.db.transaction() as session:
            return kept_exports.get(session, account_id, id)

    @rpc
    def export_chunk(self, account_id: int, id: int, offset: int = 0) -> dict[str, Any]:
        """A piece of a finished export."""
        with self.db.transaction() as session:
            return kept_exports.piece(session, account_id, id, offset)

    @rpc
    def delete_export(self, account_id: int, id: int) -> None:
        """Remove an export, or end it."""
        with self.db.transaction() as session:
            kept_exports.delete(session, account_id, id)

    @rpc
    def set_stop(self, campaign_id: int, version: int, state: str) -> dict[str, Any]:
        """Pause, resume or cancel what is on its way of a campaign."""
        with self.db.transaction() as session:
            return stops.set_stop(cursor_of(session), campaign_id, version, state, self.chunks)

    @rpc
    def create_connector(self, data: dict[str, Any]) -> dict[str, Any]:
        """A new connector."""
        with self.db.transaction() as session:
            return connectors.create(cursor_of(session), data)

    @rpc
    def list_connectors(self) -> dict[str, Any]:
        """All connectors."""
        with self.db.transaction() as session:
            return connectors.list_all(cursor_of(session))

    @rpc
    def get_connector(self, name: str) -> dict[str, Any]:
        """One connector with its state and rates."""
        with self.db.transaction() as session:
            return connectors.get(cursor_of(session), name)

    @rpc
    def update_connector(self, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Change a connector; its senders bind anew."""
        with self.db.transaction() as session:
            return connectors.update(cursor_of(session), name, changes)

    @rpc
    def create_route(self, data: dict[str, Any]) -> dict[str, Any]:
        """A new route."""
        with self.db.transaction() as session:
            return connectors.create_route(cursor_of(session), data)

    @rpc
    def list_routes(self) -> dict[str, Any]:
        """All routes."""
        with self.db.transaction() as session:
            return connectors.list_routes(cursor_of(session))

    @rpc
    def delete_route(self, id: int) -> None:
        """Take a route out of use."""
        with self.db.transaction() as session:
            connectors.delete_route(cursor_of(session), id)

    @rpc
    def overview(self) -> dict[str, int]:
        """What is in hand."""
        with self.db.transaction() as session:
            return queries.overview(cursor_of(session))

    @consumes(NumbersErased, queue="dispatcher.numbers_erased")
    def on_numbers_erased(self, session: Any, event: NumbersErased, envelope: Envelope) -> None:
        """Replace erased numbers in the history."""
        suppressions.lock(cursor_of(session), event.account_id)
        erasing.note(cursor_of(session), event, self.chunks)

    @consumes(SuppressionChanged, queue="dispatcher.suppression_changed")
    def on_suppression_changed(self, session: Any, event: SuppressionChanged, envelope: Envelope) -> None:
        """Follow the blacklist."""
        suppressions.follow(cursor_of(session), event)

    @consumes(SuppressionBulkChanged, queue="dispatcher.suppression_bulk_changed", at_once=1)
    def on_suppression_bulk_changed(
        self, session: Any, event: SuppressionBulkChanged, envelope: Envelope
    ) -> None:
        """Follow large changes of the blacklist, in their order and with one hand."""
        suppressions.follow(cursor_of(session), event)

    @every(1)
    def tell_progress(self) -> None:
        """Tell what a sender has not told: it tells what it flushes itself, five times a second, while it sends."""
        with self.db.transaction() as session:
            progress.gather(cursor_of(session))

    @every(30)
    def follow_up(self) -> None:
        """Ask for what no event has told of the blacklists."""
        self._filling().follow_up()

    @every(1)
    def fill_gaps(self) -> None:
        """Ask for what early events of the blacklists still wait for."""
        self._filling().fill_gaps()

    def _filling(self) -> suppressions.Filling:
        return suppressions.Filling(self.db.transaction, cursor_of, self.contacts)

    @every(1)
    def tell_inbound(self) -> None:
        """Tell what phones have sent."""
        with self.db.transaction() as session:
            inbound.tell(cursor_of(session))

    @every(30, eager=True)
    def sweep(self) -> None:
        """End what is silent for too long, give back what was never accepted, make partitions ahead."""
        with self.db.transaction() as session:
            partitions.ensure(cursor_of(session))
        with self.db.transaction() as session:
            sweeps.expire(cursor_of(session), self.chunks)
            erasing.sweep(cursor_of(session))
        with self.db.transaction() as session:
            retention.forget(cursor_of(session), retention.retention().history_days)
            inbox.forget_old(session)
            idempotency.forget_old(session)
        direct_sends.give_back_old(self.db.transaction, cursor_of, self.billing)
