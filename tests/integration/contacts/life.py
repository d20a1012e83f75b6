"""An account of contacts in which anything may happen, for what has to follow along."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg2

from contracts.errors import KeryxError
from servicekit.database import Database
from services.contacts.use_cases import bulk, contacts, erasing, groups, merging, trash, unmerging
from tests.integration.contacts.support import call, database_url, new_contact, new_group

NAMES = ("Γιώργος", "ΓΕΩΡΓΊΑ", "giorgos", "Ζωή", "697")

Step = Callable[[], Any]


class Life:
    """An account in which anything may happen next."""

    def __init__(self, db: Database, account_id: int, seed: int) -> None:
        """Some groups and contacts to begin with."""
        self.db, self.account_id, self.random = db, account_id, random.Random(seed)
        self.number = 6_970_000_000
        self.groups = [new_group(db, account_id, f"G{n}") for n in range(4)]
        self.contacts = [self.born() for _ in range(8)]
        self.undoable: list[tuple[Callable[..., Any], int]] = []
        self.further: list[Step] = []
        self.connection = psycopg2.connect(database_url(db))

    def may_also(self, *steps: Step) -> None:
        """Let these happen, too."""
        self.further += steps

    def some(self, what: list[int], most: int = 3) -> list[int]:
        return self.random.sample(what, min(len(what), self.random.randint(1, most)))

    def born(self) -> int:
        self.number += 1
        name = self.random.choice(NAMES)
        return new_contact(
            self.db, self.account_id, str(self.number), first_name=name, group_ids=self.some(self.groups)
        )

    def renumbered(self) -> None:
        """A contact gets another name and a second number."""
        self.number += 1
        data = {"first_name": self.random.choice(NAMES), "numbers": [{"number": str(self.number)}]}
        self.do(contacts.update_contact, self.some(self.contacts)[0], data, None)

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
            self.renumbered,
            lambda: self.do(contacts.delete_contact, self.some(self.contacts)[0]),
            lambda: self.do(trash.restore, self.some(self.contacts)[0]),
            lambda: self.do(groups.delete_group, self.some(self.groups)[0]),
            lambda: self.do(erasing.erase, str(self.random.randint(6_970_000_001, self.number))),
            self.merge,
            self.bulk,
            self.undo,
            self.dies,
            *self.further,
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
