"""What accounts can be asked to do. Each takes the session of the caller's transaction first."""

from __future__ import annotations

from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contracts.events import AccountChanged
from servicekit import idempotency, outbox
from smstext import check_sender_id

from . import domain, queries, schemas
from .errors import EmailTaken, InvalidApiKey, SettingsChanged, UnknownAccount, UnknownApiKey
from .models import Account, ApiKey, User

_passwords = PasswordHasher()


def authenticate(session: Session, api_key: str) -> dict[str, Any]:
    """Who holds ``api_key``: account, key, scopes and settings. Raises InvalidApiKey, never saying why."""
    parts = domain.split_key(api_key) if isinstance(api_key, str) else None
    found = queries.key_with_account(session, parts[0]) if parts else None
    if parts is None or found is None or not domain.secret_matches(*parts, found[0].secret_hash):
        raise InvalidApiKey("The API key is not valid.")
    key, account, now = found
    if not domain.is_usable(now, key.expires_at, key.revoked_at):
        raise InvalidApiKey("The API key is not valid.")
    queries.note_use(session, key.id)
    return {
        "account_id": account.id,
        "account_name": account.name,
        "key_id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "settings": schemas.account_settings(account),
    }


def create_account(session: Session, data: dict[str, Any], idempotency_key: str | None) -> dict[str, Any]:
    """A new account with its first user and a key of scope client.

    The key is told once: under a repeated ``idempotency_key`` the answer is the same but ``api_key`` is None,
    since it is stored nowhere. Raises InvalidFields, EmailTaken, Conflict("idempotency_key_reused").
    """
    wanted = schemas.load(schemas.NewAccount, data)
    issued: list[str] = []

    def produce() -> dict[str, Any]:
        account = add_account(session, wanted)
        key = create_api_key(session, account.id, {"name": "first key", "scopes": ["client"]})
        issued.append(key["api_key"])
        return {"account_id": account.id, "key_id": key["id"], "prefix": key["prefix"]}

    asked = {name: wanted[name] for name in ("name", "email", "locale", "timezone")}
    answer = idempotency.remember(session, 0, idempotency_key, asked, produce, operation="create_account")
    return {**answer, "api_key": issued[0] if issued else None}


def add_account(session: Session, data: dict[str, Any]) -> Account:
    """An account with its first user, and nothing else. Raises InvalidFields, EmailTaken."""
    wanted = schemas.load(schemas.NewAccount, data)
    account = Account(name=wanted["name"], locale=wanted["locale"], timezone=wanted["timezone"])
    session.add(account)
    session.flush()
    _add_user(session, account.id, wanted["email"].lower(), wanted["password"])
    _tell(session, account)
    return account


def _add_user(session: Session, account_id: int, email: str, password: str | None) -> None:
    password_hash = _passwords.hash(password) if password else None
    row = insert(User).values(account_id=account_id, email=email, password_hash=password_hash)
    # Not "look, then insert": two at once would both look.
    if (
        session.execute(row.on_conflict_do_nothing(index_elements=["email"]).returning(User.id)).first()
        is None
    ):
        raise EmailTaken("Another user signs in with this e-mail address.")


def create_api_key(session: Session, account_id: int, data: dict[str, Any]) -> dict[str, Any]:
    """A new key, its secret told this once, in ``api_key``. Raises UnknownAccount, InvalidFields."""
    wanted = schemas.load(schemas.NewKey, data)
    _account(session, account_id)
    made = domain.make_key()
    key = ApiKey(
        account_id=account_id,
        name=wanted["name"],
        prefix=made.prefix,
        secret_hash=made.secret_hash,
        scopes=sorted(set(wanted["scopes"])),
        expires_at=wanted["expires_at"],
    )
    session.add(key)
    session.flush()
    return {**schemas.api_key(key), "api_key": made.text}


def revoke_api_key(session: Session, account_id: int, key_id: int) -> dict[str, Any]:
    """From now on the key is refused; again is no error. Raises UnknownApiKey."""
    key = session.scalar(select(ApiKey).where(ApiKey.id == key_id, ApiKey.account_id == account_id))
    if key is None:
        raise UnknownApiKey("There is no such API key.")
    if key.revoked_at is None:
        key.revoked_at = session.scalar(select(func.now()))
        session.flush()
    return schemas.api_key(key)


def get_settings(session: Session, account_id: int) -> dict[str, Any]:
    """The settings with their ``version``. Raises UnknownAccount."""
    account = _account(session, account_id)
    return {**schemas.account_settings(account), "version": account.version}


def update_settings(
    session: Session, account_id: int, changes: dict[str, Any], version: int | None
) -> dict[str, Any]:
    """Change what ``changes`` names, tell AccountChanged, return the settings with their new version.

    ``version`` None changes whatever is there. Raises UnknownAccount, InvalidFields, SettingsChanged.
    """
    wanted = schemas.load(schemas.SettingsChanges, changes)
    account = _account(session, account_id, lock=True)
    if version is not None and version != account.version:
        raise SettingsChanged("The settings were changed since they were read.")
    before = schemas.account_settings(account)
    _apply(account, wanted)
    if schemas.account_settings(account) != before:
        account.version += 1
        session.flush()
        _tell(session, account)
    return {**schemas.account_settings(account), "version": account.version}


def _apply(account: Account, wanted: dict[str, Any]) -> None:
    low_balance = wanted.pop("low_balance", {})
    if "level" in low_balance:
        account.low_balance_level = low_balance["level"]
    if "emails" in low_balance:
        account.low_balance_emails = low_balance["emails"]
    if wanted.get("default_sender"):
        wanted["default_sender"] = check_sender_id(wanted["default_sender"])
    for name, value in wanted.items():
        setattr(account, name, value)


def _account(session: Session, account_id: int, *, lock: bool = False) -> Account:
    account = session.get(Account, account_id, with_for_update=lock or None)
    if account is None:
        raise UnknownAccount("There is no such account.")
    return account


def _tell(session: Session, account: Account) -> None:
    event = AccountChanged(
        account_id=account.id,
        name=account.name,
        locale=account.locale,
        version=account.version or 1,
        low_balance_level=account.low_balance_level,
        low_balance_emails=list(account.low_balance_emails or ()),
        timezone=account.timezone,
    )
    outbox.add(session, event, account_id=account.id)
