"""A blacklist in contacts and the dispatcher's copy of it, and what is told between them, in the hands of a test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from contracts.events import NumbersErased, SuppressionChanged
from servicekit import pseudonyms, wire
from servicekit.database import Database, cursor_of
from services.contacts.queries import suppressions as told
from services.contacts.use_cases import erasing as erasing_there
from services.contacts.use_cases import suppressions as blacklist
from services.dispatcher import erasing, suppressions
from services.dispatcher.progress import ChunkCache

NUMBERS = tuple(range(306_900_000_000, 306_900_000_005))
NEWEST = "SELECT coalesce(max(id), 0) FROM outbox_0"
accounts = itertools.count(1)


@dataclass
class Contacts:
    """What the dispatcher asks of contacts, answered by its code on its database; remembers what it was asked."""

    db: Database
    asked: list[tuple[int, int]] = field(default_factory=list)

    def suppressions_since(self, account_id: int, sequence: int, limit: int) -> dict[str, Any]:
        self.asked.append((account_id, sequence))
        with self.db.transaction() as session:
            return told.suppressions_since(session, account_id, sequence, 1)  # as small as pages can be

    def suppression_sequences(self, after: int, limit: int) -> dict[str, Any]:
        with self.db.transaction() as session:
            return told.suppression_sequences(session, after, limit)


@dataclass
class Pair:
    """One account in contacts and in the dispatcher, and the events between them, in the hands of the test."""

    contacts: Contacts
    dispatcher: Database
    account_id: int = field(default_factory=lambda: next(accounts))
    events: list[SuppressionChanged] = field(default_factory=list)
    erasures: list[NumbersErased] = field(default_factory=list)

    def change(self, numbers: list[int], *, on: bool) -> None:
        """Put on the blacklist or take off, and remember what is told of it."""
        with self._told() as session:
            if on:
                blacklist.put(session, self.account_id, numbers, "", "hand")
            else:
                blacklist.lift(session, self.account_id, numbers)

    def erase(self, number: int) -> None:
        with self._told() as session:
            erasing_there.erase(session, self.account_id, str(number))

    def come_back(self, number: int) -> None:
        """As when a contact is made with the number."""
        with self._told() as session:
            blacklist.revive(session, self.account_id, [number])

    def opt_out_by_an_old_link(self, number: int) -> None:
        """What the link of a message does when its number was erased since."""
        with self._told() as session:
            erasing_there.opt_out(session, self.account_id, pseudonyms.of(self.account_id, number))

    @contextmanager
    def _told(self) -> Iterator[Any]:
        with self.contacts.db.transaction() as session:
            cursor = cursor_of(session)
            cursor.execute(NEWEST)
            (before,) = cursor.fetchone()
            yield session
            cursor.execute("SELECT body FROM outbox_0 WHERE id > %s ORDER BY id", (before,))
            for envelope in [wire.decode(bytes(body)) for (body,) in cursor.fetchall()]:
                if envelope.type == NumbersErased.TYPE:
                    self.erasures.append(NumbersErased.from_data(envelope.data))
                else:
                    self.events.append(SuppressionChanged.from_data(envelope.data))

    def deliver(self, event: SuppressionChanged | NumbersErased) -> None:
        with self.dispatcher.transaction() as session:
            cursor = cursor_of(session)
            if isinstance(event, SuppressionChanged):
                suppressions.follow(cursor, event)
            else:
                suppressions.lock(cursor, self.account_id)
                erasing.note(cursor, event, ChunkCache())

    def fill(self) -> None:
        """As if every account had been silent for a while, before each of the two ways to notice a loss."""
        filling = suppressions.Filling(self.dispatcher.transaction, cursor_of, self.contacts)
        for look in (filling.fill_gaps, filling.follow_up):
            with self.dispatcher.transaction() as session:
                cursor_of(session).execute(
                    "UPDATE suppression_sequences SET moved_at = now() - interval '1 hour'"
                )
            look()

    def wait(self) -> None:
        """A minute goes by."""
        with self.dispatcher.transaction() as session:
            cursor_of(session).execute(
                "UPDATE suppression_sequences SET moved_at = now() - interval '1 minute' WHERE account_id = %s",
                (self.account_id,),
            )

    def blacklisted(self) -> set[int]:
        """As contacts has it."""
        return self._numbers(
            self.contacts.db, "SELECT msisdn FROM suppressions WHERE account_id = %s AND active"
        )

    def copy(self) -> set[int]:
        return self._numbers(self.dispatcher, "SELECT msisdn FROM suppressions WHERE account_id = %s")

    def said_no(self) -> set[int]:
        """To whom nothing may be sent, erased numbers that may come again among them; as contacts has it."""
        return self.blacklisted() | self._of_pseudonyms(
            self.contacts.db, "SELECT pseudonym FROM erased_numbers WHERE account_id = %s AND opted_out"
        )

    def blocked(self) -> set[int]:
        """To whom nothing is sent, as the dispatcher has it."""
        return self.copy() | self._of_pseudonyms(
            self.dispatcher, "SELECT pseudonym FROM erasures WHERE account_id = %s AND opted_out"
        )

    def _of_pseudonyms(self, database: Database, statement: str) -> set[int]:
        found = self._numbers(database, statement)
        return {number for number in NUMBERS if pseudonyms.of(self.account_id, number) in found}

    def early(self) -> set[int]:
        return self._numbers(self.dispatcher, "SELECT sequence FROM suppressions_early WHERE account_id = %s")

    def _numbers(self, database: Database, statement: str) -> set[int]:
        with database.transaction() as session:
            cursor = cursor_of(session)
            cursor.execute(statement, (self.account_id,))
            return {number for (number,) in cursor.fetchall()}
