"""``/operator/costs`` and ``/operator/margin``: what parts cost the operator, and what remains."""

from __future__ import annotations

import base64
from typing import Any

from gateway.api.resource import Resource
from gateway.clients import services
from gateway.download import XLSX, attachment
from gateway.paging import page_of
from gateway.upload import UPLOADED, uploaded

from .schemas import margin as shapes

resource = Resource("margin", scope="operator", description="Costs and margin for the operator")

MAX_COST_LIST = 2 * 1024 * 1024


@resource.route("/operator/costs")
@resource.arguments(shapes.CostArgs, location="query")
@resource.response(200, shapes.Costs)
def list_costs(args: dict[str, Any]) -> Any:
    """The costs that hold on a day, by connector and prefix."""
    return services().billing.list_costs(**args)


@resource.route("/operator/costs", methods=["POST"])
@resource.arguments(shapes.CostsToSet)
@resource.response(200, shapes.CostsSet)
def set_costs(data: dict[str, Any]) -> Any:
    """Say what a part costs over a connector by prefix, from a day on, which may have passed; null ends a cost.

    A cost counts for whole days of the operator's. Saying the same again changes nothing.
    """
    rows = [[row["prefix"], row["cost"]] for row in data["costs"]]
    return services().billing.set_costs(data["connector"], rows, data["valid_from"])


@resource.route("/operator/costs/history")
@resource.arguments(shapes.CostHistoryArgs, location="query")
@resource.response(200, page_of(shapes.CostSaid))
def cost_history(args: dict[str, Any]) -> Any:
    """Everything that was ever said of costs, newest first."""
    return services().billing.cost_history(**args)


@resource.route("/operator/costs/import", methods=["POST"])
@resource.doc(requestBody=UPLOADED)
@resource.arguments(shapes.CostImportArgs, location="query")
@resource.response(200, shapes.CostImport)
def import_costs(args: dict[str, Any]) -> Any:
    """Take costs over from .xlsx or .csv: all of them, or with 422 `cost_list_refused` nothing.

    Columns: `connector`; `prefix` (up to five digits, `*` is everywhere), or `country` (two letters) and `network`; `cost`
    in euro (`-` ends one); `valid_from`, a day (empty: today).
    """
    return services().billing.import_costs(uploaded(MAX_COST_LIST), **args)


@resource.route("/operator/costs/export")
@resource.response(200, content_type=XLSX, description="The costs, as they can be imported again")
def export_costs() -> Any:
    """The costs that hold today, as .xlsx."""
    file = services().billing.export_costs()
    return attachment(base64.b64decode(file["data_b64"]), "costs.xlsx", XLSX)


@resource.route("/operator/margin")
@resource.arguments(shapes.MarginArgs, location="query")
@resource.response(200, shapes.Margin)
def margin(args: dict[str, Any]) -> Any:
    """What was sold, what it cost and what remains, by connector, account, destination or day.

    Without days: this month up to today. Parts whose cost nobody said are counted apart and left out of the margin.
    """
    return services().billing.margin(**args)


@resource.route("/operator/margin.xlsx")
@resource.arguments(shapes.MarginFilter, location="query")
@resource.response(200, content_type=XLSX, description="The whole report, its totals last")
def margin_file(args: dict[str, Any]) -> Any:
    """The same as .xlsx, whole."""
    file = services().billing.export_margin(**args)
    return attachment(base64.b64decode(file["data_b64"]), file["filename"], XLSX)
