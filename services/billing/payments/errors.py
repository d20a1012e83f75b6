"""Failures of payments, statements and vouchers that a caller can act on."""

from __future__ import annotations

from contracts.errors import BadRequest, Conflict, Invalid, NotFound, TooMany


class UnknownDeposit(NotFound):
    """There is no such payment."""

    code = "unknown_deposit"


class DepositDecided(Conflict):
    """The payment is not waiting for a decision (or, to be reversed, was not credited)."""

    code = "deposit_decided"


class DepositDiffers(Conflict):
    """The payment does not pay that order; ``detail`` says in what they differ."""

    code = "deposit_differs"


class NotReversible(Conflict):
    """Only a bank deposit is reversed by hand, and only as long as nothing of its order was refunded."""

    code = "not_reversible"


class NothingToRefund(Conflict):
    """The order was not paid, or less of it is left than is to be given back."""

    code = "nothing_to_refund"


class RefundInProgress(Conflict):
    """Another refund of the order is not settled yet."""

    code = "refund_in_progress"


class UnknownRefund(NotFound):
    """There is no such refund in doubt."""

    code = "unknown_refund"


class BadStatement(Invalid):
    """The statement can not be read, or not to its end; nothing of it was taken."""

    code = "bad_statement"


class StatementTooLarge(BadRequest):
    """More than is taken at once."""

    code = "statement_too_large"


class UnknownStatement(NotFound):
    """There is no such import."""

    code = "unknown_statement"


class UnknownProfile(NotFound):
    """There is no CSV profile of that name."""

    code = "unknown_profile"


class UnknownVoucher(NotFound):
    """There is no such voucher."""

    code = "unknown_voucher"


class UnknownBatch(NotFound):
    """There is no such batch of vouchers."""

    code = "unknown_voucher_batch"


class VoucherSpent(Conflict):
    """The voucher was used: by this account, or as often as it may be."""

    code = "voucher_used"


class VoucherOver(Conflict):
    """The voucher expired or was withdrawn."""

    code = "voucher_expired"


class TooManyGuesses(TooMany):
    """Too many wrong codes; wait a quarter of an hour."""

    code = "too_many_guesses"
