"""``python -m contracts.describe``: the page docs/events.md, made from the shapes and their examples."""

from __future__ import annotations

import inspect
import json
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any

from .chunks import QUEUES, Chunk
from .events import (
    ALL,
    AccountChanged,
    AudienceFrozen,
    BalanceLow,
    ChunkProgress,
    ImportFinished,
    MessageReceived,
    MessagesProgressed,
    NumbersErased,
    OptOutRequested,
    OrderPaid,
    ReceivedMessage,
    Sale,
    SuppressionBulkChanged,
    SuppressionChanged,
)
from .queues import SUBSCRIPTIONS

EXAMPLES = Path(__file__).parent / "examples"

ENVELOPE = {
    "id": "unique for ever; a consumer remembers it and does its work once",
    "type": "what happened",
    "version": "of the shape of `data`; a breaking change is a new version published beside the old one",
    "occurred_at": "UTC, ISO 8601 with milliseconds and Z",
    "producer": "the one service that may tell it",
    "account_id": "the account it is about; null for a batch of several",
    "correlation_id": "of the request or job it began with; the same in all logs and events that follow from it",
    "causation_id": "the event that caused it, if one did",
    "data": "the fields below",
}

SUPPRESSION = {
    "account_id": "whose blacklist changed",
    "sequence": "counts by one per account; a gap that stays makes the consumer ask for what is missing",
    "suppressed": "numbers that may no longer be sent to, E.164 digits without +",
    "lifted": "numbers that may be sent to again",
}

MEANINGS: dict[type, dict[str, str]] = {
    AccountChanged: {
        "account_id": "the account",
        "name": "as notices address it",
        "locale": "`el` or `en`: the language of notices",
        "version": "of the settings; an older one than known is ignored",
        "low_balance_level": "micro-euro below which the account wants a notice; null: never",
        "low_balance_emails": "where the notice goes",
        "timezone": "IANA name; in it the account's days begin",
    },
    AudienceFrozen: {
        "snapshot_id": "under which its pages are read (`audience_page`)",
        "campaign_id": "the campaign that asked for it",
        "account_id": "whose it is",
        "recipients": "how many numbers it has, exactly",
        "duplicates": "numbers that came up more than once, counted without their first",
        "suppressed": "numbers left out because they are blacklisted or opted out",
        "failed": "stable code when it could not be made; null when it stands",
    },
    SuppressionChanged: SUPPRESSION,
    SuppressionBulkChanged: SUPPRESSION,
    NumbersErased: {
        "account_id": "the account",
        "numbers": "all numbers of the person",
        "opted_out": "those of them that were blacklisted, or had asked to be",
        "opted_out_since": "pseudonyms of numbers erased before, whose owners opted out by an old link",
        "sequence": "of the account's last `suppression_changed` before it; 0: not known",
    },
    ImportFinished: {
        "account_id": "whose it is",
        "import_id": "the import, as contacts answers it",
        "filename": "of the file; empty for pasted numbers",
        "state": "`done`, `failed` or `cancelled`",
        "rows": "how many were judged",
        "accepted": "rows whose numbers were all new to the account",
        "updated": "rows of which the account had a number",
        "duplicates": "rows whose numbers all stand higher up",
        "rejected": "rows that cannot be stored; a workbook has them",
        "stored": "of accepted and updated, how many were stored before it ended",
        "failed": "stable code of what went wrong; null unless it failed",
    },
    OptOutRequested: {
        "account_id": "whom they asked",
        "opt_out_id": "the request, as listed by contacts",
        "number": "who asked, E.164 digits without +",
        "channel": "`link` in a message, or `keyword` sent back",
        "state": "`approved`: blacklisted at once; `pending`: the account decides",
        "campaign_id": "the campaign whose message they answer to; null when that is not known",
    },
    MessagesProgressed: {
        "chunks": "what changed, one entry a hold (below)",
        "sold": "who took what the chunks captured, one entry an account, connector and destination (below)",
    },
    Sale: {
        "account_id": "who pays",
        "connector": "name of the connector whose operator took the parts",
        "destination": "first five digits of the numbers: their country, mostly their network",
        "parts": "how many",
        "captured": "their price, micro-euro",
    },
    ChunkProgress: {
        "hold_id": "the hold that pays for these messages: `c<chunk>` of a campaign, `d…` of a direct send",
        "account_id": "who pays",
        "campaign_id": "the campaign; null for a direct send",
        "accepted": "messages stored",
        "submitted": "messages of which the operator took a part for the first time",
        "left": "messages that will not be handed to an operator any more: sent, refused, stopped for good",
        "finals": "messages that entered each final state; negative: left it, by proof",
        "captured_parts": "parts that the operator took, to be paid",
        "captured": "their price, micro-euro",
        "released": "price of what will never be sent, micro-euro, given back",
    },
    MessageReceived: {
        "messages": "what came, at most 500 (below)",
    },
    ReceivedMessage: {
        "id": "of the message, as the dispatcher keeps it",
        "account_id": "whom it is for: who last sent to that number from there over that connector",
        "number": "who wrote, E.164 digits without +",
        "recipient": "the sender id or short code they wrote to",
        "text": "what they wrote, parts put together",
        "received_at": "when it was stored, UTC",
        "campaign_id": "of what was last sent to them; null for a direct send",
    },
    BalanceLow: {
        "account_id": "the account",
        "account_name": "as the notice addresses it",
        "locale": "`el` or `en`: the language of the notice",
        "emails": "where it goes",
        "available": "micro-euro that can still be spent",
        "level": "micro-euro below which they fell",
        "currency": "of both",
        "remaining": "one-part messages to a Greek number that it still pays, by price class",
    },
    OrderPaid: {
        "account_id": "the account",
        "order_id": "the order",
        "receipt": "number of its receipt, which billing answers as PDF",
        "buyer": "whose name is on the receipt",
        "locale": "`el` or `en`: the language of the receipt",
        "emails": "where it goes; empty: nowhere",
        "method": "`bank`, or the payment provider",
        "net_cents": "price without VAT, cents",
        "vat_cents": "VAT, cents",
        "gross_cents": "what was paid, cents",
        "credit": "what the balance got, micro-euro",
        "currency": "of all of them",
    },
    Chunk: {
        "hold_id": "under which the price of all of it is held; the chunk's business key: accepted once",
        "account_id": "who sends and pays",
        "campaign_id": "of which campaign",
        "sender": "sender id of all messages",
        "price_class": "`normal` or `low`: which routes may take it",
        "kind": "`marketing` (lane `bulk`) or `transactional` (lane `priority`)",
        "messages": "rows of `[msisdn, text, encoding, parts, price]`; price in micro-euro a part, at most 500 rows",
        "validity_seconds": "what the operator is told; a silent message expires a grace after it",
        "channel": "where it came from, for the history",
    },
}

