"""``/groups`` and their members."""

from __future__ import annotations

from typing import Any

from gateway import auth, etag
from gateway.api.resource import CONDITIONAL, IDEMPOTENT, Resource, no_content
from gateway.clients import services
from gateway.paging import PageArgs, page_of
from gateway.request import idempotency_key

from .schemas.groups import Group, GroupChanges, Members, MembersResult, NewGroup

resource = Resource("groups", description="Groups of contacts")


@resource.route("/groups", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(NewGroup)
@resource.response(201, Group)
def create_group(data: dict[str, Any]) -> Any:
    """Make a group."""
    return etag.tagged(services().contacts.create_group(auth.account_id(), data, idempotency_key()))


@resource.route("/groups")
@resource.arguments(PageArgs, location="query")
@resource.response(200, page_of(Group))
def list_groups(args: dict[str, Any]) -> Any:
    """All groups, with how many contacts each has."""
    return services().contacts.list_groups(auth.account_id(), **args)


@resource.route("/groups/<id:group_id>")
@resource.response(200, Group)
def get_group(group_id: int) -> Any:
    """One group."""
    return etag.tagged(services().contacts.get_group(auth.account_id(), group_id))


@resource.route("/groups/<id:group_id>", methods=["PATCH"])
@resource.doc(**CONDITIONAL)
@resource.arguments(GroupChanges)
@resource.response(200, Group)
def update_group(changes: dict[str, Any], group_id: int) -> Any:
    """Change name or description."""
    with etag.conflict_shows(lambda: _current(group_id)):
        found = services().contacts.update_group(
            auth.account_id(), group_id, changes, etag.expected_version()
        )
    return etag.tagged(found)


def _current(group_id: int) -> Any:
    return Group().dump(services().contacts.get_group(auth.account_id(), group_id))


@resource.route("/groups/<id:group_id>", methods=["DELETE"])
@resource.doc(**CONDITIONAL)
@resource.response(204)
def delete_group(group_id: int) -> Any:
    """Delete a group; its contacts stay."""
    with etag.conflict_shows(lambda: _current(group_id)):
        services().contacts.delete_group(auth.account_id(), group_id, etag.expected_version())
    return no_content()


@resource.route("/groups/<id:group_id>/members", methods=["PUT"])
@resource.arguments(Members)
@resource.response(200, MembersResult)
def add_members(data: dict[str, Any], group_id: int) -> Any:
    """Put contacts into a group."""
    return services().contacts.add_members(auth.account_id(), group_id, data["contact_ids"])


@resource.route("/groups/<id:group_id>/members", methods=["DELETE"])
@resource.arguments(Members)
@resource.response(200, MembersResult)
def remove_members(data: dict[str, Any], group_id: int) -> Any:
    """Take contacts out of a group."""
    return services().contacts.remove_members(auth.account_id(), group_id, data["contact_ids"])
