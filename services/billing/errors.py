"""Failures of billing that a caller can act on; each has a stable code."""

from __future__ import annotations

from contracts.errors import BadRequest, Conflict, Invalid, NotFound


class UnknownHold(NotFound):
    """An outcome names a hold that is not there, or another account's."""

    code = "unknown_hold"


class HoldInUse(Conflict):
    """Part of the hold was captured or released already, so it can not be taken back as a whole."""

    code = "hold_in_use"


class KeyReused(Conflict):
    """The key paid for a top-up so long ago that its answer is forgotten; it will not pay for another."""

    code = "idempotency_key_reused"


class OverSettled(Conflict):
    """An outcome claims more than its hold has left: two services' books differ, and somebody must look."""

    code = "over_settled"


class InvalidFields(Invalid):
    """One or more values are wrong; ``errors`` names each by a JSON pointer."""

    code = "invalid_fields"


class BadCursor(BadRequest):
    """The cursor was not made by this service."""

    code = "bad_cursor"
