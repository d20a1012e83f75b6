"""Messages from phones: stored before the operator is answered, then told in batches to whoever they are for.

**Whose it is.** A message belongs to the account that last sent to that number, from the sender id or short code that it is
addressed to, over the connector it came by. Where nobody did it stays here, told to nobody.

**Once.** An operator that got no answer delivers again, and SMPP gives a message from a phone no id. The same octets between
the same two addresses over the same connector within REDELIVERY_MINUTES are the same message, unless something was sent to
that number in between: the same word in answer to another message is another answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from prometheus_client import Counter

import smstext
from contracts.events import MessageReceived, ReceivedMessage
from servicekit import logs, outbox

from .smpp.pdu import ESM_UDHI, Deliver

log = logs.get(__name__)

REDELIVERY_MINUTES = 10
MISSING_PART_SECONDS = 60
PAGE = 500
_LOCK_ID = 7_110_004
_KIND = 0x3C  # §5.2.12: bits 5..2 of esm_class; 0 is a message, all else an acknowledgement or a notification

received = Counter("keryx_inbound_total", "Messages from phones by whether an account was found", ["outcome"])
unreadable = Counter("keryx_receipts_unreadable_total", "deliver_sm that report on no message", ["connector"])

_STORE = """
INSERT INTO inbound (connector_id, sender, recipient, data_coding, esm_class, body, fingerprint)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""

_NEW = "SELECT id, connector_id, sender, recipient FROM inbound WHERE NOT told AND answers IS NULL ORDER BY id LIMIT %s"

_ANSWERS = """
UPDATE inbound i SET answers = coalesce((
    SELECT m.id FROM messages m
    WHERE m.recipient = n.msisdn AND m.connector_id = i.connector_id AND m.sender IN (n.address, '+' || n.address)
        AND m.submitted_at IS NOT NULL
    ORDER BY m.id DESC LIMIT 1), 0)
FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS n (id, msisdn, address) WHERE i.id = n.id
"""

_DROP_REPEATED = """
DELETE FROM inbound i WHERE i.id = ANY(%s) AND EXISTS (
    SELECT FROM inbound e WHERE e.fingerprint = i.fingerprint AND e.id < i.id AND e.answers = i.answers
        AND e.received_at > i.received_at - make_interval(mins => %s))
"""

_UNTOLD = """
SELECT i.id, i.connector_id, i.sender, i.recipient, i.data_coding, i.esm_class, i.body, i.received_at,
    i.received_at < now() - make_interval(secs => %s), m.account_id, c.campaign_id
FROM inbound i LEFT JOIN messages m ON m.id = i.answers LEFT JOIN chunks c ON c.id = m.chunk_id
WHERE NOT i.told AND i.answers IS NOT NULL ORDER BY i.id LIMIT %s
"""

_TOLD = """
UPDATE inbound i SET told = true, account_id = n.account_id
FROM unnest(%s::bigint[], %s::bigint[]) AS n (id, account_id) WHERE i.id = n.id
"""


def is_message(deliver: Deliver) -> bool:
    """Whether a deliver_sm that is no readable receipt is a message at all, and not a receipt without its id."""
    return not deliver.esm_class & _KIND


def store(connector_id: int, deliver: Deliver, cursor: Any) -> None:
    """Keep a message, in the transaction that the answer to the operator waits for."""
    row = (deliver.source, deliver.destination, deliver.data_coding, deliver.esm_class, deliver.octets)
    cursor.execute(_STORE, (connector_id, *row, _fingerprint(connector_id, deliver)))


def _fingerprint(connector_id: int, deliver: Deliver) -> bytes:
    tlvs = [[tag, value.hex()] for tag, value in sorted(deliver.tlvs.items())]
    rest = [deliver.source, deliver.destination, deliver.esm_class, deliver.data_coding]
    whole = orjson.dumps([connector_id, *rest, deliver.octets.hex(), tlvs])
    return hashlib.blake2b(whole, digest_size=16).digest()


