"""Entry points of price lists as files, and of their history; a part of BillingService."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import eventlet

from servicekit.service import rpc

from .. import queries, schemas
from . import importing, sheets


class PriceListCalls:
    """Price lists in and out."""

    db: Any

    @rpc
    def import_prices(
        self, data_b64: str, account_id: int | None = None, dry_run: bool = False
    ) -> dict[str, Any]:
        """Take a workbook over into a list, whole or not at all."""
        asked = schemas.load(schemas.PriceList, account_id=account_id)
        data = decoded(data_b64)
        with self.db.transaction() as session:
            return importing.take_over(session, asked["account_id"], data, dry_run)

    @rpc
    def export_prices(self, account_id: int | None = None) -> dict[str, Any]:
        """A list as a workbook."""
        asked = schemas.load(schemas.PriceList, account_id=account_id)
        with self.db.transaction() as session:
            data = importing.export(session, asked["account_id"], lambda: eventlet.sleep(0))
        return {"data_b64": base64.b64encode(data).decode("ascii")}

    @rpc
    def price_history(
        self,
        account_id: int | None = None,
        price_class: str | None = None,
        prefix: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Any]:
        """Everything that was ever said in a list, newest first."""
        wanted = {"price_class": price_class, "prefix": prefix, "limit": limit}
        asked = schemas.load(schemas.PriceHistory, account_id=account_id, **wanted)
        with self.db.transaction() as session:
            return queries.price_history(session, **asked, before=schemas.before(cursor))


def decoded(data_b64: str) -> bytes:
    """The octets of a file as it came over RPC. Raises sheets.Unreadable."""
    try:
        return base64.b64decode(data_b64, validate=True)
    except (binascii.Error, ValueError):
        raise sheets.Unreadable("The file did not arrive whole.") from None
