"""``/audit``: who did what."""

from __future__ import annotations

from typing import Any

from gateway import auth
from gateway.api.resource import Resource
from gateway.clients import services
from gateway.paging import page_of

from .schemas.audit import AuditEntry, AuditListArgs

resource = Resource("audit", description="Who did what with the contacts of the account")


@resource.route("/audit")
@resource.arguments(AuditListArgs, location="query")
@resource.response(200, page_of(AuditEntry))
def list_audit(args: dict[str, Any]) -> Any:
    """Who did what to what, newest first. Nobody can change it."""
    return services().contacts.list_audit(auth.account_id(), **args)
