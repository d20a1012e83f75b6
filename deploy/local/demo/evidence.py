"""What each side says in the end: Keryx over REST, the simulated operator, the mailbox, the broker. Only collected here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from simulators.mailbox.testing import Mailbox
from simulators.smsc.testing import Smsc

from . import setup, workings
from .api import Api
from .importing import Imported
from .money import micro
from .setup import Account
from .waiting import Deadline

ESME_ROK = 0
UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class Evidence:
    """Everything the checks and the report look at, from one moment.

    ``messages`` are rows of GET /messages with their parts; ``submits`` and ``receipts`` are lines of the simulator;
    ``history`` is a row per message of the exported workbook. ``killed`` says that a sender was killed on the way.
    """

    imported: Imported
    campaign: dict[str, Any]
    messages: list[dict[str, Any]]
    submits: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    history: list[dict[str, Any]]
    topped_up: int
    balance: dict[str, Any]
    books: dict[str, Any]
    overview: dict[str, int]
    queues: dict[str, int]
    backlogs: dict[str, float]
    mails: list[dict[str, Any]]
    opted_out: frozenset[str] = frozenset()
    killed: bool = field(default=False)

    @cached_property
    def taken(self) -> dict[str, dict[int, list[dict[str, Any]]]]:
        """What the operator answered ESME_ROK: number → part → the submits of it."""
        found: dict[str, dict[int, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for line in self.submits:
            if line["command_status"] == ESME_ROK:
                found[line["to"]][line["part"]].append(line)
        return {number: dict(parts) for number, parts in found.items()}

    @cached_property
    def doubtful(self) -> list[tuple[str, int]]:
        """Parts that may have left and of which nothing is known: (number, part)."""
        return [
            (message["to"], part["no"])
            for message in self.messages
            for part in message["parts_detail"]
            if part["state"] == UNCERTAIN
        ]

    @cached_property
    def states(self) -> Counter[str]:
        """Messages by state, as GET /messages shows them."""
        return Counter(message["state"] for message in self.messages)

    @property
    def parts(self) -> int:
        """Parts of all messages."""
        return sum(message["parts"] for message in self.messages)

    @cached_property
    def part_prices(self) -> dict[str, int]:
        """Number → micro-euro a part."""
        return {message["to"]: micro(message["price"]) // message["parts"] for message in self.messages}


@dataclass(frozen=True)
class Sources:
    """Whom to ask."""

    operator: Api
    account: Account
    smsc: Smsc
    mailbox: Mailbox
    environment: Mapping[str, str]

    def at_rest(self) -> bool:
        """Whether nothing is on its way any more: no receipt to come, no batch, no event."""
        stats = self.smsc.stats()
        overview = self.operator.get("/operator/overview")
        return (
            stats["receipts"]["pending"] == 0
            and overview["queued_batches"] == overview["open_messages"] == 0
            and not any(self.queues().values())
            and not any(workings.outbox_backlogs(self.environment).values())
        )

    def queues(self) -> dict[str, int]:
        """Depths of all queues."""
        return workings.queue_depths(self.environment["KERYX_AMQP_URI"], setup.CONNECTOR)

    def export_history(self, campaign_id: str, file: Path, deadline: Deadline) -> list[dict[str, Any]]:
        """Export the campaign's messages to ``file``; its rows by header."""
        client = self.account.client
        job = client.post(
            "/exports", {"what": "messages", "format": "xlsx", "filter": {"campaign_id": campaign_id}}
        )

        def ended() -> dict[str, Any] | None:
            export: dict[str, Any] = client.get(f"/exports/{job['id']}")
            return export if export["state"] in ("done", "failed") else None

        if deadline.wait(ended, "the export of the history")["state"] == "failed":
            raise ValueError("the export of the history failed")
        workbook = client.download(f"/exports/{job['id']}/file")
        file.write_bytes(workbook)
        return _rows(workbook)

    def collect(
        self, campaign_id: str, imported: Imported, topped_up: int, history: list[dict[str, Any]],
        opted_out: frozenset[str], killed: bool,
    ) -> Evidence:  # fmt: skip
        """Ask everybody."""
        client = self.account.client
        return Evidence(
            imported=imported,
            campaign=client.get(f"/campaigns/{campaign_id}"),
            messages=list(client.pages("/messages", campaign_id=campaign_id, parts_detail="true")),
            submits=list(self.smsc.received()),
            receipts=list(self.smsc.receipts()),
            history=history,
            topped_up=topped_up,
            balance=client.get("/balance"),
            books=self.operator.get("/operator/books"),
            overview=self.operator.get("/operator/overview"),
            queues=self.queues(),
            backlogs=workings.outbox_backlogs(self.environment),
            mails=self.mailbox.messages(to=self.account.low_balance_email),
            opted_out=opted_out,
            killed=killed,
        )


def _rows(workbook: bytes) -> list[dict[str, Any]]:
    sheet = load_workbook(BytesIO(workbook), read_only=True).active
    assert sheet is not None
    rows = sheet.iter_rows(values_only=True)
    headers = [str(cell) for cell in next(rows)]
    # A row ends with its last filled cell.
    return [dict(zip_longest(headers, row)) for row in rows]
