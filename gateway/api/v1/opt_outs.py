"""``/opt-outs``."""

from __future__ import annotations

from typing import Any

from gateway import auth, etag
from gateway.api.resource import CONDITIONAL, Resource
from gateway.clients import services
from gateway.paging import page_of

from .schemas.opt_outs import OptOut, OptOutListArgs, OptOutSettings, Rejection

resource = Resource("opt-outs", description="Requests to be left alone, by link or keyword")


@resource.route("/opt-outs")
@resource.arguments(OptOutListArgs, location="query")
@resource.response(200, page_of(OptOut))
def list_opt_outs(args: dict[str, Any]) -> Any:
    """Requests, newest first."""
    return services().contacts.list_opt_outs(auth.account_id(), **args)


@resource.route("/opt-outs/<id:opt_out_id>/approve", methods=["POST"])
@resource.response(200, OptOut)
def approve_opt_out(opt_out_id: int) -> Any:
    """Follow a request: its number is blacklisted. One that is approved already stays so."""
    return services().contacts.approve_opt_out(auth.account_id(), opt_out_id)


@resource.route("/opt-outs/<id:opt_out_id>/reject", methods=["POST"])
@resource.arguments(Rejection)
@resource.response(200, OptOut)
def reject_opt_out(data: dict[str, Any], opt_out_id: int) -> Any:
    """Do not follow a request, and say why."""
    return services().contacts.reject_opt_out(auth.account_id(), opt_out_id, data["reason"])


@resource.route("/opt-outs/settings")
@resource.response(200, OptOutSettings)
def get_opt_out_settings() -> Any:
    """Whether requests are approved at once."""
    return etag.tagged(services().contacts.opt_out_settings(auth.account_id()))


@resource.route("/opt-outs/settings", methods=["PATCH"])
@resource.doc(**CONDITIONAL)
@resource.arguments(OptOutSettings)
@resource.response(200, OptOutSettings)
def update_opt_out_settings(changes: dict[str, Any]) -> Any:
    """Change it, for requests from now on. Those that wait go on waiting."""
    found = services().contacts.update_opt_out_settings(auth.account_id(), changes, etag.expected_version())
    return etag.tagged(found)
