"""Search entries follow the contacts, and nothing is missed, or shown too long, while they are behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from prometheus_client import REGISTRY

from servicekit.database import Database
from services.contacts import schemas
from services.contacts.jobs import sorting
from services.contacts.queries import search
from services.contacts.use_cases import erasing
from tests.integration.contacts.life import NAMES, Life
from tests.integration.contacts.support import (
    analysed,
    call,
    commit,
    csv,
    database_url,
    fetch,
    new_contact,
)
from tests.support.dataplane import SECRET
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

ENTRY = "c.id, c.search, (SELECT string_agg(p.msisdn::text, ' ' ORDER BY msisdn) FROM phones p WHERE p.contact_id = c.id)"
BEHIND = f"""SELECT count(*) FROM (
    (SELECT {ENTRY} FROM contacts c EXCEPT ALL SELECT contact_id, search, nullif(digits, '') FROM search_entries)
    UNION ALL
    (SELECT contact_id, search, nullif(digits, '') FROM search_entries EXCEPT ALL SELECT {ENTRY} FROM contacts c)) d"""


@pytest.fixture
def connection(db: Database) -> Iterator[Any]:
    """The worker's."""
    connected = psycopg2.connect(database_url(db))
    yield connected
    connected.close()


@pytest.fixture(autouse=True)
def no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is found is found by entries and notes."""
    monkeypatch.setattr(search, "WINDOW", 0)


def found(db: Database, account_id: int, term: str, sort: str = "created") -> list[int]:
    """Who has the term."""
    wanted = schemas.load(schemas.Listing, {"search": term, "sort": sort})
    return call(db, search.page_ids, account_id, wanted, None, 500)[0]


def there(db: Database, account_id: int, term: str) -> list[int]:
    """Who has it, looked for in the tables."""
    sql = """SELECT id FROM contacts c WHERE account_id = %s AND (search LIKE '%%' || contacts_fold(%s) || '%%'
        OR EXISTS (SELECT FROM phones p WHERE p.contact_id = c.id AND p.msisdn::text LIKE '%%' || %s || '%%')) ORDER BY id"""
    return [one for (one,) in fetch(db, sql, account_id, term, term if term.isdigit() else "no")]


def sort_all(connection: Any) -> None:
    """Until nothing waits."""
    while sorting.sort_in(connection):
        pass


@pytest.mark.parametrize("seed", range(4))
def test_a_search_says_what_is_there_after_whatever_happens(
    db: Database, account_id: int, connection: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERYX_SECRET_KEY", SECRET)  # of erased numbers' pseudonyms
    monkeypatch.setattr(sorting, "PAGE", 2)
    life = Life(db, account_id, seed)
    life.may_also(*[lambda: sorting.sort_in(connection)] * 6)

    for number in range(60):
        life.step()
        for term in (*NAMES, str(life.number)):
            assert found(db, account_id, term) == there(db, account_id, term), (number, term)
            assert set(found(db, account_id, term, "-name")) == set(there(db, account_id, term)), (
                number,
                term,
            )

    sort_all(connection)
    assert fetch(db, BEHIND) == [(0,)]
    assert fetch(db, "SELECT 1 FROM search_changes LIMIT 1") == []
    life.connection.close()


def test_an_import_is_found_before_it_is_sorted_in_and_after(
    db: Database, account_id: int, other_account_id: int, worker: Any
) -> None:
    new_contact(db, other_account_id, "6971234501", first_name="Ζηνοβία")
    rows = [f"69712345{n:02};Ζηνοβία" for n in range(20)]
    done = analysed(db, account_id, csv("Κινητό;Όνομα", *rows))

    commit(db, account_id, done["id"])

    assert len(found(db, account_id, "ζηνοβια")) == len(found(db, account_id, "971234")) == 20
    eventually(lambda: fetch(db, BEHIND) == [(0,)], what="the worker has sorted them in")
    assert len(found(db, account_id, "ζηνοβια")) == len(found(db, account_id, "971234")) == 20


def test_while_an_import_runs_only_few_are_sorted_in_until_too_many_wait(
    db: Database, account_id: int, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [new_contact(db, account_id, f"69712345{n:02}") for n in range(4)]
    sort_all(connection)
    monkeypatch.setattr(sorting, "NARROW", 2)
    running = """INSERT INTO imports (account_id, filename, source, size, state)
        VALUES (%s, 'a.csv', 'file', 0, 'running') RETURNING id"""
    [(import_id,)] = fetch(db, running, account_id)
    fetch(db, "UPDATE contacts SET first_name = 'Ζήνων' WHERE id = ANY(%s) RETURNING id", many)
    alone = new_contact(db, account_id, "6971234510", first_name="Ζήνων")

    sort_all(connection)
    assert fetch(db, "SELECT last_id - first_id FROM search_changes") == [(many[-1] - many[0],)]
    assert REGISTRY.get_sample_value("keryx_contacts_unsorted") == many[-1] - many[0] + 1
    assert found(db, account_id, "ζηνων") == [*many, alone]

    monkeypatch.setattr(sorting, "MOST_WAITING", 3)
    sort_all(connection)
    assert fetch(db, BEHIND) == [(0,)]
    assert found(db, account_id, "ζηνων") == [*many, alone]
    fetch(db, "DELETE FROM imports WHERE id = %s RETURNING 1", import_id)


def test_one_worker_sorts_at_a_time(db: Database, account_id: int, connection: Any) -> None:
    new_contact(db, account_id, "6971234501", first_name="Ζήνων")
    with psycopg2.connect(database_url(db)) as other, other.cursor() as cursor:
        cursor.execute(sorting._ALONE)

        assert not sorting.sort_in(connection)
    other.close()

    assert sorting.sort_in(connection)


def test_what_is_being_changed_meanwhile_is_sorted_in_afterwards(
    db: Database, account_id: int, connection: Any
) -> None:
    contact_id = new_contact(db, account_id, "6971234501", first_name="Ζήνων")
    with psycopg2.connect(database_url(db)) as other:
        with other.cursor() as cursor:
            cursor.execute("UPDATE contacts SET first_name = 'Ξένια' WHERE id = %s", (contact_id,))
            sort_all(connection)
        assert (found(db, account_id, "ζηνων"), found(db, account_id, "ξενια")) == ([contact_id], [])
    other.close()

    assert (found(db, account_id, "ζηνων"), found(db, account_id, "ξενια")) == ([], [contact_id])
    sort_all(connection)
    assert fetch(db, BEHIND) == [(0,)]


def test_a_number_is_noted_whoever_brings_or_takes_it(db: Database, account_id: int, worker: Any) -> None:
    contact_id = new_contact(db, account_id, "6971234501")
    eventually(lambda: fetch(db, BEHIND) == [(0,)], what="the worker has sorted it in")

    rows = analysed(db, account_id, csv("Κινητό;Κινητό 2", "6971234501;6981234502"))
    commit(db, account_id, rows["id"], policy="fill")
    assert found(db, account_id, "98123") == [contact_id]
    eventually(lambda: fetch(db, BEHIND) == [(0,)], what="and its new number")

    fetch(db, "DELETE FROM phones WHERE msisdn = 306981234502 RETURNING 1")
    assert found(db, account_id, "98123") == []
    eventually(lambda: fetch(db, BEHIND) == [(0,)], what="and that it is gone")


def test_nothing_is_left_of_somebody_erased_although_nothing_sorts(
    db: Database, account_id: int, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERYX_SECRET_KEY", SECRET)
    new_contact(db, account_id, "6971234501", first_name="Ζήνων")
    sort_all(connection)

    call(db, erasing.erase, account_id, "6971234501")

    assert fetch(db, "SELECT 1 FROM search_entries WHERE account_id = %s", account_id) == []
