"""How many contacts a group has: always what counting them would say."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest

from servicekit.database import Database
from services.contacts.jobs import counting
from services.contacts.queries import contacts as read
from services.contacts.use_cases import groups
from tests.integration.contacts.life import Life
from tests.integration.contacts.support import (
    analysed,
    call,
    commit,
    csv,
    database_url,
    fetch,
    new_contact,
    new_group,
)
from tests.support.dataplane import SECRET

pytestmark = pytest.mark.integration


def shown(db: Database, account_id: int) -> dict[int, int]:
    """Group → what the list says."""
    return {one["id"]: one["members"] for one in call(db, read.list_groups, account_id, None, 500)["data"]}


def counted(db: Database, account_id: int) -> dict[int, int]:
    """Group → how many there are."""
    sql = """SELECT g.id, count(m.contact_id) FROM groups g LEFT JOIN group_members m ON m.group_id = g.id
        WHERE g.account_id = %s GROUP BY g.id"""
    return dict(fetch(db, sql, account_id))


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_exact_after_whatever_happens(
    db: Database, account_id: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERYX_SECRET_KEY", SECRET)  # of erased numbers' pseudonyms
    life = Life(db, account_id, seed)
    life.may_also(lambda: counting.fold(life.connection))

    for number in range(60):
        life.step()
        assert shown(db, account_id) == counted(db, account_id), number

    while fetch(db, "SELECT 1 FROM group_deltas LIMIT 1"):
        counting.fold(life.connection)
    assert shown(db, account_id) == counted(db, account_id)
    life.connection.close()


def test_an_import_counts_whom_it_adds_and_a_deleted_group_leaves_nothing(
    db: Database, account_id: int, worker: Any
) -> None:
    old = new_group(db, account_id, "old", [new_contact(db, account_id, "6971234500", "6971234501")])
    new = new_group(db, account_id, "new")
    found = analysed(
        db, account_id, csv("Κινητό;Ομάδα", "6971234501;old", "6971234502;old", "6971234503;third")
    )

    commit(db, account_id, found["id"], group_ids=[new])

    assert shown(db, account_id) == counted(db, account_id)
    assert (shown(db, account_id)[old], shown(db, account_id)[new]) == (2, 3)
    call(db, groups.delete_group, account_id, new)
    connection = psycopg2.connect(database_url(db))
    while fetch(db, "SELECT 1 FROM group_deltas LIMIT 1"):
        counting.fold(connection)
    connection.close()
    assert fetch(db, "SELECT 1 FROM group_counts WHERE group_id = %s", new) == []
