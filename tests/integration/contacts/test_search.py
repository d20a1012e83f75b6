"""Search: all ways to a page find the same, in each order, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from servicekit.database import Database
from services.contacts import schemas
from services.contacts.errors import BadCursor
from services.contacts.jobs import sorting
from services.contacts.queries import contacts as read
from services.contacts.queries import filters, search
from services.contacts.use_cases import suppressions
from tests.integration.contacts.support import call, database_url, fetch, new_contact, new_group

pytestmark = pytest.mark.integration

NAMES = ("ΓΙΏΡΓΟΣ", "Άννα", "giorgos", "Ζωή", "Βαΐα", "Γιώργος", "Ηλίας")


@pytest.fixture(params=["walking", "gathering what changed", "gathering entries"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, db: Database) -> Iterator[None]:
    """A window that holds everybody, and one that nothing is found in; then nobody's entry is there yet, or everybody's."""
    monkeypatch.setattr(search, "WINDOW", 4_000 if request.param == "walking" else 1)
    connection = psycopg2.connect(database_url(db))

    def sorted_in(*arguments: Any) -> filters.Conditions:
        while sorting.sort_in(connection):
            pass
        return filters.conditions(*arguments)

    if request.param == "gathering entries":
        monkeypatch.setattr(search, "conditions", sorted_in)
    yield
    connection.close()


@pytest.fixture
def people(db: Database, account_id: int, other_account_id: int) -> list[int]:
    """Seven contacts, and another account's that look the same."""
    for index, name in enumerate(NAMES):
        new_contact(db, other_account_id, f"69712345{index:02}", first_name=name)
    return [new_contact(db, account_id, f"69712345{n:02}", first_name=name) for n, name in enumerate(NAMES)]


def found(db: Database, account_id: int, limit: int = 50, **wanted: Any) -> list[int]:
    """All that match, page by page."""
    listing = schemas.load(schemas.Listing, wanted)
    ids: list[int] = []
    cursor = None
    while True:
        page = call(db, read.list_contacts, account_id, listing, cursor, limit)
        ids += [one["id"] for one in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            return ids


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_pages_have_everyone_once_in_each_order(
    db: Database, account_id: int, people: list[int], limit: int
) -> None:
    by_name = [people[n] for n in (2, 1, 4, 0, 5, 3, 6)]

    assert found(db, account_id, limit) == people
    assert found(db, account_id, limit, sort="-created") == people[::-1]
    assert found(db, account_id, limit, sort="name") == by_name
    assert found(db, account_id, limit, sort="-name") == by_name[::-1]
    assert found(db, account_id, limit, search="γιωργοσ", sort="-name") == [people[5], people[0]]


def test_a_final_sigma_an_accent_and_a_capital_make_no_difference(
    db: Database, account_id: int, people: list[int]
) -> None:
    for term in ("γιωργος", "ΓΙΩΡΓΟΣ", "γιώργοσ", "ΓΙΏΡΓ"):
        assert found(db, account_id, search=term) == [people[0], people[5]]


def test_one_or_two_letters_are_found_where_a_word_begins(
    db: Database, account_id: int, people: list[int]
) -> None:
    assert found(db, account_id, search="γι") == [people[0], people[5]]
    assert found(db, account_id, search="ωη") == []


def test_a_fragment_of_a_number_is_found_however_it_is_written(
    db: Database, account_id: int, people: list[int]
) -> None:
    assert found(db, account_id, search="345 03") == [people[3]]
    assert found(db, account_id, search="0030697 1234504") == [people[4]]
    assert found(db, account_id, search="+30 697") == people
    among_them = new_contact(db, account_id, "6900450019")
    assert found(db, account_id, search="0045") == found(db, account_id, search="00 45") == [among_them]


def test_filters_hold_together_in_each_order(db: Database, account_id: int, people: list[int]) -> None:
    group_id = new_group(db, account_id, contact_ids=people[:4])
    call(db, suppressions.suppress, account_id, ["6971234500", "6971234505"], "", "api")

    for sort in ("created", "-created", "name", "-name"):
        assert found(db, account_id, search="γιωργος", group_id=group_id, sort=sort) == [people[0]]
        assert found(db, account_id, group_id=group_id, blacklisted=True, sort=sort) == [people[0]]
        assert (
            sorted(found(db, account_id, 2, group_id=group_id, blacklisted=False, sort=sort)) == people[1:4]
        )
        assert sorted(found(db, account_id, 1, blacklisted=True, sort=sort)) == [people[0], people[5]]


def test_a_time_of_creation_bounds_the_list(db: Database, account_id: int, people: list[int]) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for days, contact_id in enumerate(people):
        moved = "UPDATE contacts SET created_at = %s WHERE id = %s RETURNING id"
        fetch(db, moved, start + timedelta(days=days), contact_id)
    bounds = {"created_from": "2026-03-03T00:00:00Z", "created_until": "2026-03-06T02:00:00+02:00"}

    assert found(db, account_id, 2, **bounds) == people[2:5]
    assert found(db, account_id, 1, sort="-created", **bounds) == people[2:5][::-1]
    assert sorted(found(db, account_id, 1, sort="name", **bounds)) == people[2:5]


def test_a_cursor_of_another_list_is_refused(db: Database, account_id: int, people: list[int]) -> None:
    by_name = schemas.load(schemas.Listing, {"sort": "name"})
    cursor = call(db, read.list_contacts, account_id, by_name, None, 2)["next_cursor"]

    for wrong in ("", "x", "é", "W10", "WyJuYW1lIl0", cursor[:-4], "WyJpZCIsIHRydWVd"):
        with pytest.raises(BadCursor):
            call(db, read.list_contacts, account_id, by_name, wrong, 2)
    with pytest.raises(BadCursor):
        call(db, read.list_contacts, account_id, schemas.load(schemas.Listing, {}), cursor, 2)