PARTS: dict[type, dict[str, type]] = {
    MessagesProgressed: {"chunks": ChunkProgress, "sold": Sale},
    MessageReceived: {"messages": ReceivedMessage},
}

BATCH_FIELDS = {
    "batch_id": "the row that says all the rest; the content lives there alone",
    "generation": "of the order; an older one than the row's is dropped",
}


@dataclass(frozen=True)
class Section:
    """One shape on the page. ``fields`` are (name, type, default or "", meaning)."""

    type: str
    version: int
    producer: str
    way: str
    about: str
    fields: list[tuple[str, str, str, str]]
    parts: dict[str, list[tuple[str, str, str, str]]]

    @property
    def example(self) -> str:
        """Its example as text."""
        return example_path(self.producer, self.type, self.version).read_text(encoding="utf-8").strip()


def example_path(producer: str, type_: str, version: int) -> Path:
    """Where the example of a shape lies."""
    return EXAMPLES / f"{producer}.{type_}.v{version}.json"


def page() -> str:
    """The whole page in Markdown."""
    return "\n".join([*_head(), *(line for section in sections() for line in _section(section))]) + "\n"


def sections() -> list[Section]:
    """All shapes in the order of the page: events, then what the data plane tells itself."""
    return [*map(_event, ALL), _chunk(), _batch()]


def _event(event: type[Any]) -> Section:
    queues = [f"`{queue}`" for queue, listened in SUBSCRIPTIONS.items() if listened is event]
    parts = {name: _rows(shape) for name, shape in PARTS.get(event, {}).items()}
    way = f"exchange `keryx.events`, key `{event.routing_key()}` → {', '.join(queues)}"
    return Section(event.TYPE, event.VERSION, event.PRODUCER, way, _about(event), _rows(event), parts)


def _chunk() -> Section:
    way = " or ".join(f"`{queue}`" for queue in QUEUES.values()) + " → the dispatcher's acceptor"
    return Section(Chunk.TYPE, Chunk.VERSION, Chunk.PRODUCER, way, _about(Chunk), _rows(Chunk), {})


def _batch() -> Section:
    rows = [(name, "int", "", meaning) for name, meaning in BATCH_FIELDS.items()]
    about = "The order to send a batch: dispatcher to its own senders."
    return Section("batch_queued", 1, "dispatcher", "`smsc.<connector>.<lane>` → a sender", about, rows, {})


def _about(shape: type[Any]) -> str:
    return " ".join((inspect.getdoc(shape) or "").replace("``", "`").split())


def _rows(shape: type[Any]) -> list[tuple[str, str, str, str]]:
    return [(one.name, str(one.type), _default(one), MEANINGS[shape][one.name]) for one in fields(shape)]


def _default(one: Field[Any]) -> str:
    if one.default is not MISSING:
        return json.dumps(one.default)
    return "" if one.default_factory is MISSING else json.dumps(one.default_factory())


def _head() -> list[str]:
    return [
        "# Events",
        "",
        "Made by `python -m contracts.describe > docs/events.md` from `libs/contracts`; a test compares them.",
        "Every body is this envelope as JSON, compressed with zlib. Unknown fields are ignored; a missing field",
        "takes its default. Money is integer micro-euro, phone numbers are E.164 digits without +.",
        "",
        "| field of the envelope | meaning |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in ENVELOPE.items()),
        "",
        "| type | version | told by | way |",
        "|---|---|---|---|",
        *(f"| [{s.type}](#{s.type}) | {s.version} | {s.producer} | {s.way} |" for s in sections()),
        "",
        "A consumer takes an event in one transaction with its id (inbox) and acknowledges after the commit. What fails",
        "is tried again from `<queue>.retry` after 5 s, eight times, and then lies in `<queue>.dead`",
        "([operations](operations.md)).",
    ]


def _section(section: Section) -> list[str]:
    lines = ["", f"## {section.type}", "", section.about, "", *_table(section.fields)]
    for name, rows in section.parts.items():
        lines += ["", f"Each of `{name}`:", "", *_table(rows)]
    return [*lines, "", "```json", section.example, "```"]


def _table(rows: list[tuple[str, str, str, str]]) -> list[str]:
    body = [
        f"| `{name}` | {kind.replace('|', 'or')} | {default} | {meaning} |"
        for name, kind, default, meaning in rows
    ]
    return ["| field | type | default | meaning |", "|---|---|---|---|", *body]


def main() -> None:
    """Print the page."""
    print(page(), end="")


if __name__ == "__main__":
    main()
