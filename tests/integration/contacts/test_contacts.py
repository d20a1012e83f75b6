"""Contacts: made, changed, found, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.errors import Conflict
from servicekit.database import Database
from services.contacts import schemas
from services.contacts.errors import (
    InvalidFields,
    NumberTaken,
    UnknownContact,
    UnknownGroup,
    VersionMismatch,
)
from services.contacts.queries import contacts as read
from services.contacts.use_cases import contacts, suppressions
from tests.integration.contacts.support import call, fetch, new_contact, new_group

pytestmark = pytest.mark.integration


def found(db: Database, account_id: int, **wanted: Any) -> list[int]:
    """Ids of the first fifty that match."""
    checked = schemas.load(schemas.Listing, wanted)
    return [one["id"] for one in call(db, read.list_contacts, account_id, checked, None, 50)["data"]]


def test_a_contact_comes_back_as_it_was_made(db: Database, account_id: int) -> None:
    group_id = new_group(db, account_id)
    contact_id = new_contact(
        db, account_id, "6971234567", "+357 99 123456", first_name="Άννα", custom4="x", group_ids=[group_id]
    )

    contact = call(db, read.get_contact, account_id, contact_id)

    assert (contact["first_name"], contact["custom4"], contact["last_name"]) == ("Άννα", "x", "")
    assert contact["numbers"] == [
        {"number": "306971234567", "primary": True, "blacklisted": False},
        {"number": "35799123456", "primary": False, "blacklisted": False},
    ]
    assert contact["group_ids"] == [group_id]
    assert contact["version"] == 1


def test_a_number_belongs_to_one_contact_of_an_account(
    db: Database, account_id: int, other_account_id: int
) -> None:
    new_contact(db, account_id, "6971234567")
    new_contact(db, other_account_id, "6971234567")

    with pytest.raises(NumberTaken) as refusal:
        new_contact(db, account_id, "6970000001", "00306971234567")

    assert refusal.value.errors[0]["pointer"] == "/numbers/1/number"


def test_the_same_request_under_a_key_makes_one_contact(db: Database, account_id: int) -> None:
    data = {"numbers": [{"number": "6971234567"}]}
    first = call(db, contacts.create_contact, account_id, data, "key")

    assert call(db, contacts.create_contact, account_id, data, "key") == first
    with pytest.raises(Conflict):
        call(db, contacts.create_contact, account_id, {"numbers": [{"number": "6971234568"}]}, "key")


def test_a_change_replaces_what_it_names_and_nothing_else(db: Database, account_id: int) -> None:
    contact_id = new_contact(db, account_id, "6971234567", "6971234568", first_name="Άννα", note="n")
    changes = {
        "first_name": "Ελένη",
        "numbers": [{"number": "6971234568"}, {"number": "6971234569", "primary": True}],
    }

    changed = call(db, contacts.update_contact, account_id, contact_id, changes, 1)

    assert (changed["first_name"], changed["note"], changed["version"]) == ("Ελένη", "n", 2)
    assert [(n["number"], n["primary"]) for n in changed["numbers"]] == [
        ("306971234569", True),
        ("306971234568", False),
    ]


def test_a_change_of_an_older_version_is_refused(db: Database, account_id: int) -> None:
    contact_id = new_contact(db, account_id, "6971234567")
    call(db, contacts.update_contact, account_id, contact_id, {"note": "a"}, 1)

    with pytest.raises(VersionMismatch):
        call(db, contacts.update_contact, account_id, contact_id, {"note": "b"}, 1)
    assert call(db, read.get_contact, account_id, contact_id)["note"] == "a"


def test_two_primary_numbers_are_refused(db: Database, account_id: int) -> None:
    numbers = [{"number": "6971234567", "primary": True}, {"number": "6971234568", "primary": True}]

    with pytest.raises(InvalidFields):
        call(db, contacts.create_contact, account_id, {"numbers": numbers}, None)


def test_a_group_of_another_account_is_unknown(db: Database, account_id: int, other_account_id: int) -> None:
    group_id = new_group(db, other_account_id)

    with pytest.raises(UnknownGroup):
        new_contact(db, account_id, "6971234567", group_ids=[group_id])
    assert found(db, account_id) == []


def test_a_deleted_contact_is_gone_and_its_number_stays_blacklisted(db: Database, account_id: int) -> None:
    contact_id = new_contact(db, account_id, "6971234567")
    call(db, suppressions.suppress, account_id, ["6971234567"], "", "api")

    call(db, contacts.delete_contact, account_id, contact_id)

    with pytest.raises(UnknownContact):
        call(db, read.get_contact, account_id, contact_id)
    again = new_contact(db, account_id, "6971234567")
    assert call(db, read.get_contact, account_id, again)["blacklisted"]


def test_search_finds_any_field_whatever_its_case_and_accents(db: Database, account_id: int) -> None:
    george = new_contact(db, account_id, "6971234567", first_name="ΓΙΏΡΓΟΣ", email="g@example.gr")
    anna = new_contact(db, account_id, "6971234568", first_name="Άννα", custom2="100%")

    assert found(db, account_id, search="γιωργος") == [george]
    assert found(db, account_id, search="G@EXAMPLE") == [george]
    assert found(db, account_id, search="00%") == [anna]
    assert found(db, account_id, search="1_0%") == []
    assert found(db, account_id, search="g@ γιώρ") == [george]


def test_search_finds_a_part_of_a_number(db: Database, account_id: int) -> None:
    contact_id = new_contact(db, account_id, "6971234567", "6945556677")
    new_contact(db, account_id, "6981234999")

    assert found(db, account_id, search="555 66") == [contact_id]


def test_lists_go_by_group_and_by_blacklist(db: Database, account_id: int) -> None:
    first, second = (new_contact(db, account_id, number) for number in ("6971234567", "6971234568"))
    group_id = new_group(db, account_id, contact_ids=[second])
    call(db, suppressions.suppress, account_id, ["6971234567"], "", "api")

    assert found(db, account_id, group_id=group_id) == [second]
    assert found(db, account_id, blacklisted=True) == [first]
    assert found(db, account_id, blacklisted=False) == [second]


def test_pages_show_everyone_once_in_order(db: Database, account_id: int) -> None:
    made = [new_contact(db, account_id, f"69712345{index:02}") for index in range(7)]
    everything = schemas.load(schemas.Listing, {})
    seen: list[int] = []
    cursor = None
    while True:
        page = call(db, read.list_contacts, account_id, everything, cursor, 3)
        seen += [one["id"] for one in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            break

    assert seen == made


def test_hostile_text_is_stored_as_text(db: Database, account_id: int) -> None:
    name = "'; DROP TABLE contacts; -- \\ %s {%firstname}"
    contact_id = new_contact(db, account_id, "6971234567", first_name=name, note="\x00\ud800ok")

    contact = call(db, read.get_contact, account_id, contact_id)

    assert (contact["first_name"], contact["note"]) == (name, "ok")


def test_each_contact_has_one_primary_number_by_the_databases_own_rule(db: Database, account_id: int) -> None:
    contact_id = new_contact(db, account_id, "6971234567", "6971234568")

    assert fetch(db, "SELECT count(*) FROM phones WHERE contact_id = %s AND is_primary", contact_id) == [(1,)]
