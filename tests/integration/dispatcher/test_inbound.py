"""Messages from phones: kept once, put together, told to the account that wrote last."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.events import MessageReceived, ReceivedMessage
from servicekit import wire
from services.dispatcher import inbound
from services.dispatcher.smpp.pdu import Deliver
from tests.integration.dispatcher.tables import ACCOUNT, Tables

pytestmark = pytest.mark.integration

PHONE, SHORT_CODE = "306900000001", "54555"


def deliver(text: str = "ΣΤΟΠ", **changes: Any) -> Deliver:
    return Deliver(PHONE, SHORT_CODE, 0, 8, text.encode("utf-16-be"), {})._replace(**changes)


def store(tables: Tables, *messages: Deliver, connector_id: int = 0) -> None:
    with tables.cursor() as cursor:
        for one in messages:
            inbound.store(connector_id or tables.connector_id, one, cursor)


def tell(tables: Tables) -> int:
    with tables.cursor() as cursor:
        return inbound.tell(cursor)


def told(tables: Tables) -> list[ReceivedMessage]:
    rows = tables.sql(
        "SELECT body FROM outbox_0 WHERE routing_key = 'dispatcher.message_received' ORDER BY id"
    )
    events = [MessageReceived.from_data(wire.decode(bytes(body)).data) for (body,) in rows]
    return [message for event in events for message in event.messages]


def sent(tables: Tables, account_id: int = ACCOUNT, sender: str = SHORT_CODE, number: str = PHONE) -> int:
    """A message that an operator took; its campaign."""
    batch_id = tables.accept(1, number=number)
    changes = "account_id = %s, sender = %s, state = 2, submitted_at = now()"
    tables.sql(f"UPDATE messages SET {changes} WHERE batch_id = %s", account_id, sender, batch_id)
    return tables.campaign_of(batch_id)


def test_a_message_is_told_to_the_account_that_wrote_last_from_there(tables: Tables) -> None:
    sent(tables, account_id=8)
    campaign_id = sent(tables, account_id=9)
    sent(tables, account_id=10, sender="SHOP")
    sent(tables, account_id=11, number="306900000002")
    sent(tables, account_id=12, sender="+99999")
    store(tables, deliver())

    assert tell(tables) == 1

    (message,) = told(tables)
    assert (message.account_id, message.campaign_id, message.number) == (9, campaign_id, PHONE)
    assert (message.recipient, message.text) == (SHORT_CODE, "ΣΤΟΠ")
    assert tables.sql("SELECT told, account_id FROM inbound") == [(True, 9)]
    assert tell(tables) == 0


def test_what_was_accepted_and_never_left_was_not_written(tables: Tables) -> None:
    sent(tables, account_id=8)
    tables.sql("UPDATE messages SET submitted_at = NULL, state = 7")
    store(tables, deliver())

    assert tell(tables) == 1
    assert not told(tables)


def test_what_came_over_another_connector_answers_another_message(tables: Tables) -> None:
    sent(tables)
    store(tables, deliver(), connector_id=tables.connector_id + 1)

    assert tell(tables) == 1
    assert not told(tables)
    assert tables.sql("SELECT told, account_id FROM inbound") == [(True, None)]


@pytest.mark.parametrize("source", ["+306900000001", "00306900000001", "6900000001"])
def test_a_number_is_the_same_in_every_shape(tables: Tables, source: str) -> None:
    sent(tables, sender="+3054555")
    store(tables, deliver(source=source, destination="3054555"))

    tell(tables)
    assert [message.number for message in told(tables)] == [PHONE]


def test_what_is_no_number_belongs_to_nobody(tables: Tables) -> None:
    store(tables, deliver(source="OPERATOR"), deliver(source="1234"), deliver(source=""))

    assert tell(tables) == 3
    assert not told(tables)


def test_a_message_that_is_delivered_again_counts_once(tables: Tables) -> None:
    sent(tables)
    store(tables, deliver(), deliver())
    store(tables, deliver())
    tell(tables)
    store(tables, deliver())
    tell(tables)

    assert len(told(tables)) == 1


def test_other_words_another_phone_or_the_same_words_later_are_other_messages(tables: Tables) -> None:
    store(tables, deliver(), deliver("stop"), deliver(source="306900000002"), deliver(tlvs={0x0204: b"\1\2"}))
    store(tables, deliver(), connector_id=tables.connector_id + 1)
    tables.sql("UPDATE inbound SET received_at = received_at - interval '11 minutes'")
    store(tables, deliver())
    tell(tables)

    assert tables.sql("SELECT count(*) FROM inbound") == [(6,)]


def test_the_same_word_after_another_message_is_another_answer(tables: Tables) -> None:
    sent(tables, account_id=8)
    store(tables, deliver())
    tell(tables)
    sent(tables, account_id=9)
    store(tables, deliver(), deliver())
    tell(tables)

    assert [message.account_id for message in told(tables)] == [8, 9]


def test_a_long_message_that_is_delivered_again_counts_once(tables: Tables) -> None:
    sent(tables)
    parts = parts_of("b" * 200)
    store(tables, *parts[:2])
    tell(tables)
    store(tables, *parts)
    tell(tables)
    store(tables, *parts)
    tell(tables)

    assert [message.text for message in told(tables)] == ["b" * 200]
    assert tables.sql("SELECT count(*) FROM inbound") == [(3,)]


def parts_of(text: str, reference: int = 9, size: int = 67) -> list[Deliver]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [
        deliver(
            esm_class=0x40, octets=bytes((5, 0, 3, reference, len(pieces), n)) + piece.encode("utf-16-be")
        )
        for n, piece in enumerate(pieces, 1)
    ]


def test_a_long_message_is_told_whole_in_whatever_order_its_parts_came(tables: Tables) -> None:
    sent(tables)
    text = "Παρακαλώ να μη μου στέλνετε άλλα μηνύματα. " * 5
    last, *rest = reversed(parts_of(text))
    store(tables, last)
    assert tell(tables) == 0
    store(tables, *rest)

    assert tell(tables) == 1
    assert [message.text for message in told(tables)] == [text]


def test_a_part_that_does_not_come_is_not_waited_for_long(tables: Tables) -> None:
    sent(tables)
    store(tables, parts_of("a" * 100)[0])
    assert tell(tables) == 0
    tables.sql("UPDATE inbound SET received_at = received_at - interval '61 seconds'")

    assert tell(tables) == 1
    assert [message.text for message in told(tables)] == ["a" * 67]


@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (0, b"\x18TO\x16", "ΣTOΠ"),
        (8, "Στοπ".encode("utf-16-be"), "Στοπ"),
        (0x18, "Στοπ".encode("utf-16-be"), "Στοπ"),
        (1, b"stop", "stop"),
        (3, b"st\xf3p", "stóp"),
        (0xF1, b"stop", "stop"),
        (8, b"\x00s\x00\x00\x00t", "st"),
        (8, b"\x03", "\ufffd"),
        (0, b"\xff", "?"),
    ],
)
def test_text_is_read_by_its_coding(tables: Tables, data_coding: int, octets: bytes, text: str) -> None:
    sent(tables)
    store(tables, deliver(data_coding=data_coding, octets=octets))
    tell(tables)

    assert [message.text for message in told(tables)] == [text]


def test_a_broken_header_is_read_as_text(tables: Tables) -> None:
    sent(tables)
    store(tables, deliver(esm_class=0x40, data_coding=0, octets=b"\x50ab"))

    assert tell(tables) == 1
    assert len(told(tables)) == 1


def test_only_one_replica_tells_at_a_time(tables: Tables) -> None:
    store(tables, deliver())
    with tables.another() as other:
        assert inbound.tell(other) == 1
        assert tell(tables) == 0
    assert tell(tables) == 0
