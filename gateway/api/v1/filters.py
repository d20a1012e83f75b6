"""``/filters``: searches with a name."""

from __future__ import annotations

from typing import Any

from gateway import auth, etag
from gateway.api.resource import CONDITIONAL, IDEMPOTENT, Resource, no_content
from gateway.clients import services
from gateway.paging import PageArgs, page_of
from gateway.request import idempotency_key

from .schemas.filters import FilterChanges, NewFilter, SavedFilter

resource = Resource("filters", description="Searches with a name, to be shown, acted upon and sent to")


@resource.route("/filters", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(NewFilter)
@resource.response(201, SavedFilter)
def create_filter(data: dict[str, Any]) -> Any:
    """Save a filter."""
    return etag.tagged(services().contacts.create_filter(auth.account_id(), data, idempotency_key()))


@resource.route("/filters")
@resource.arguments(PageArgs, location="query")
@resource.response(200, page_of(SavedFilter))
def list_filters(args: dict[str, Any]) -> Any:
    """All saved filters."""
    return services().contacts.list_filters(auth.account_id(), **args)


@resource.route("/filters/<id:filter_id>")
@resource.response(200, SavedFilter)
def get_filter(filter_id: int) -> Any:
    """One saved filter."""
    return etag.tagged(services().contacts.get_filter(auth.account_id(), filter_id))


@resource.route("/filters/<id:filter_id>", methods=["PATCH"])
@resource.doc(**CONDITIONAL)
@resource.arguments(FilterChanges)
@resource.response(200, SavedFilter)
def update_filter(changes: dict[str, Any], filter_id: int) -> Any:
    """Change name or filter; campaigns that are under way keep what they were started with."""
    with etag.conflict_shows(
        lambda: SavedFilter().dump(services().contacts.get_filter(auth.account_id(), filter_id))
    ):
        found = services().contacts.update_filter(
            auth.account_id(), filter_id, changes, etag.expected_version()
        )
    return etag.tagged(found)


@resource.route("/filters/<id:filter_id>", methods=["DELETE"])
@resource.doc(**CONDITIONAL)
@resource.response(204)
def delete_filter(filter_id: int) -> Any:
    """Delete a saved filter; its contacts stay."""
    services().contacts.delete_filter(auth.account_id(), filter_id, etag.expected_version())
    return no_content()
