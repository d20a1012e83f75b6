"""Every event there is, one frozen dataclass each. An event exists once somebody listens to it.

``TYPE`` is past tense, ``VERSION`` a whole number, ``PRODUCER`` the one service that may tell it.
Money is integer micro-euro, phone numbers are E.164 digits without +, ids are integers unless said otherwise.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """Base of all events; knows how to become data and come back, ignoring fields it does not know."""

    TYPE: ClassVar[str]
    VERSION: ClassVar[int]
    PRODUCER: ClassVar[str]

    def to_data(self) -> dict[str, Any]:
        """JSON-able data of this event."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """Read ``data``; unknown fields are ignored, missing ones take their default.

        Raises TypeError when a field without default is missing.
        """
        known = {f.name for f in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})

    @classmethod
    def routing_key(cls) -> str:
        """``<producer>.<type>``, the key on the exchange of events."""
        return f"{cls.PRODUCER}.{cls.TYPE}"


def _entries(shape: type[T], rows: list[dict[str, Any]]) -> list[T]:
    known = {f.name for f in fields(shape)}  # type: ignore[arg-type]
    return [shape(**{key: value for key, value in row.items() if key in known}) for row in rows]


@dataclass(frozen=True)
class AccountChanged(Event):
    """An account was made or its settings changed. ``low_balance_level`` None means no notice is wanted.

    ``timezone`` is an IANA name: in it the account's days begin.
    """

    TYPE = "account_changed"
    VERSION = 1
    PRODUCER = "accounts"

    account_id: int
    name: str
    locale: str
    version: int = 0
    low_balance_level: int | None = None
    low_balance_emails: list[str] = field(default_factory=list)
    timezone: str = "Europe/Athens"


@dataclass(frozen=True)
class AudienceFrozen(Event):
    """The snapshot that a campaign will be sent to stands; ``recipients`` is exact.

    ``failed`` is a stable code when the snapshot could not be made; the other figures are 0 then.
    """

    TYPE = "audience_frozen"
    VERSION = 1
    PRODUCER = "contacts"

    snapshot_id: int
    campaign_id: int
    account_id: int
    recipients: int
    duplicates: int = 0
    suppressed: int = 0
    failed: str | None = None


@dataclass(frozen=True)
class SuppressionChanged(Event):
    """Numbers that an account may no longer send to (``suppressed``) or may again (``lifted``), 500 at most.

    ``sequence`` counts by one per account, over these and ``suppression_bulk_changed``; who sees a gap that stays asks for
    what is missing. An opt-out may overtake its account's bulk: what it suppresses holds at once.
    """

    TYPE = "suppression_changed"
    VERSION = 1
    PRODUCER = "contacts"

    account_id: int
    sequence: int
    suppressed: list[str] = field(default_factory=list)
    lifted: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SuppressionBulkChanged(SuppressionChanged):
    """The same, of a change of more than 500 numbers: events of 500 that have a queue of their own.

    So nobody's opt-out waits behind somebody's file.
    """

    TYPE = "suppression_bulk_changed"


@dataclass(frozen=True)
class NumbersErased(Event):
    """An account erased ``numbers``: what is kept about them must not show whose they were.

    Those in ``opted_out`` may not be sent to, should they come again. ``opted_out_since`` are pseudonyms of numbers erased
    before, whose owners have opted out by an old link now. It is behind the account's blacklist changes up to ``sequence``,
    and before those that follow (0: not known).
    """

    TYPE = "numbers_erased"
    VERSION = 1
    PRODUCER = "contacts"

    account_id: int
    numbers: list[str]
    opted_out: list[str] = field(default_factory=list)
    opted_out_since: list[str] = field(default_factory=list)
    sequence: int = 0


@dataclass(frozen=True)
class ImportFinished(Event):
    """An import is over: ``done``, ``failed``, or ``cancelled`` after it was committed.

    ``rows`` = ``accepted`` + ``updated`` + ``duplicates`` + ``rejected``, all 0 when it failed; ``stored`` of them are stored.
    """

    TYPE = "import_finished"
    VERSION = 1
    PRODUCER = "contacts"

    account_id: int
    import_id: int
    filename: str
    state: str
    rows: int
    accepted: int
    updated: int
    duplicates: int
    rejected: int
    stored: int
    failed: str | None = None


@dataclass(frozen=True)
class OptOutRequested(Event):
    """Somebody asked an account to be left alone, by ``link`` or ``keyword``.

    ``state`` is ``approved`` where the account approves at once (the number is blacklisted then), else ``pending``.
    """

    TYPE = "opt_out_requested"
    VERSION = 1
    PRODUCER = "contacts"

    account_id: int
    opt_out_id: int
    number: str
    channel: str
    state: str
    campaign_id: int | None = None


@dataclass(frozen=True)
class ChunkProgress:
    """What changed for the messages of one hold. All figures are differences, so order does not matter.

    ``finals`` maps a final state to the number of messages that entered it (negative: left it, by proof).
    ``left`` counts messages that will not be handed to an operator any more: sent, refused, stopped for good.
    """

    hold_id: str
    account_id: int
    campaign_id: int | None = None
    accepted: int = 0
    submitted: int = 0
    left: int = 0
    finals: dict[str, int] = field(default_factory=dict)
    captured_parts: int = 0
    captured: int = 0
    released: int = 0


@dataclass(frozen=True)
class Sale:
    """Parts that an operator took, captured at ``captured`` in all: what they cost depends on who took them, and to where.

    ``connector`` is its name, ``destination`` the first five digits of the numbers: countries and most networks.
    """

    account_id: int
    connector: str
    destination: str
    parts: int
    captured: int


@dataclass(frozen=True)
class MessagesProgressed(Event):
    """The dispatcher committed outcomes: what many flushes changed in one event, one entry a hold.

    ``sold`` says of what the chunks captured by whom it was taken; earlier releases did not say it.
    """

    TYPE = "messages_progressed"
    VERSION = 1
    PRODUCER = "dispatcher"

    chunks: list[ChunkProgress]
    sold: list[Sale] = field(default_factory=list)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> MessagesProgressed:
        """Read ``data``, unknown fields ignored in its entries too."""
        return cls(_entries(ChunkProgress, data["chunks"]), _entries(Sale, data.get("sold", [])))


@dataclass(frozen=True)
class ReceivedMessage:
    """A message from a phone. ``id`` is the dispatcher's; ``campaign_id`` of what was last sent to that number."""

    id: int
    account_id: int
    number: str
    recipient: str
    text: str
    received_at: str
    campaign_id: int | None = None


