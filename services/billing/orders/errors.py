"""Failures of orders that a caller can act on."""

from __future__ import annotations

from contracts.errors import Conflict, NotFound, PreconditionFailed


class UnknownOrder(NotFound):
    """There is no such order, or it is another account's."""

    code = "unknown_order"


class UnknownPackage(NotFound):
    """There is no such package, or it is no longer sold."""

    code = "unknown_package"


class NoReceipt(Conflict):
    """The order was not paid, so there is no receipt of it."""

    code = "no_receipt"


class ProfileChanged(PreconditionFailed):
    """Somebody changed the billing profile since it was read."""

    code = "version_mismatch"
