"""The read side of accounts, and the one cheap write of authentication."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from . import schemas
from .errors import BadCursor, UnknownAccount
from .models import Account, ApiKey, User

_NOTE_USE = text(
    "UPDATE api_keys SET last_used_at = now() WHERE id = :id"
    " AND (last_used_at IS NULL OR last_used_at < now() - interval '10 minutes')"
)


def key_with_account(session: Session, prefix: str) -> tuple[ApiKey, Account, datetime] | None:
    """The key with this prefix, its account, and the database's time."""
    row = session.execute(
        select(ApiKey, Account, func.now())
        .join(Account, Account.id == ApiKey.account_id)
        .where(ApiKey.prefix == prefix)
    ).one_or_none()
    return (row[0], row[1], row[2]) if row else None


def note_use(session: Session, key_id: int) -> None:
    """Remember that a key is in use, at most every ten minutes, so that reading does not become writing."""
    session.execute(_NOTE_USE, {"id": key_id})


def account_id_of_user(session: Session, email: str) -> int | None:
    """The account of the user with this e-mail address (lower case)."""
    return session.scalar(select(User.account_id).where(User.email == email))


def list_accounts(session: Session, cursor: str | None, limit: int) -> dict[str, Any]:
    """Accounts in the order they were made, ``limit`` (1..500) a page. Raises BadCursor."""
    after = _read_cursor(cursor)
    limit = max(1, min(limit, 500))
    rows = session.scalars(
        select(Account).where(Account.id > after).order_by(Account.id).limit(limit + 1)
    ).all()
    page = rows[:limit]
    emails = _first_emails(session, [account.id for account in page])
    return {
        "data": [_account(account, emails.get(account.id)) for account in page],
        "next_cursor": str(page[-1].id) if len(rows) > limit else None,
    }


def _read_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise BadCursor("The cursor is not one of ours.")
    return int(cursor)


def _first_emails(session: Session, account_ids: list[int]) -> dict[int, str]:
    users = select(User.account_id, User.email).where(User.account_id.in_(account_ids))
    first = users.ext(distinct_on(User.account_id)).order_by(User.account_id, User.id)
    return {row.account_id: row.email for row in session.execute(first)}


def _account(account: Account, email: str | None) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "email": email,
        "locale": account.locale,
        "timezone": account.timezone,
        "created_at": schemas.iso(account.created_at),
    }


def list_api_keys(session: Session, account_id: int) -> dict[str, Any]:
    """All keys of an account, newest first, revoked ones too. Raises UnknownAccount."""
    if session.get(Account, account_id) is None:
        raise UnknownAccount("There is no such account.")
    keys = session.scalars(
        select(ApiKey).where(ApiKey.account_id == account_id).order_by(ApiKey.id.desc())
    ).all()
    return {"data": [schemas.api_key(key) for key in keys], "next_cursor": None}
