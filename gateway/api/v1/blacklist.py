"""``/blacklist``."""

from __future__ import annotations

from typing import Any

from gateway import auth
from gateway.api.resource import Resource, no_content
from gateway.clients import services
from gateway.paging import PageArgs, page_of

from .schemas.blacklist import Suppress, Suppressed, SuppressResult

resource = Resource("blacklist", description="Numbers that are never sent to")


@resource.route("/blacklist")
@resource.arguments(PageArgs, location="query")
@resource.response(200, page_of(Suppressed))
def list_suppressed(args: dict[str, Any]) -> Any:
    """All blacklisted numbers."""
    return services().contacts.list_suppressed(auth.account_id(), **args)


@resource.route("/blacklist", methods=["POST"])
@resource.arguments(Suppress)
@resource.response(200, SuppressResult)
def suppress(data: dict[str, Any]) -> Any:
    """Blacklist numbers, in any shape.

    From now on nothing is sent to them, whatever the channel; what is on its way stops too.
    """
    return services().contacts.suppress(auth.account_id(), data["numbers"], data["reason"], "api")


@resource.route("/blacklist/<string(maxlength=40):msisdn>", methods=["DELETE"])
@resource.response(204)
def unsuppress(msisdn: str) -> Any:
    """Take a number off the blacklist."""
    services().contacts.unsuppress(auth.account_id(), msisdn)
    return no_content()
