"""How many contacts a group has: always what counting them would say."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg2
import pytest

from contracts.errors import KeryxError
from servicekit.database import Database
from services.contacts.jobs import counting
from services.contacts.queries import contacts as read
from services.contacts.use_cases import (
    bulk,
    contacts,
    erasing,
    groups,
    merging,
    trash,
    unmerging,
)
from tests.integration.contacts.support import analysed, call, commit, csv, fetch, new_contact, new_group
from tests.support.dataplane import SECRET

pytestmark = pytest.mark.integration

Step = Callable[[], Any]


def shown(db: Database, account_id: int) -> dict[int, int]:
    """Group → what the list says."""
    return {one["id"]: one["members"] for one in call(db, read.list_groups, account_id, None, 500)["data"]}


def counted(db: Database, account_id: int) -> dict[int, int]:
    """Group → how many there are."""
    sql = """SELECT g.id, count(m.contact_id) FROM groups g LEFT JOIN group_members m ON m.group_id = g.id
        WHERE g.account_id = %s GROUP BY g.id"""
    return dict(fetch(db, sql, account_id))


class Life:
    """An account in which anything may happen next."""

    def __init__(self, db: Database, account_id: int, seed: int) -> None:
        """Some groups and contacts to begin with."""
        self.db, self.account_id, self.random = db, account_id, random.Random(seed)
        self.number = 6_970_000_000
        self.groups = [new_group(db, account_id, f"G{n}") for n in range(4)]
        self.contacts = [self.born() for _ in range(8)]
        self.undoable: list[tuple[Callable[..., Any], int]] = []
        self.connection = psycopg2.connect(
            db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        )

    def some(self, what: list[int], most: int = 3) -> list[int]:
        return self.random.sample(what, min(len(what), self.random.randint(1, most)))

    def born(self) -> int:
        self.number += 1
        return new_contact(self.db, self.account_id, str(self.number), group_ids=self.some(self.groups))

    def do(self, use_case: Callable[..., Any], *arguments: Any) -> Any:
        return call(self.db, use_case, self.account_id, *arguments)

    def step(self) -> None:
        """Something happens; what cannot be is refused, and changes nothing."""
        steps: list[Step] = [
            lambda: self.contacts.append(self.born()),
            lambda: self.groups.append(new_group(self.db, self.account_id, f"H{self.random.random()}")),
            lambda: self.do(groups.add_members, self.some(self.groups)[0], self.some(self.contacts)),
            lambda: self.do(groups.remove_members, self.some(self.groups)[0], self.some(self.contacts)),
            lambda: self.do(
                contacts.update_contact, self.some(self.contacts)[0], {"group_ids": self.some(self.groups)}, None
            ),
            lambda: self.do(contacts.delete_contact, self.some(self.contacts)[0]),
            lambda: self.do(trash.restore, self.some(self.contacts)[0]),
            lambda: self.do(groups.delete_group, self.some(self.groups)[0]),
            lambda: self.do(erasing.erase, str(self.random.randint(6_970_000_001, self.number))),
            self.merge,
            self.bulk,
            self.undo,
            self.dies,
            lambda: counting.fold(self.connection),
        ]  # fmt: skip
        with suppress(KeryxError):
            self.random.choice(steps)()

    def merge(self) -> None:
        kept, *others = self.some(self.contacts)
        merged = self.do(merging.merge, kept, others)
        self.undoable.append((unmerging.undo, merged["merge_id"]))

    def bulk(self) -> None:
        action = self.random.choice(["add_to_groups", "remove_from_groups", "delete"])
        wanted = {"group_ids": self.some(self.groups)} if action != "delete" else {}
        job = self.do(bulk.bulk, action, {"ids": self.some(self.contacts, 5)}, wanted)
        self.undoable.append((bulk.undo_bulk, job["id"]))

    def undo(self) -> None:
        if self.undoable:
            use_case, one = self.random.choice(self.undoable)
            self.do(use_case, one)

    def dies(self) -> None:
        """Whoever was writing is killed before his commit."""
        with self.connection.cursor() as cursor:
            lines = "\n".join(f"{self.groups[0]}\t{-one}" for one in self.contacts)
            cursor.copy_expert("COPY group_members FROM STDIN", io.BytesIO(lines.encode()))
            cursor.execute("DELETE FROM contacts WHERE account_id = %s", (self.account_id,))
        self.connection.rollback()


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_exact_after_whatever_happens(
    db: Database, account_id: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERYX_SECRET_KEY", SECRET)  # of erased numbers' pseudonyms
    life = Life(db, account_id, seed)

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
    connection = psycopg2.connect(
        db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    while fetch(db, "SELECT 1 FROM group_deltas LIMIT 1"):
        counting.fold(connection)
    connection.close()
    assert fetch(db, "SELECT 1 FROM group_counts WHERE group_id = %s", new) == []
