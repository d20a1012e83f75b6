"""``/notices``."""

from __future__ import annotations

from typing import Any

from gateway import auth
from gateway.api.resource import Resource
from gateway.clients import services
from gateway.paging import page_of

from .schemas.notices import Notice, NoticeListArgs, ReadNotices, ReadResult, Unread

resource = Resource("notices", description="What happened in the account")


def _locale() -> str:
    return str(auth.identity().settings["locale"])


@resource.route("/notices")
@resource.arguments(NoticeListArgs, location="query")
@resource.response(200, page_of(Notice))
def list_notices(args: dict[str, Any]) -> Any:
    """Notices, newest first, in the language of the account."""
    return services().notifier.notices(auth.account_id(), _locale(), **args)


@resource.route("/notices/unread")
@resource.response(200, Unread)
def unread_notices() -> Any:
    """How many nobody has read yet."""
    return services().notifier.unread_notices(auth.account_id())


@resource.route("/notices/<id:notice_id>/read", methods=["POST"])
@resource.response(200, Notice)
def read_notice(notice_id: int) -> Any:
    """One was read; read before, it keeps its time."""
    return services().notifier.read_notice(auth.account_id(), notice_id, _locale())


@resource.route("/notices/read", methods=["POST"])
@resource.arguments(ReadNotices)
@resource.response(200, ReadResult)
def read_notices(data: dict[str, Any]) -> Any:
    """All were read, or those up to the newest that was shown."""
    return services().notifier.read_notices(auth.account_id(), data.get("until"))
