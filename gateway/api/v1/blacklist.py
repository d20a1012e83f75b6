"""``/blacklist``."""

from __future__ import annotations

from typing import Any

from gateway import auth
from gateway.api.resource import Resource, no_content
from gateway.clients import services
from gateway.paging import page_of

from .schemas.blacklist import Suppress, Suppressed, SuppressedArgs, SuppressResult

resource = Resource("blacklist", description="Numbers that are never sent to")


@resource.route("/blacklist")
@resource.arguments(SuppressedArgs, location="query")
@resource.response(200, page_of(Suppressed))
def list_suppressed(args: dict[str, Any]) -> Any:
    """Blacklisted numbers in numeric order: all, those that begin with some digits, or came one way."""
    return services().contacts.list_suppressed(auth.account_id(), **args)


@resource.route("/blacklist", methods=["POST"])
@resource.arguments(Suppress)
@resource.response(200, SuppressResult)
def suppress(data: dict[str, Any]) -> Any:
    """Blacklist numbers: a list of them in any shape, or a text that was pasted.

    From now on nothing is sent to them, whatever the channel; what is on its way stops too. A number that its owner put on the
    list becomes the account's: its owner alone cannot take it off again.
    """
    account_id, reason, source = auth.account_id(), data["reason"], data.get("source")
    if "text" in data:
        return services().contacts.suppress_text(account_id, data["text"], reason, source or "paste")
    return services().contacts.suppress(account_id, data["numbers"], reason, source or "api")


@resource.route("/blacklist/<string(maxlength=40):msisdn>", methods=["DELETE"])
@resource.response(204)
def unsuppress(msisdn: str) -> Any:
    """Take a number off the blacklist."""
    services().contacts.unsuppress(auth.account_id(), msisdn)
    return no_content()