@dataclass(frozen=True)
class MessageReceived(Event):
    """Phones wrote to accounts: in batches, each message to the account that last wrote to that number from there."""

    TYPE = "message_received"
    VERSION = 1
    PRODUCER = "dispatcher"

    messages: list[ReceivedMessage]

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> MessageReceived:
        """Read ``data``, each message with unknown fields ignored."""
        return cls(_entries(ReceivedMessage, data["messages"]))


@dataclass(frozen=True)
class BalanceLow(Event):
    """What an account can spend fell below the level it set; told once per crossing.

    ``remaining`` is how many one-part messages to a Greek number the balance still pays, by price class.
    """

    TYPE = "balance_low"
    VERSION = 1
    PRODUCER = "billing"

    account_id: int
    account_name: str
    locale: str
    emails: list[str]
    available: int
    level: int
    currency: str = "EUR"
    remaining: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class OrderPaid(Event):
    """An order was paid, its credit booked and its receipt issued; once per order.

    Cents are whole; ``credit`` is micro-euro of balance. ``emails`` is where the receipt goes, ``receipt`` its number.
    """

    TYPE = "order_paid"
    VERSION = 1
    PRODUCER = "billing"

    account_id: int
    order_id: int
    receipt: str
    buyer: str
    locale: str
    emails: list[str]
    method: str
    net_cents: int
    vat_cents: int
    gross_cents: int
    credit: int
    currency: str = "EUR"


ALL: tuple[type[Event], ...] = (
    AccountChanged,
    AudienceFrozen,
    SuppressionChanged,
    SuppressionBulkChanged,
    NumbersErased,
    ImportFinished,
    OptOutRequested,
    MessagesProgressed,
    MessageReceived,
    BalanceLow,
    OrderPaid,
)
