"""What can go wrong in notifier; the codes are stable and reach the caller as they are."""

from __future__ import annotations

from contracts.errors import BadRequest, NotFound


class UnknownNotice(NotFound):
    """The account has no such notice."""

    code = "unknown_notice"


class BadCursor(BadRequest):
    """The cursor was not made by this service."""

    code = "bad_cursor"
