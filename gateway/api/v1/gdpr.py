"""``/contacts/gdpr``: everything about a number, handed out or erased."""

from __future__ import annotations

from typing import Any

from contracts.errors import NotFound
from gateway import auth
from gateway.api.resource import Resource
from gateway.clients import services
from gateway.paging import PageArgs

from .schemas.gdpr import Erased, PersonalData

resource = Resource("gdpr", description="Everything about a number, handed out or erased")

NUMBER = "<string(maxlength=40):msisdn>"


@resource.route(f"/contacts/gdpr/{NUMBER}")
@resource.arguments(PageArgs, location="query")
@resource.response(200, PersonalData)
def about_number(args: dict[str, Any], msisdn: str) -> Any:
    """All that is kept about a number: contact, consents, requests, blacklisting, frozen audiences; messages page by page."""
    found: dict[str, Any] = services().contacts.about_number(auth.account_id(), msisdn)
    messages = _messages(found, args["cursor"], args["limit"])
    return {**found, "messages": messages}


@resource.route(f"/contacts/gdpr/{NUMBER}/erase", methods=["POST"])
@resource.response(202, Erased)
def erase_number(msisdn: str) -> Any:
    """Erase a number with its contact and all other numbers of that contact. This cannot be undone.

    The history keeps what was sent and what it cost, without number and text, as soon as nothing is on its way to it. Who
    had opted out stays so: a keyed hash of the number is kept, and blocks it should it ever come again.
    """
    _messages(services().contacts.knows_number(auth.account_id(), msisdn), None, 1)
    return services().contacts.erase_number(auth.account_id(), msisdn)


def _messages(found: dict[str, Any], cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of the messages to the number. Raises NotFound when neither they nor contacts know of it."""
    wanted = {"to": found["number"]}
    messages: dict[str, Any] = services().dispatcher.messages(auth.account_id(), wanted, cursor, limit, False)
    if not found.pop("known") and not messages["data"]:
        raise NotFound("unknown_number", "Nothing is known about this number.")
    return messages
