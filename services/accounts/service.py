"""The accounts service, as a table of contents."""

from __future__ import annotations

from typing import Any

from servicekit import idempotency
from servicekit.service import Database, every, rpc

from . import queries, use_cases


class AccountsService:
    """Accounts, users, API keys, settings."""

    name = "accounts"
    db = Database()

    @rpc
    def ping(self) -> str:
        """Say "pong" once the database has answered: for the gateway's readiness."""
        with self.db.transaction() as session:
            session.connection().exec_driver_sql("SELECT 1")
        return "pong"

    @rpc
    def authenticate(self, api_key: str) -> dict[str, Any]:
        """Who holds the key, with scopes and settings. Raises Unauthorized("invalid_api_key")."""
        with self.db.transaction() as session:
            return use_cases.authenticate(session, api_key)

    @rpc
    def create_account(
        self,
        name: str,
        email: str,
        locale: str = "el",
        timezone: str = "Europe/Athens",
        idempotency_key: str | None = None,
        password: str | None = None,
    ) -> dict[str, Any]:
        """A new account with a first user and key: ``{account_id, api_key, key_id, prefix}``."""
        data = {"name": name, "email": email, "locale": locale, "timezone": timezone, "password": password}
        with self.db.transaction() as session:
            return use_cases.create_account(session, data, idempotency_key)

    @rpc
    def list_accounts(self, cursor: str | None = None, limit: int = 50) -> dict[str, Any]:
        """A page of all accounts (operator)."""
        with self.db.transaction() as session:
            return queries.list_accounts(session, cursor, limit)

    @rpc
    def get_settings(self, account_id: int) -> dict[str, Any]:
        """The settings with their ``version``."""
        with self.db.transaction() as session:
            return use_cases.get_settings(session, account_id)

    @rpc
    def update_settings(
        self, account_id: int, changes: dict[str, Any], version: int | None = None
    ) -> dict[str, Any]:
        """Change a part of the settings. Raises PreconditionFailed("version_mismatch") on another version."""
        with self.db.transaction() as session:
            return use_cases.update_settings(session, account_id, changes, version)

    @rpc
    def create_api_key(
        self, account_id: int, name: str, scopes: list[str], expires_at: str | None = None
    ) -> dict[str, Any]:
        """A new key, its secret told this once."""
        data = {"name": name, "scopes": scopes, "expires_at": expires_at}
        with self.db.transaction() as session:
            return use_cases.create_api_key(session, account_id, data)

    @rpc
    def list_api_keys(self, account_id: int) -> dict[str, Any]:
        """The keys of an account, without their secrets."""
        with self.db.transaction() as session:
            return queries.list_api_keys(session, account_id)

    @rpc
    def revoke_api_key(self, account_id: int, key_id: int) -> dict[str, Any]:
        """Refuse the key from now on (the gateway may know it for five more seconds)."""
        with self.db.transaction() as session:
            return use_cases.revoke_api_key(session, account_id, key_id)

    @every(60)
    def forget(self) -> None:
        """Drop idempotency keys that are too old to come again."""
        with self.db.transaction() as session:
            idempotency.forget_old(session)
