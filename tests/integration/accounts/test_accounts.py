"""Accounts on a real database: keys, settings, events, the first accounts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from contracts.errors import Conflict
from contracts.events import AccountChanged
from servicekit import wire
from servicekit.database import Database
from servicekit.migrate import drift
from services.accounts import bootstrap, queries, use_cases
from services.accounts.errors import (
    BadCursor,
    EmailTaken,
    InvalidApiKey,
    InvalidFields,
    SettingsChanged,
    UnknownAccount,
    UnknownApiKey,
)

pytestmark = pytest.mark.integration

SHOP = {"name": "Ανθοπωλείο", "email": "Shop@Example.com", "locale": "el", "timezone": "Europe/Athens"}


def make(
    db: Database, email: str = "shop@example.com", key: str | None = None, **more: Any
) -> dict[str, Any]:
    with db.transaction() as session:
        return use_cases.create_account(session, {**SHOP, "email": email, **more}, key)


def authenticate(db: Database, key: str) -> dict[str, Any]:
    with db.transaction() as session:
        return use_cases.authenticate(session, key)


def refused(db: Database, key: str) -> bool:
    with pytest.raises(InvalidApiKey):
        authenticate(db, key)
    return True


def events(db: Database) -> list[AccountChanged]:
    with db.transaction() as session:
        rows = session.execute(text("SELECT body FROM outbox_0 UNION ALL SELECT body FROM outbox_1")).all()
    return [AccountChanged.from_data(wire.decode(bytes(row.body)).data) for row in rows]


def everything_stored(db: Database) -> str:
    with db.transaction() as session:
        tables = ("accounts", "users", "api_keys", "idempotency_keys")
        return "".join(str(session.execute(text(f"SELECT * FROM {table}")).all()) for table in tables)


def test_models_and_migrations_agree(db: Database) -> None:
    with db.engine.connect() as connection:
        assert drift("accounts", connection) == []


def test_the_key_of_a_new_account_says_who_holds_it(db: Database) -> None:
    made = make(db)
    who = authenticate(db, made["api_key"])
    assert who["account_id"] == made["account_id"]
    assert who["account_name"] == "Ανθοπωλείο"
    assert who["scopes"] == ["client"]
    assert who["settings"] == {
        "default_sender": None,
        "price_class": "normal",
        "encoding": "auto",
        "timezone": "Europe/Athens",
        "locale": "el",
        "custom_labels": ["", "", "", ""],
        "low_balance": {"level": None, "emails": []},
    }


def test_neither_key_nor_password_is_stored(db: Database) -> None:
    made = make(db, key="k", password="correct horse battery")
    stored = everything_stored(db)
    assert made["api_key"].rpartition("_")[2] not in stored
    assert "correct horse" not in stored
    assert "$argon2id$" in stored


def test_a_wrong_secret_an_unknown_prefix_and_rubbish_are_refused_alike(db: Database) -> None:
    key = make(db)["api_key"]
    assert refused(db, key[:-1] + ("a" if key[-1] != "a" else "b"))
    assert refused(db, "kx_zzzzzzzz_" + key.rpartition("_")[2])
    for rubbish in ("", "kx_", "' OR 1=1 --", "\x00", 5, None):
        assert refused(db, rubbish)  # type: ignore[arg-type]


def test_a_revoked_key_is_refused_and_the_others_work(db: Database) -> None:
    made = make(db)
    with db.transaction() as session:
        other = use_cases.create_api_key(session, made["account_id"], {"name": "till", "scopes": ["client"]})
        use_cases.revoke_api_key(session, made["account_id"], made["key_id"])
    assert refused(db, made["api_key"])
    assert authenticate(db, other["api_key"])["name"] == "till"


def test_revoking_twice_keeps_the_first_time(db: Database) -> None:
    made = make(db)
    with db.transaction() as session:
        first = use_cases.revoke_api_key(session, made["account_id"], made["key_id"])
    with db.transaction() as session:
        assert use_cases.revoke_api_key(session, made["account_id"], made["key_id"]) == first


def test_a_key_whose_time_is_over_is_refused(db: Database) -> None:
    made = make(db)
    past = {"name": "old", "scopes": ["client"], "expires_at": "2020-01-01T00:00:00Z"}
    future = {"name": "new", "scopes": ["client"], "expires_at": "2999-01-01T00:00:00Z"}
    with db.transaction() as session:
        old = use_cases.create_api_key(session, made["account_id"], past)
        new = use_cases.create_api_key(session, made["account_id"], future)
    assert refused(db, old["api_key"])
    assert authenticate(db, new["api_key"])


def test_the_use_of_a_key_is_noted_once_in_a_while(db: Database) -> None:
    made = make(db)
    uses = []
    for _ in range(2):
        authenticate(db, made["api_key"])
        with db.transaction() as session:
            uses.append(queries.list_api_keys(session, made["account_id"])["data"][0]["last_used_at"])
    assert uses[0] is not None
    assert uses[0] == uses[1]


def test_another_accounts_key_cannot_be_revoked(db: Database) -> None:
    mine, theirs = make(db), make(db, "other@example.com")
    with db.transaction() as session, pytest.raises(UnknownApiKey):
        use_cases.revoke_api_key(session, mine["account_id"], theirs["key_id"])
    assert authenticate(db, theirs["api_key"])


def test_an_account_is_made_once_per_key_and_its_secret_told_once(db: Database) -> None:
    first, again = make(db, key="order-1"), make(db, key="order-1")
    assert again == {**first, "api_key": None}
    with pytest.raises(Conflict, match="idempotency_key_reused"):
        make(db, "other@example.com", key="order-1")
    assert len(events(db)) == 1


def test_two_at_once_under_one_key_make_one_account(db: Database) -> None:
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: make(db, key="order-1"), range(2)))
    assert made[0]["account_id"] == made[1]["account_id"]
    assert sum(one["api_key"] is not None for one in made) == 1


def test_an_email_address_signs_in_to_one_account_whatever_its_case(db: Database) -> None:
    make(db, "Maria@Example.com")
    with pytest.raises(EmailTaken):
        make(db, "maria@example.COM")
    with db.transaction() as session:
        assert len(queries.list_accounts(session, None, 10)["data"]) == 1


def test_settings_change_in_part_and_are_told(db: Database) -> None:
    account_id = make(db)["account_id"]
    low = {"level": 5_000_000, "emails": ["boss@example.com"]}
    with db.transaction() as session:
        changed = use_cases.update_settings(session, account_id, {"locale": "en", "low_balance": low}, 1)
    assert (changed["version"], changed["locale"], changed["low_balance"]) == (2, "en", low)
    assert changed["encoding"] == "auto"
    told = events(db)[-1]
    assert (told.version, told.locale, told.low_balance_level) == (2, "en", 5_000_000)
    assert told.low_balance_emails == ["boss@example.com"]


def test_what_changes_nothing_is_not_told(db: Database) -> None:
    account_id = make(db)["account_id"]
    with db.transaction() as session:
        assert use_cases.update_settings(session, account_id, {"locale": "el"}, None)["version"] == 1
    assert len(events(db)) == 1


def test_a_change_based_on_an_older_version_is_refused(db: Database) -> None:
    account_id = make(db)["account_id"]
    with db.transaction() as session:
        use_cases.update_settings(session, account_id, {"locale": "en"}, 1)
    with db.transaction() as session, pytest.raises(SettingsChanged):
        use_cases.update_settings(session, account_id, {"locale": "el"}, 1)


def test_of_two_changes_at_once_on_one_version_one_wins(db: Database) -> None:
    account_id = make(db)["account_id"]

    def change(label: str) -> bool:
        try:
            with db.transaction() as session:
                use_cases.update_settings(session, account_id, {"custom_labels": [label, "", "", ""]}, 1)
        except SettingsChanged:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(change, "abcd")) == [False, False, False, True]


def test_a_default_sender_is_stored_as_it_will_be_used(db: Database) -> None:
    account_id = make(db)["account_id"]
    with db.transaction() as session:
        changed = use_cases.update_settings(session, account_id, {"default_sender": "+306912345678"}, None)
        assert changed["default_sender"] == "306912345678"
        assert (
            use_cases.update_settings(session, account_id, {"default_sender": None}, None)["default_sender"]
            is None
        )


def test_a_refused_change_changes_nothing(db: Database) -> None:
    account_id = make(db)["account_id"]
    with pytest.raises(InvalidFields), db.transaction() as session:
        use_cases.update_settings(session, account_id, {"locale": "en", "encoding": "morse"}, None)
    with db.transaction() as session:
        assert use_cases.get_settings(session, account_id)["locale"] == "el"


def test_an_account_that_is_not_there_is_unknown(db: Database) -> None:
    with db.transaction() as session:
        for call in (
            lambda: use_cases.get_settings(session, 999),
            lambda: use_cases.update_settings(session, 999, {}, None),
            lambda: use_cases.create_api_key(session, 999, {"name": "k", "scopes": ["client"]}),
            lambda: queries.list_api_keys(session, 999),
        ):
            with pytest.raises(UnknownAccount):
                call()


def test_accounts_are_listed_page_by_page(db: Database) -> None:
    made = [make(db, f"user{number}@example.com")["account_id"] for number in range(5)]
    seen: list[int] = []
    cursor = None
    while True:
        with db.transaction() as session:
            page = queries.list_accounts(session, cursor, 2)
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made
    with db.transaction() as session, pytest.raises(BadCursor):
        queries.list_accounts(session, "1; DROP TABLE accounts", 2)


def test_the_first_accounts_are_made_once_and_keep_keys_that_are_handed_back(db: Database) -> None:
    with db.transaction() as session:
        first = bootstrap.run(session, None, None)
    with db.transaction() as session:
        again = bootstrap.run(session, first["operator_key"], first["api_key"])
    assert again == first
    assert authenticate(db, first["operator_key"])["scopes"] == ["operator"]
    assert authenticate(db, first["api_key"])["scopes"] == ["client"]
    assert str(authenticate(db, first["api_key"])["account_id"]) == first["account_id"]


def test_a_lost_key_of_the_first_accounts_is_replaced_and_refused(db: Database) -> None:
    with db.transaction() as session:
        first = bootstrap.run(session, None, None)
    with db.transaction() as session:
        again = bootstrap.run(session, first["operator_key"], "kx_wrong000_" + "x" * 43)
    assert again["account_id"] == first["account_id"]
    assert again["operator_key"] == first["operator_key"]
    assert again["api_key"] != first["api_key"]
    assert refused(db, first["api_key"])
    assert authenticate(db, again["api_key"])
