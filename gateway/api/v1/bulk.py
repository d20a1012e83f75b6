"""``/contacts/bulk``: one action on many contacts, and its undoing."""

from __future__ import annotations

from typing import Any

from gateway import auth
from gateway.api.resource import IDEMPOTENT, Resource
from gateway.clients import services
from gateway.paging import PageArgs, page_of
from gateway.request import idempotency_key

from .schemas.bulk import BulkArgs, BulkJob

resource = Resource("bulk", description="One action on many contacts")

OVER = frozenset({"done", "failed", "undone"})


@resource.route("/contacts/bulk", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(BulkArgs)
@resource.response(200, BulkJob)
@resource.alt_response(202, schema=BulkJob, success=True, description="More than 1,000 contacts; poll it")
def bulk(data: dict[str, Any]) -> Any:
    """Do one thing to many contacts: groups, blacklist, delete. Up to 1,000 at once, more as a job."""
    action, selection = data.pop("action"), data.pop("selection")
    job = services().contacts.bulk(auth.account_id(), action, selection, data, idempotency_key())
    return job, _status(job)


@resource.route("/contacts/bulk")
@resource.arguments(PageArgs, location="query")
@resource.response(200, page_of(BulkJob))
def list_bulk(args: dict[str, Any]) -> Any:
    """Bulk actions, newest first."""
    return services().contacts.list_bulk(auth.account_id(), **args)


@resource.route("/contacts/bulk/<id:bulk_id>")
@resource.response(200, BulkJob)
def get_bulk(bulk_id: int) -> Any:
    """How far it is, and whether it can be undone."""
    return services().contacts.get_bulk(auth.account_id(), bulk_id)


@resource.route("/contacts/bulk/<id:bulk_id>/undo", methods=["POST"])
@resource.response(200, BulkJob)
@resource.alt_response(202, schema=BulkJob, success=True, description="More than 1,000 contacts; poll it")
def undo_bulk(bulk_id: int) -> Any:
    """Undo it: what others have changed since stays. 409 `not_undoable_…` says why it cannot be."""
    job = services().contacts.undo_bulk(auth.account_id(), bulk_id)
    return job, _status(job)


def _status(job: dict[str, Any]) -> int:
    return 200 if job["state"] in OVER else 202
