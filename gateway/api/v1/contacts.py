"""``/contacts``."""

from __future__ import annotations

from typing import Any

from gateway import auth, etag
from gateway.api.resource import CONDITIONAL, IDEMPOTENT, Resource, no_content
from gateway.clients import services
from gateway.paging import PageArgs, page_of
from gateway.request import idempotency_key

from .schemas.contacts import (
    Consent,
    Contact,
    ContactFields,
    ContactListArgs,
    Duplicates,
    DuplicatesArgs,
    Merge,
    MergedContact,
    MergeRecord,
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
    with etag.conflict_shows(lambda: _current(contact_id)):
        found = services().contacts.update_contact(
            auth.account_id(), contact_id, changes, etag.expected_version()
        )
    return etag.tagged(found)


@resource.route("/contacts/<id:contact_id>", methods=["DELETE"])
@resource.doc(**CONDITIONAL)
@resource.response(204)
def delete_contact(contact_id: int) -> Any:
    """Delete a contact; it can be restored for a week. The blacklist keeps its numbers."""
    with etag.conflict_shows(lambda: _current(contact_id)):
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


@resource.route("/contacts/duplicates")
@resource.arguments(DuplicatesArgs, location="query")
@resource.response(200, page_of(Duplicates))
def list_duplicates(args: dict[str, Any]) -> Any:
    """Contacts that may be one person: the same e-mail or name, whatever its case and accents.

    A page looks at up to 10,000 contacts, so it may be short, or empty, with more behind it: go on while there is a
    `next_cursor`.
    """
    return services().contacts.list_duplicates(auth.account_id(), **args)


@resource.route("/contacts/<id:contact_id>/merge", methods=["POST"])
@resource.doc(**CONDITIONAL)
@resource.arguments(Merge)
@resource.response(200, MergedContact)
def merge_contacts(data: dict[str, Any], contact_id: int) -> Any:
    """Merge duplicates into this contact. It keeps its id, its primary number and every field it has.

    Blank fields are filled from the others in the order given, notes are added, numbers and groups are taken over; the
    others are gone. `merge_id` undoes it.
    """
    with etag.conflict_shows(lambda: _current(contact_id)):
        found = services().contacts.merge_contacts(
            auth.account_id(), contact_id, data["others"], etag.expected_version()
        )
    return etag.tagged(found)


@resource.route("/contacts/merges")
@resource.arguments(PageArgs, location="query")
@resource.response(200, page_of(MergeRecord))
def list_merges(args: dict[str, Any]) -> Any:
    """Merges, newest first."""
    return services().contacts.list_merges(auth.account_id(), **args)


@resource.route("/contacts/merges/<id:merge_id>")
@resource.response(200, MergeRecord)
def get_merge(merge_id: int) -> Any:
    """One merge, and whether it can be undone."""
    return services().contacts.get_merge(auth.account_id(), merge_id)


@resource.route("/contacts/merges/<id:merge_id>/undo", methods=["POST"])
@resource.doc(**CONDITIONAL)
@resource.response(200, MergeRecord)
def undo_merge(merge_id: int) -> Any:
    """Undo a merge within a week: the others are contacts again, with their numbers, groups and fields.

    409 `not_undoable_…` says why it cannot be. After `not_undoable_changed` it can with the contact's present ETag in
    `If-Match`; what was changed since then stays, and `not_restored` names it.
    """

    def current() -> Any:
        return _current(int(services().contacts.get_merge(auth.account_id(), merge_id)["contact_id"]))

    with etag.conflict_shows(current):
        return services().contacts.undo_merge(auth.account_id(), merge_id, etag.expected_version())


@resource.route("/contacts/<id:contact_id>/restore", methods=["POST"])
@resource.response(200, Contact)
def restore_contact(contact_id: int) -> Any:
    """Bring a deleted contact back, while it is kept, with the numbers nobody else has meanwhile."""
    return etag.tagged(services().contacts.restore_contact(auth.account_id(), contact_id))


def _current(contact_id: int) -> Any:
    return Contact().dump(services().contacts.get_contact(auth.account_id(), contact_id))
