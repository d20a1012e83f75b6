"""Vouchers: codes made in batches, shown once, kept as hashes; redeemed once by an account, and as often as they may be."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from contracts.errors import RETRY_AT, KeryxError
from servicekit import idempotency, logs
from servicekit.database import Database, cursor_of

from .. import audit, ledger, metrics
from ..queries import as_time
from .errors import TooManyGuesses, UnknownBatch, UnknownVoucher, VoucherOver, VoucherSpent
from .models import Voucher, VoucherBatch, VoucherUse

log = logs.get(__name__)

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: none of I, L, O, U
LENGTH = 16  # of 32: 80 bits, which nobody guesses
GUESSES = 10
GUESS_MINUTES = 15

_GREEK = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX")
_ALIKE = str.maketrans("ILO", "110")

_GUESS = """
INSERT INTO voucher_guesses AS g (account_id, guesses) VALUES (%(account_id)s, 1)
ON CONFLICT (account_id) DO UPDATE SET
    guesses = CASE WHEN g.since < now() - make_interval(mins => %(minutes)s) THEN 1 ELSE g.guesses + 1 END,
    since = CASE WHEN g.since < now() - make_interval(mins => %(minutes)s) THEN now() ELSE g.since END
RETURNING guesses, since + make_interval(mins => %(minutes)s)
"""


def normal(code: str) -> str:
    """A code as it was made, whatever case, spaces, dashes and letters that look alike it was typed with."""
    plain = re.sub(r"[\s\-]", "", code.upper().translate(_GREEK))
    return plain.translate(_ALIKE)


def hashed(code: str) -> bytes:
    """What is stored of a code. One fast hash is enough for 80 bits of chance."""
    return hashlib.blake2b(normal(code).encode(), digest_size=32, person=b"keryx.voucher").digest()


def make(
    session: Any,
    name: str,
    value: int,
    codes: int,
    max_uses: int,
    expires_at: datetime | None,
    key: str | None,
) -> dict[str, Any]:
    """A batch of so many codes, told this once; under a repeated ``key`` the same batch without them."""
    made: list[str] = []

    def produce() -> dict[str, Any]:
        batch = VoucherBatch(name=name, value=value, codes=codes, max_uses=max_uses, expires_at=expires_at)
        session.add(batch)
        session.flush()
        made.extend("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(codes))
        session.add_all(
            Voucher(batch_id=batch.id, code_hash=hashed(code), hint=code[-4:], max_uses=max_uses, uses=0)
            for code in made
        )
        session.flush()
        audit.note(session, "vouchers_made", batch_id=batch.id, codes=codes, value=value, max_uses=max_uses)
        return {"id": batch.id}

    expiry = expires_at.isoformat() if expires_at else None
    request = {"name": name, "value": value, "codes": codes, "max_uses": max_uses, "expires_at": expiry}
    answer = idempotency.remember(session, 0, key, request, produce, operation="billing.make_vouchers")
    shown = ["-".join(code[at : at + 4] for at in range(0, LENGTH, 4)) for code in made]
    return {**batch_shown(session, answer["id"]), "secrets": shown or None}


def redeem(db: Database, account_id: int, code: str, key: str | None) -> dict[str, Any]:
    """Credit the account with what the voucher is worth, once. Under the same ``key`` the same answer.

    Raises TooManyGuesses, UnknownVoucher, VoucherOver, VoucherSpent. A refusal is in the audit, and counts as a guess.
    """
    with db.transaction() as session:
        guesses, until = _guessed(session, account_id)
    if guesses > GUESSES:
        wait = {"pointer": "", "code": RETRY_AT, "detail": as_time(until)}
        raise TooManyGuesses("Too many wrong codes; try again in a quarter of an hour.", [wait])
    try:
        with db.transaction() as session:
            answer = _redeem(session, account_id, hashed(code), key)
            cursor_of(session).execute(
                "UPDATE voucher_guesses SET guesses = greatest(guesses - 1, 0) WHERE account_id = %s",
                (account_id,),
            )
    except KeryxError as error:
        with db.transaction() as session:
            audit.note(session, "voucher_refused", account_id, code=error.code)
        raise
    return answer


def _guessed(session: Any, account_id: int) -> tuple[int, datetime]:
    """How many tries the account has made in this quarter of an hour, this one counted before it is looked at; its end."""
    cursor = cursor_of(session)
    cursor.execute(_GUESS, {"account_id": account_id, "minutes": GUESS_MINUTES})
    guesses, until = cursor.fetchone()
    return guesses, until


def _redeem(session: Any, account_id: int, code_hash: bytes, key: str | None) -> dict[str, Any]:
    def produce() -> dict[str, Any]:
        voucher = session.scalar(select(Voucher).where(Voucher.code_hash == code_hash).with_for_update())
        if voucher is None:
            raise UnknownVoucher("There is no such voucher.")
        batch = _usable(session, voucher)
        used = select(VoucherUse.id).filter_by(voucher_id=voucher.id, account_id=account_id)
        if session.scalar(used) is not None or voucher.uses >= voucher.max_uses:
            raise VoucherSpent("This voucher was used.")
        voucher.uses += 1
        session.add(VoucherUse(voucher_id=voucher.id, account_id=account_id))
        session.flush()
        ledger.credit_payment(session, account_id, batch.value, "voucher", f"{voucher.id}:{account_id}")
        audit.note(
            session,
            "voucher_redeemed",
            account_id,
            voucher_id=voucher.id,
            batch_id=batch.id,
            value=batch.value,
        )
        metrics.money.labels("vouchers").inc(batch.value)
        log.info("voucher_redeemed", account_id=account_id, voucher_id=voucher.id)
        return {"voucher_id": voucher.id, "amount": batch.value, "currency": "EUR"}

    request = {"code": code_hash.hex()}
    return dict(
        idempotency.remember(session, account_id, key, request, produce, operation="billing.redeem_voucher")
    )


def _usable(session: Any, voucher: Voucher) -> VoucherBatch:
    batch: VoucherBatch = session.get(VoucherBatch, voucher.batch_id)
    now = session.scalar(select(func.now()))
    if batch.revoked_at is not None or (batch.expires_at is not None and batch.expires_at <= now):
        raise VoucherOver("This voucher is not valid any more.")
    return batch


def revoke(session: Any, batch_id: int) -> dict[str, Any]:
    """Take a batch out of use; what was redeemed stays. Again is no error. Raises UnknownBatch."""
    batch = session.get(VoucherBatch, batch_id, with_for_update=True)
    if batch is None:
        raise UnknownBatch("There is no such batch.")
    if batch.revoked_at is None:
        batch.revoked_at = func.now()
        session.flush()
        audit.note(session, "vouchers_revoked", batch_id=batch_id)
    return batch_shown(session, batch_id)


def batch_shown(session: Any, batch_id: int) -> dict[str, Any]:
    """A batch and how often it was used. Raises UnknownBatch."""
    batch = session.get(VoucherBatch, batch_id)
    if batch is None:
        raise UnknownBatch("There is no such batch.")
    uses = session.scalar(
        select(func.coalesce(func.sum(Voucher.uses), 0)).where(Voucher.batch_id == batch_id)
    )
    return {
        "id": batch.id,
        "name": batch.name,
        "value": batch.value,
        "codes": batch.codes,
        "max_uses": batch.max_uses,
        "uses": int(uses),
        "expires_at": as_time(batch.expires_at) if batch.expires_at else None,
        "revoked_at": as_time(batch.revoked_at) if batch.revoked_at else None,
        "created_at": as_time(batch.created_at),
    }


def batches(session: Any, before: int | None, limit: int) -> dict[str, Any]:
    """Batches, newest first."""
    wanted = select(VoucherBatch.id).order_by(VoucherBatch.id.desc()).limit(limit + 1)
    if before is not None:
        wanted = wanted.where(VoucherBatch.id < before)
    ids = session.scalars(wanted).all()
    data = [batch_shown(session, batch_id) for batch_id in ids[:limit]]
    return {"data": data, "next_cursor": str(data[-1]["id"]) if len(ids) > limit else None}


def uses(session: Any, batch_id: int, before: int | None, limit: int) -> dict[str, Any]:
    """Who redeemed which code of a batch (its last four characters). Raises UnknownBatch."""
    batch_shown(session, batch_id)
    wanted = (
        select(VoucherUse.id, Voucher.hint, VoucherUse.account_id, VoucherUse.used_at)
        .join(Voucher, VoucherUse.voucher_id == Voucher.id)
        .where(Voucher.batch_id == batch_id)
        .order_by(VoucherUse.id.desc())
        .limit(limit + 1)
    )
    if before is not None:
        wanted = wanted.where(VoucherUse.id < before)
    rows = session.execute(wanted).all()
    names = ("id", "hint", "account_id", "used_at")
    data = [dict(zip(names, (*row[:3], as_time(row[3])), strict=True)) for row in rows[:limit]]
    return {"data": data, "next_cursor": str(data[-1]["id"]) if len(rows) > limit else None}
