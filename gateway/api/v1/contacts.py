"""``/contacts``."""

from __future__ import annotations

from typing import Any

from gateway import auth, etag
from gateway.api.resource import CONDITIONAL, IDEMPOTENT, Resource, no_content
from gateway.clients import services
from gateway.paging import PageArgs, page_of
from gateway.request import idempotency_key

from .schemas.contacts import (
    BulkArgs,
    BulkResult,
    Consent,
    Contact,
    ContactFields,
    ContactListArgs,
    NewConsent,
    NewContact,
)

resource = Resource("contacts", description="People and their numbers")


@resource.route("/contacts", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(NewContact)
@resource.response(201, Contact)
def create_contact(data: dict[str, Any]) -> Any:
    """Make a contact."""
    return etag.tagged(services().contacts.create_contact(auth.account_id(), data, idempotency_key()))


@resource.route("/contacts")
@resource.arguments(ContactListArgs, location="query")
@resource.response(200, page_of(Contact))
def list_contacts(args: dict[str, Any]) -> Any:
    """Find contacts by text, group, or being blacklisted."""
    return services().contacts.list_contacts(auth.account_id(), **args)


@resource.route("/contacts/<id:contact_id>")
@resource.response(200, Contact)
def get_contact(contact_id: int) -> Any:
    """One contact."""
    return etag.tagged(services().contacts.get_contact(auth.account_id(), contact_id))


@resource.route("/contacts/<id:contact_id>", methods=["PATCH"])
@resource.doc(**CONDITIONAL)
@resource.arguments(ContactFields)
@resource.response(200, Contact)
def update_contact(changes: dict[str, Any], contact_id: int) -> Any:
    """Change a part of a contact; `numbers` and `group_ids` are replaced as a whole."""
    found = services().contacts.update_contact(
        auth.account_id(), contact_id, changes, etag.expected_version()
    )
    return etag.tagged(found)


@resource.route("/contacts/<id:contact_id>", methods=["DELETE"])
@resource.doc(**CONDITIONAL)
@resource.response(204)
def delete_contact(contact_id: int) -> Any:
    """Delete a contact; the blacklist keeps its numbers."""
    services().contacts.delete_contact(auth.account_id(), contact_id, etag.expected_version())
    return no_content()


@resource.route("/contacts/<id:contact_id>/consents", methods=["POST"])
@resource.arguments(NewConsent)
@resource.response(201, Consent)
def record_consent(data: dict[str, Any], contact_id: int) -> Any:
    """Write down that they agreed to get messages: when, how, in what words."""
    return services().contacts.record_consent(auth.account_id(), contact_id, data)


@resource.route("/contacts/<id:contact_id>/consents")
@resource.arguments(PageArgs, location="query")
@resource.response(200, page_of(Consent))
def list_consents(args: dict[str, Any], contact_id: int) -> Any:
    """The consents of the contact's numbers, newest first."""
    return services().contacts.list_consents(auth.account_id(), contact_id, **args)


@resource.route("/contacts/bulk", methods=["POST"])
@resource.arguments(BulkArgs)
@resource.response(200, BulkResult)
def bulk(data: dict[str, Any]) -> Any:
    """Do one thing to many contacts: groups, blacklist, delete."""
    action, selection = data.pop("action"), data.pop("selection")
    return services().contacts.bulk(auth.account_id(), action, selection, data)
