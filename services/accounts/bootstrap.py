"""First accounts of an installation: ``python -m services.accounts.bootstrap`` prints their keys as JSON.

Run as often as you like. A key is told only when it is made, so the caller keeps it and hands it back in
KERYX_OPERATOR_KEY / KERYX_API_KEY: one that still works is printed again, otherwise a new key replaces the
one this program made before.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from servicekit import settings
from servicekit.database import Database, make_engine

from . import queries, use_cases
from .errors import InvalidApiKey
from .models import ApiKey

KEY_NAME = "bootstrap"
OPERATOR = {"name": "Keryx operator", "email": "operator@keryx.example", "scope": "operator"}
DEMO = {"name": "Keryx demo", "email": "demo@keryx.example", "scope": "client"}


def run(session: Session, known_operator_key: str | None, known_api_key: str | None) -> dict[str, Any]:
    """Both accounts and a working key of each, made where missing."""
    _, operator_key = _ensure(session, OPERATOR, known_operator_key)
    account_id, api_key = _ensure(session, DEMO, known_api_key)
    return {
        "operator_key": operator_key,
        "account_id": str(account_id),
        "account_name": DEMO["name"],
        "api_key": api_key,
    }


def _ensure(session: Session, wanted: dict[str, str], known_key: str | None) -> tuple[int, str]:
    account_id = queries.account_id_of_user(session, wanted["email"])
    if account_id is None:
        account_id = use_cases.add_account(session, {"name": wanted["name"], "email": wanted["email"]}).id
    if known_key and _works(session, known_key, account_id, wanted["scope"]):
        return account_id, known_key
    _revoke_former(session, account_id)
    made = use_cases.create_api_key(session, account_id, {"name": KEY_NAME, "scopes": [wanted["scope"]]})
    return account_id, made["api_key"]


def _works(session: Session, key: str, account_id: int, scope: str) -> bool:
    try:
        identity = use_cases.authenticate(session, key)
    except InvalidApiKey:
        return False
    return identity["account_id"] == account_id and scope in identity["scopes"]


def _revoke_former(session: Session, account_id: int) -> None:
    former = select(ApiKey.id).where(
        ApiKey.account_id == account_id, ApiKey.name == KEY_NAME, ApiKey.revoked_at.is_(None)
    )
    for key_id in session.scalars(former).all():
        use_cases.revoke_api_key(session, account_id, key_id)


def main() -> None:
    """Run against KERYX_DATABASE_URL_ACCOUNTS and print the result."""
    database = Database(make_engine(settings.database_url("accounts"), "accounts-bootstrap", pool_size=1))
    with database.transaction() as session:
        result = run(session, os.environ.get("KERYX_OPERATOR_KEY"), os.environ.get("KERYX_API_KEY"))
    json.dump(result, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
