"""What the operator does to an account's money besides a top-up: corrections and the credit limit.

Each takes the session of its caller's transaction first, and leaves a line in the audit. Money is micro-euro.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from servicekit import idempotency, logs
from servicekit.database import cursor_of

from . import audit, domain, ledger
from .errors import CreditInUse, KeyReused, LimitChanged, Spent, UnknownEntry

log = logs.get(__name__)


def correct(
    session: Any, account_id: int, amount: int, reason: str, corrects: int | None, key: str | None
) -> dict[str, Any]:
    """Add ``amount`` (less than nothing takes away) by a new entry; history is never changed. Once per ``key``.

    ``corrects`` names the entry that was wrong. Raises UnknownEntry when it is not the account's, Spent when there
    is less to take away, KeyReused.
    """

    def produce() -> dict[str, Any]:
        before = ledger.lock_opened(session, account_id)
        entry = domain.correction_entry(account_id, amount, reason, corrects, key or uuid4().hex)
        if ledger.is_posted(session, entry.cause):
            raise KeyReused("This Idempotency-Key was used for a correction before.")
        _refuse_unknown_entry(session, account_id, corrects)
        if before.spendable + amount < 0:
            raise Spent("The account has less than is to be taken away.")
        now = ledger.post(session, [entry])[account_id]
        if (
            amount > 0
            and not before.armed
            and domain.is_armed_after_topup(False, now.low_level, now.available)
        ):
            ledger.set_armed(session, account_id, True)
        audit.note(session, "corrected", account_id, amount=amount, reason=reason, corrects=corrects)
        log.info("corrected", account_id=account_id, amount=amount)
        return {"account_id": account_id, "amount": amount, **_shown(now)}

    request = {"account_id": account_id, "amount": amount, "reason": reason, "corrects": corrects}
    answer: dict[str, Any] = idempotency.remember(
        session, account_id, key, request, produce, operation="billing.correct"
    )
    return answer


def _refuse_unknown_entry(session: Any, account_id: int, entry_id: int | None) -> None:
    if entry_id is None:
        return
    cursor = cursor_of(session)
    cursor.execute("SELECT FROM entries WHERE id = %s AND account_id = %s", (entry_id, account_id))
    if cursor.fetchone() is None:
        raise UnknownEntry("The account has no such entry.")


def credit(session: Any, account_id: int) -> dict[str, Any]:
    """How far below zero the account may go, and where it stands; ``version`` is the limit itself."""
    cursor = cursor_of(session)
    cursor.execute("SELECT available, held, credit_limit FROM balances WHERE account_id = %s", (account_id,))
    available, held, limit = cursor.fetchone() or (0, 0, 0)
    return {
        "account_id": account_id,
        "credit_limit": limit,
        "version": limit,
        "available": available,
        "held": held,
        "spendable": available + limit,
        "currency": domain.CURRENCY,
    }


def set_credit_limit(session: Any, account_id: int, limit: int, expected: int | None) -> dict[str, Any]:
    """Let the account go down to −``limit``; 0 takes the credit away.

    Raises LimitChanged when the limit is not ``expected`` (None: whatever it is), CreditInUse when more of it is used
    already.
    """
    balance = ledger.lock_opened(session, account_id)
    if expected is not None and expected != balance.credit_limit:
        raise LimitChanged("The credit limit was changed since it was read.")
    if balance.available < -limit:
        raise CreditInUse("The account owes more than this limit.")
    if limit != balance.credit_limit:
        cursor_of(session).execute(
            "UPDATE balances SET credit_limit = %s WHERE account_id = %s", (limit, account_id)
        )
        audit.note(session, "credit_limit_set", account_id, before=balance.credit_limit, after=limit)
        log.info("credit_limit_set", account_id=account_id, limit=limit)
    return credit(session, account_id)


def _shown(balance: ledger.Balance) -> dict[str, Any]:
    return {"available": balance.available, "held": balance.held, "currency": domain.CURRENCY}