@dataclass
class _Message:
    """A message put together from its parts; ``id`` is that of the part that came first."""

    id: int
    sender: str
    recipient: str
    received_at: datetime
    account_id: int | None
    campaign_id: int | None
    total: int
    parts: dict[int, str] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    is_old: bool = False

    @property
    def text(self) -> str:
        """What is there of it, in order, without what no text may hold."""
        whole = "".join(self.parts[number] for number in sorted(self.parts))
        return "".join(character for character in whole if character.isprintable() or character == "\n")


def tell(cursor: Any) -> int:
    """Tell up to PAGE stored messages, whole ones and those whose missing part did not come; returns how many.

    Only one replica does it at a time. What it told is marked in the transaction of the event.
    """
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK_ID,))
    if not cursor.fetchone()[0]:
        return 0
    _find_owners(cursor)
    cursor.execute(_UNTOLD, (MISSING_PART_SECONDS, PAGE))
    whole = [one for one in _put_together(cursor.fetchall()) if len(one.parts) == one.total or one.is_old]
    told = [_as_event(one, one.account_id) for one in whole if one.account_id is not None]
    if told:
        outbox.add(cursor, MessageReceived(told))
    if whole:
        rows = [(row, one.account_id) for one in whole for row in one.rows]
        cursor.execute(_TOLD, ([row for row, _ in rows], [account_id for _, account_id in rows]))
    received.labels("told").inc(len(told))
    received.labels("nobodys").inc(len(whole) - len(told))
    return len(whole)


def _find_owners(cursor: Any) -> None:
    """Note which message each new row answers (0: none), and drop what was delivered again."""
    cursor.execute(_NEW, (PAGE,))
    new = cursor.fetchall()
    if not new:
        return
    ids = [row[0] for row in new]
    numbers, addresses = [_msisdn(row[2]) or 0 for row in new], [row[3].removeprefix("+") for row in new]
    cursor.execute(_ANSWERS, (ids, numbers, addresses))
    cursor.execute(_DROP_REPEATED, (ids, REDELIVERY_MINUTES))


def _put_together(rows: Iterable[tuple[Any, ...]]) -> list[_Message]:
    messages: dict[Any, _Message] = {}
    for (row_id, connector_id, sender, recipient, data_coding, esm_class, body, received_at, is_old, account_id,
         campaign_id) in rows:  # fmt: skip
        part, octets = _part_of(esm_class, bytes(body))
        key = (connector_id, sender, recipient, part.reference, part.total) if part else row_id
        total = part.total if part else 1
        fresh = _Message(row_id, sender, recipient, received_at, account_id, campaign_id, total)
        message = messages.setdefault(key, fresh)
        message.parts[part.seq if part else 1] = _decoded(data_coding, octets)
        message.rows.append(row_id)
        message.is_old |= is_old
    return list(messages.values())


def _part_of(esm_class: int, body: bytes) -> tuple[smstext.ConcatInfo | None, bytes]:
    """Which part of a long message the octets are, if any, and the octets without their header."""
    if not esm_class & ESM_UDHI:
        return None, body
    try:
        return smstext.split_udh(body)
    except smstext.BadOctets:
        return None, body


def _decoded(data_coding: int, octets: bytes) -> str:
    """The text of ``octets`` by data_coding (§5.2.19); what is not readable becomes a replacement character."""
    if data_coding & 0xEC == 0x08:  # UCS-2, also with a message class (TS 23.038 §4)
        return smstext.decode_ucs2(octets, "replace")
    if data_coding in (1, 3):
        return octets.decode("latin-1")
    return smstext.decode_gsm(octets, "replace")


def _msisdn(sender: str) -> int | None:
    try:
        return int(smstext.parse_msisdn(sender))
    except smstext.InvalidNumber:
        return None


def _as_event(message: _Message, account_id: int) -> ReceivedMessage:
    at = message.received_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return ReceivedMessage(
        id=message.id,
        account_id=account_id,
        number=str(_msisdn(message.sender)),
        recipient=message.recipient,
        text=message.text,
        received_at=at,
        campaign_id=message.campaign_id,
    )
