"""Campaigns brought to where a test begins, and neighbours that note what they are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contracts.errors import KeryxError
from contracts.events import AudienceFrozen
from servicekit.database import Database, cursor_of
from services.campaigns import progress, queries, use_cases

ACCOUNT = 7
DATA: dict[str, Any] = {
    "name": "Άνοιξη",
    "text": "Γεια {%firstname|σου}",
    "sender": "Keryx",
    "audience": {"group_ids": [1]},
}
TARIFF = {"id": "t", "currency": "EUR", "prices": [["30", 40_000]]}


@dataclass
class Neighbour:
    """What stands behind an RPC proxy here: notes every call, answers with ``answer`` or fails with ``failure``."""

    answer: Any = None
    failure: KeryxError | None = None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(**asked: Any) -> Any:
            self.calls.append((method, asked))
            if self.failure:
                raise self.failure
            return self.answer

        return call


@dataclass
class Campaigns:
    """The use cases, each in a transaction of its own."""

    db: Database
    account: int = ACCOUNT

    def draft(self, **changes: Any) -> int:
        """A new draft's id."""
        with self.db.transaction() as session:
            return int(use_cases.create(session, self.account, {**DATA, **changes}, None)["id"])

    def get(self, campaign_id: int) -> dict[str, Any]:
        """The campaign as it is shown."""
        with self.db.transaction() as session:
            return queries.get(session, self.account, campaign_id)

    def do(self, command: str, *arguments: Any) -> Any:
        """One use case, such as ``do("pause", campaign_id)``."""
        with self.db.transaction() as session:
            return getattr(use_cases, command)(session, self.account, *arguments)

    def sql(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Plain SQL in a transaction."""
        with self.db.transaction() as session:
            cursor = cursor_of(session)
            cursor.execute(statement, arguments)
            return list(cursor.fetchall()) if cursor.description else []

    def counting(self, count: Callable[..., Any], *arguments: Any) -> Any:
        """One function of ``progress`` in a transaction."""
        with self.db.transaction() as session:
            return count(cursor_of(session), *arguments)

    def frozen(self, campaign_id: int, recipients: int, **more: Any) -> None:
        """Contacts told that the snapshot stands."""
        event = AudienceFrozen(5, campaign_id, self.account, recipients, **more)
        with self.db.transaction() as session:
            use_cases.audience_frozen(session, event)

    def expanding(self, recipients: int, **changes: Any) -> int:
        """A running campaign whose audience is frozen."""
        campaign_id = self.draft(**changes)
        self.do("start", campaign_id)
        self.frozen(campaign_id, recipients)
        return campaign_id

    def chunk(self, campaign_id: int, first: int, messages: int, state: str = "queued") -> int:
        """A chunk of ``messages`` messages from ordinal ``first`` on, as the expander would store it."""
        content = b"chunk" if state == "preparing" else None
        last = first + messages - 1
        [(chunk_id,)] = self.sql(
            "INSERT INTO chunks (campaign_id, account_id, first_ordinal, last_ordinal, messages, parts, amount,"
            " state, content) VALUES (%s, %s, %s, %s, %s, %s, 0, %s, %s) RETURNING id",
            *(campaign_id, self.account, first, last, messages, messages, state, content),
        )
        self.sql("UPDATE campaigns SET cursor = %s WHERE id = %s", last, campaign_id)
        return int(chunk_id)

    def expanded(self, *chunks: int) -> tuple[int, list[int]]:
        """A campaign that was expanded into queued chunks of these sizes: its id and theirs."""
        campaign_id = self.expanding(sum(chunks))
        ids, first = [], 1
        for size in chunks:
            ids.append(self.chunk(campaign_id, first, size))
            first += size
        self.counting(progress.finish_expanding, campaign_id)
        return campaign_id, ids
