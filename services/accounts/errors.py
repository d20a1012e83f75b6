"""What can go wrong in accounts; the codes are stable and reach the caller as they are."""

from __future__ import annotations

from contracts.errors import BadRequest, Conflict, Invalid, NotFound, PreconditionFailed, Unauthorized


class InvalidApiKey(Unauthorized):
    """The key is malformed, unknown, revoked or expired; which of these is never told."""

    code = "invalid_api_key"


class UnknownAccount(NotFound):
    """There is no such account."""

    code = "unknown_account"


class UnknownApiKey(NotFound):
    """The account has no such key."""

    code = "unknown_api_key"


class EmailTaken(Conflict):
    """Another user signs in with this e-mail address."""

    code = "email_taken"


class SettingsChanged(PreconditionFailed):
    """Somebody changed the settings since they were read."""

    code = "version_mismatch"


class InvalidFields(Invalid):
    """One or more fields are wrong; ``errors`` names each."""

    code = "invalid_fields"


class BadCursor(BadRequest):
    """The cursor was not made by this service."""

    code = "bad_cursor"
