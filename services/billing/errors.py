"""Failures of billing that a caller can act on; each has a stable code."""

from __future__ import annotations

from contracts.errors import (
    RETRY_AT,
    BadRequest,
    Conflict,
    InsufficientFunds,
    Invalid,
    NotFound,
    PreconditionFailed,
    TooMany,
)


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


class CreditDiffers(Conflict):
    """The cause brought (or took back) money before, and it was another amount or another account's."""

    code = "credit_differs"


class UnknownCredit(NotFound):
    """Nothing was credited by this cause, or it was another account's."""

    code = "unknown_credit"


class OverReversed(Conflict):
    """More would be taken back than the cause had brought."""

    code = "over_reversed"


class Spent(InsufficientFunds):
    """The money that is to be taken back is spent or held already."""

    code = "insufficient_funds"


class UnknownEntry(NotFound):
    """The account has no such entry in its ledger."""

    code = "unknown_entry"


class CreditInUse(Conflict):
    """The account owes more than the new credit limit would allow."""

    code = "credit_in_use"


class LimitChanged(PreconditionFailed):
    """Somebody set another limit since it was read."""

    code = "version_mismatch"


class SpendLimitReached(TooMany):
    """A user, a key or the account has spent what it may today; ``errors`` says when the next day begins."""

    code = "spend_limit_reached"

    @classmethod
    def until(cls, moment: str) -> SpendLimitReached:
        """The limit holds until ``moment`` (ISO 8601)."""
        wait = {"pointer": "", "code": RETRY_AT, "detail": moment}
        return cls(f"The spend limit of the day is reached; it begins anew at {moment}.", [wait])


class UnknownSpendLimit(NotFound):
    """No such spend limit was set for the account."""

    code = "unknown_spend_limit"


class InvalidFields(Invalid):
    """One or more values are wrong; ``errors`` names each by a JSON pointer."""

    code = "invalid_fields"


class BadCursor(BadRequest):
    """The cursor was not made by this service."""

    code = "bad_cursor"
