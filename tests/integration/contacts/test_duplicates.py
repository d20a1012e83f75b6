"""Contacts that may be one person are found, each group once, however the pages fall."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.errors import BadRequest
from servicekit.database import Database
from services.contacts.errors import InvalidFields
from services.contacts.queries import duplicates, search
from services.contacts.use_cases import merging
from tests.integration.contacts.support import call, fetch, new_contact

pytestmark = pytest.mark.integration


def alike(db: Database, account_id: int, by: str, limit: int = 50) -> list[dict[str, Any]]:
    """All groups, over as many pages as there are."""
    found, cursor = [], None
    while True:
        page = call(db, duplicates.list_duplicates, account_id, by, cursor, limit)
        found += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def ids(groups: list[dict[str, Any]]) -> list[list[int]]:
    return [[contact["id"] for contact in group["contacts"]] for group in groups]


def make(db: Database, account_id: int, count: int, **fields: str) -> list[int]:
    start = fetch(db, "SELECT count(*) FROM phones WHERE account_id = %s", account_id)[0][0]
    return [new_contact(db, account_id, f"69700{start + n:05}", **fields) for n in range(count)]


def test_the_same_email_in_any_case_and_the_same_name_in_any_accents_are_found(
    db: Database, account_id: int, other_account_id: int
) -> None:
    first = new_contact(
        db, account_id, "6970000001", first_name="Γιώργος", last_name="Ρήγας", email="G@shop.gr"
    )
    second = new_contact(db, account_id, "6970000002", first_name="ΓΙΩΡΓΟΣ", last_name="ΡΗΓΑΣ")
    third = new_contact(db, account_id, "6970000003", first_name="Άννα", email="g@SHOP.gr")
    new_contact(
        db, other_account_id, "6970000004", first_name="Γιώργος", last_name="Ρήγας", email="g@shop.gr"
    )

    (by_email,), (by_name,) = alike(db, account_id, "email"), alike(db, account_id, "name")

    assert (by_email["value"], by_email["count"], ids([by_email])) == ("G@shop.gr", 2, [[first, third]])
    assert (by_name["value"], by_name["count"], ids([by_name])) == ("Γιώργος Ρήγας", 2, [[first, second]])
    assert by_name["contacts"][1]["numbers"][0]["number"] == "306970000002"
    call(db, merging.merge, account_id, first, [second, third])
    assert alike(db, account_id, "email") == alike(db, account_id, "name") == []


def test_a_first_name_alone_is_no_sign_a_companys_is(db: Database, account_id: int) -> None:
    make(db, account_id, 2, first_name="Μαρία")
    make(db, account_id, 2)
    company = make(db, account_id, 2, first_name="Αφοί Παππά")

    assert ids(alike(db, account_id, "name")) == [company]


@pytest.mark.parametrize("window", [2, 3, 4, 1_000])
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_every_group_is_found_once_and_whole_wherever_windows_and_pages_end(
    db: Database, account_id: int, monkeypatch: pytest.MonkeyPatch, window: int, limit: int
) -> None:
    monkeypatch.setattr(duplicates, "WINDOW", window)
    groups = []
    for letter, count in (("α", 1), ("β", 2), ("γ", 1), ("γγ", 1), ("δ", 2), ("ε", 2), ("ζ", 1)):
        made = make(db, account_id, count, email=f"{letter}@x.gr", first_name=letter, last_name="Χ")
        groups += [made] if count > 1 else []

    assert ids(alike(db, account_id, "email", limit)) == groups
    assert ids(alike(db, account_id, "name", limit)) == groups


def test_a_group_larger_than_a_window_is_shown_in_part_and_passed(
    db: Database, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "WINDOW", 4)
    monkeypatch.setattr(duplicates, "MAX_SHOWN", 3)
    many = make(db, account_id, 9, email="info@shop.gr")
    others = make(db, account_id, 2, email="info@shop.gr2")

    found = alike(db, account_id, "email")

    assert [group["count"] for group in found] == [4, 2]
    assert ids(found) == [many[:3], others]


@pytest.mark.parametrize("cursor", ["x", "é", "W10", "WyJuYW1lIiwiYSJd", "WyJlbWFpbCIsMV0", "bnVsbA"])
def test_a_cursor_of_something_else_is_refused(db: Database, account_id: int, cursor: str) -> None:
    with pytest.raises(BadRequest) as refused:
        call(db, duplicates.list_duplicates, account_id, "email", cursor, 10)
    assert refused.value.code == "bad_cursor"


def test_they_are_compared_in_no_other_way(db: Database, account_id: int) -> None:
    with pytest.raises(InvalidFields):
        call(db, duplicates.list_duplicates, account_id, "note; --", None, 10)


@pytest.mark.parametrize("by", ["email", "name"])
def test_they_are_looked_for_along_an_index(db: Database, account_id: int, by: str) -> None:
    key, has_one, says = duplicates._WAYS[by]
    sql = "EXPLAIN " + duplicates._ALIKE.format(key=key, has_one=has_one, says_something=says)
    params = {"account_id": account_id, "start": "", "window": 20, "shown": 3, "limit": 3}
    with db.transaction() as session:
        search.value(session, "SELECT set_config('enable_seqscan', 'off', true)", {})
        plan = str(search.rows(session, sql, params))
    assert f"contacts_{by}" in plan
    assert "Sort Key: ((" not in plan
