"""The ledger as a file: asked for here, kept by ``servicekit.exports``, written by ``services.billing.exporter``."""

from __future__ import annotations

from typing import Any

from servicekit import exports
from servicekit.service import rpc

from . import schemas


class StatementCalls:
    """Entry points of exports; a part of BillingService."""

    db: Any

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
        """Begin to write the account's ledger, or what a filter leaves of it, into a file; once per key."""
        filters = checked(account_id, what, filter)
        with self.db.transaction() as session:
            return exports.create(session, account_id, what, format, filters, idempotency_key, zone)

    @rpc
    def get_export(self, account_id: int, export_id: int) -> dict[str, Any]:
        """How far it is."""
        with self.db.transaction() as session:
            return exports.get(session, account_id, export_id)

    @rpc
    def export_chunk(self, account_id: int, export_id: int, offset: int) -> dict[str, Any]:
        """A piece of the file."""
        with self.db.transaction() as session:
            return exports.piece(session, account_id, export_id, offset)

    @rpc
    def delete_export(self, account_id: int, export_id: int) -> None:
        """Remove it, or end it."""
        with self.db.transaction() as session:
            exports.delete(session, account_id, export_id)


def checked(account_id: int, what: str, filters: dict[str, Any]) -> dict[str, Any]:
    """The filters that can be kept: those of ``ledger``. Raises InvalidFields, Invalid for another ``what``."""
    if what != "ledger":
        raise exports.invalid("/what", "The ledger can be exported here.")
    schemas.load(schemas.StatementFilter, account_id=account_id, **filters)
    return filters
