"""``/me`` and ``/settings``."""

from __future__ import annotations

from typing import Any

from gateway import auth, etag
from gateway.api.resource import CONDITIONAL, Resource
from gateway.clients import services

from .schemas.account import Me, Settings

resource = Resource("account", description="Who am I, and my settings")


@resource.route("/me")
@resource.response(200, Me)
def me() -> Any:
    """Who holds this key."""
    who = auth.identity()
    return {**vars(who), "scopes": sorted(who.scopes)}


@resource.route("/settings")
@resource.response(200, Settings)
def get_settings() -> Any:
    """The account's settings.

    The `ETag` of the answer goes into `If-Match` of a change.
    """
    return etag.tagged(services().accounts.get_settings(auth.account_id()))


@resource.route("/settings", methods=["PATCH"])
@resource.doc(**CONDITIONAL)
@resource.arguments(Settings)
@resource.response(200, Settings)
def update_settings(changes: dict[str, Any]) -> Any:
    """Change a part of the settings.

    What is not sent stays. With `If-Match`, 412 when somebody changed them since.
    """
    account_id = auth.account_id()
    changed = services().accounts.update_settings(account_id, changes, etag.expected_version())
    auth.forget_account(account_id)
    return etag.tagged(changed)
