"""Entry points of costs and of the margin; a part of BillingService."""

from __future__ import annotations

import base64
from typing import Any

import eventlet
from nameko.extensions import DependencyProvider

from servicekit.service import rpc

from ..pricelists.service import decoded
from ..schemas import before, load
from . import costs as costing
from . import lists, report, schemas
from .settings import operator_zone


class OperatorZone(DependencyProvider):
    """The time zone of the operator's days, read once."""

    def setup(self) -> None:
        """Read it. Ends the process with one sentence when there is no such zone."""
        self._zone = operator_zone()

    def get_dependency(self, worker_ctx: Any) -> str:
        """The same for every worker."""
        return self._zone


class MarginCalls:
    """What parts cost the operator, and what remains."""

    db: Any
    operator_zone = OperatorZone()

    @rpc
    def set_costs(
        self, connector: str, costs: list[list[Any]], valid_from: str | None = None
    ) -> dict[str, Any]:
        """Say what parts cost over a connector by prefix, from a day on, which may have passed."""
        asked = load(schemas.Costs, connector=connector, costs=costs, valid_from=valid_from)
        with self.db.transaction() as session:
            return costing.set_costs(session, **asked, zone=self.operator_zone)

    @rpc
    def list_costs(
        self, connector: str | None = None, day: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> dict[str, Any]:
        """The costs that hold on a day."""
        asked = load(schemas.CostPage, connector=connector, day=day, limit=limit)
        with self.db.transaction() as session:
            asked["day"] = asked["day"] or costing.today(session, self.operator_zone)
            return costing.page(session, **asked, after=schemas.after(cursor))

    @rpc
    def cost_history(
        self,
        connector: str | None = None,
        prefix: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Any]:
        """Everything that was ever said of costs, newest first."""
        asked = load(schemas.CostHistory, connector=connector, prefix=prefix, limit=limit)
        with self.db.transaction() as session:
            return costing.history(session, **asked, before=before(cursor))

    @rpc
    def import_costs(self, data_b64: str, dry_run: bool = False) -> dict[str, Any]:
        """Take a workbook of costs over, whole or not at all."""
        data = decoded(data_b64)
        with self.db.transaction() as session:
            return lists.take_over(session, data, self.operator_zone, dry_run)

    @rpc
    def export_costs(self) -> dict[str, Any]:
        """The costs that hold today as a workbook."""
        with self.db.transaction() as session:
            data = lists.export(session, self.operator_zone, _tick)
        return {"data_b64": base64.b64encode(data).decode("ascii")}

    @rpc
    def margin(
        self,
        by: str,
        since: str | None = None,
        until: str | None = None,
        account_id: int | None = None,
        connector: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Any]:
        """What was sold, what it cost, what remains."""
        given = {"from": since, "until": until, "by": by, "account_id": account_id, "connector": connector}
        found = load(schemas.MarginPage, **given, limit=limit)
        with self.db.transaction() as session:
            asked = schemas.asked(found, costing.today(session, self.operator_zone))
            return report.page(session, asked, cursor, found["limit"])

    @rpc
    def export_margin(
        self,
        by: str,
        since: str | None = None,
        until: str | None = None,
        account_id: int | None = None,
        connector: str | None = None,
    ) -> dict[str, Any]:
        """The whole report as a workbook."""
        given = {"from": since, "until": until, "by": by, "account_id": account_id, "connector": connector}
        found = load(schemas.Margin, **given)
        with self.db.transaction() as session:
            asked = schemas.asked(found, costing.today(session, self.operator_zone))
            header, rows = report.table(session, asked)
        data = lists.workbook("margin", header, rows, _tick)
        name = f"margin-{asked.by}-{asked.since}-{asked.until}.xlsx"
        return {"data_b64": base64.b64encode(data).decode("ascii"), "filename": name}


def _tick() -> None:
    eventlet.sleep(0)
