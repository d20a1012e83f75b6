"""PDUs against smplib's own idea of them, and receipts in every shape operators write them."""

from __future__ import annotations

import struct
from typing import Any

import pytest
import smpplib.command
import smpplib.consts
import smpplib.gsm
from hypothesis import given
from hypothesis import strategies as st
from smpplib.client import SimpleSequenceGenerator

from services.dispatcher.smpp import pdu

C_OCTETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
DIGITS = st.from_regex(r"\A[1-9][0-9]{6,14}\Z")


class Numbers:
    """What smpplib wants of a client."""

    sequence = 7
    sequence_generator = SimpleSequenceGenerator()

    def next_sequence(self) -> int:
        return 7


def theirs(name: str, **fields: Any) -> bytes:
    """A PDU written by smpplib."""
    return bytes(smpplib.smpp.make_pdu(name, client=Numbers(), **fields).generate())


def read_by_them(octets: bytes) -> Any:
    """A PDU read by smpplib."""
    return smpplib.smpp.parse_pdu(octets, client=Numbers(), allow_unknown_opt_params=True)


@given(
    sender=C_OCTETS,
    msisdn=DIGITS,
    octets=st.binary(min_size=1, max_size=140),
    coding=st.sampled_from([0, 8]),
    esm_class=st.sampled_from([0, pdu.ESM_UDHI]),
    sequence=st.integers(1, pdu.MAX_SEQUENCE),
)
def test_a_submit_sm_is_read_by_smpplib_as_it_was_meant(
    sender: str, msisdn: str, octets: bytes, coding: int, esm_class: int, sequence: int
) -> None:
    body = pdu.submit_body(
        pdu.address(sender),
        pdu.address_ton_npi(sender),
        msisdn.encode(),
        esm_class,
        pdu.relative_validity(172_800),
        coding,
        octets,
    )
    read = read_by_them(pdu.pack(pdu.SUBMIT_SM, 0, sequence, body))
    assert (read.command, read.sequence) == ("submit_sm", sequence)
    assert (read.source_addr, read.destination_addr) == (sender.encode(), msisdn.encode())
    assert (read.dest_addr_ton, read.dest_addr_npi) == (1, 1)
    assert (read.data_coding, read.esm_class, read.registered_delivery) == (coding, esm_class, 1)
    assert read.short_message == octets
    assert read.validity_period == b"000002000000000R"


@pytest.mark.parametrize(
    ("sender", "ton_npi"),
    [("KERYX", b"\x05\x00"), ("306912345678", b"\x01\x01"), ("54555", b"\x03\x00"), ("Νέα", b"\x05\x00")],
)
def test_the_type_of_a_sender_follows_its_shape(sender: str, ton_npi: bytes) -> None:
    assert pdu.address_ton_npi(sender) == ton_npi


@given(st.text(st.sampled_from("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉAZaz09 "), min_size=1, max_size=11))
def test_no_sender_can_end_its_field_early(sender: str) -> None:
    body = pdu.submit_body(
        pdu.address(sender), b"\x05\x00", b"306912345678", 0, pdu.relative_validity(60), 0, b"x"
    )
    assert b"\0" not in pdu.address(sender)
    assert read_by_them(pdu.pack(pdu.SUBMIT_SM, 0, 1, body)).destination_addr == b"306912345678"


@given(st.integers(0, 360 * 86_400 - 1))
def test_a_validity_is_that_many_seconds(seconds: int) -> None:
    text = pdu.relative_validity(seconds)
    years, months, days, hours, minutes, rest = (int(text[n : n + 2]) for n in range(0, 12, 2))
    assert text.endswith(b"000R")
    assert len(text) == 16
    assert ((((years * 12 + months) * 30 + days) * 24 + hours) * 60 + minutes) * 60 + rest == seconds


def test_a_bind_is_read_by_smpplib() -> None:
    read = read_by_them(pdu.pack(pdu.BIND_TRANSCEIVER, 0, 1, pdu.bind_body("keryx", "secret")))
    assert (read.command, read.system_id, read.password) == ("bind_transceiver", b"keryx", b"secret")
    assert read.interface_version == 0x34


@given(
    source=C_OCTETS,
    destination=C_OCTETS,
    octets=st.binary(max_size=200),
    coding=st.sampled_from([0, 3, 8]),
    esm_class=st.sampled_from([0, 4, 0x40, 0x20]),
    message_id=st.none() | C_OCTETS,
    state=st.none() | st.integers(0, 9),
)
def test_a_deliver_sm_of_smpplib_is_read(
    source: str,
    destination: str,
    octets: bytes,
    coding: int,
    esm_class: int,
    message_id: str | None,
    state: int | None,
) -> None:
    optional: dict[str, Any] = {}
    if message_id is not None:
        optional["receipted_message_id"] = message_id
    if state is not None:
        optional["message_state"] = state
    raw = theirs(
        "deliver_sm",
        source_addr=source,
        destination_addr=destination,
        short_message=octets,
        data_coding=coding,
        esm_class=esm_class,
        **optional,
    )
    ((command, status, _, body),) = pdu.split(bytearray(raw))
    read = pdu.parse_deliver(body)
    assert (command, status) == (pdu.DELIVER_SM, 0)
    assert (read.source, read.destination, read.octets) == (source, destination, octets)
    assert (read.data_coding, read.esm_class) == (coding, esm_class)
    receipt = pdu.parse_receipt(read)
    if message_id is not None:
        assert receipt is not None
        assert (receipt.message_id, receipt.state_number) == (message_id, state)


def test_a_long_text_of_a_phone_comes_in_its_payload() -> None:
    body = deliver(b"", tlvs=((pdu.TAG_MESSAGE_PAYLOAD, b"y" * 300),))
    assert pdu.parse_deliver(body).octets == b"y" * 300


def test_a_response_of_smpplib_is_read() -> None:
    raw = theirs("submit_sm_resp", message_id="00ab12")
    ((command, _, _, body),) = pdu.split(bytearray(raw))
    assert command == pdu.SUBMIT_SM_RESP
    assert pdu.message_id_of(body) == "00ab12"


@pytest.mark.parametrize("body", [b"", b"\0", b"\0rest"])
def test_a_negative_response_needs_no_id(body: bytes) -> None:
    assert pdu.message_id_of(body) == ""


def test_no_id_is_longer_than_the_standard_allows() -> None:
    assert len(pdu.message_id_of(b"9" * 5_000)) == pdu.MAX_MESSAGE_ID
    receipt = receipt_of(b"id:" + b"9" * 5_000 + b" stat:DELIVRD")
    assert receipt is not None
    assert len(receipt.message_id) == pdu.MAX_MESSAGE_ID


# --- the stream


@given(st.data())
def test_pdus_come_out_whole_and_in_order_however_they_are_cut(data: st.DataObject) -> None:
    whole = data.draw(
        st.lists(
            st.tuples(st.integers(0, 2**31), st.integers(0, 255), st.integers(1, 9), st.binary(max_size=40))
        )
    )
    stream = b"".join(pdu.pack(*one) for one in whole)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    buffer, found = bytearray(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        buffer += stream[start:end]
        found += pdu.split(buffer)
    assert found == whole
    assert not buffer


@pytest.mark.parametrize("length", [0, 1, 15, pdu.MAX_PDU + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_cannot_be_one_ends_the_connection(length: int) -> None:
    with pytest.raises(pdu.ProtocolError):
        pdu.split(bytearray(struct.pack(">IIII", length, pdu.DELIVER_SM, 0, 1)))


def test_what_came_whole_before_nonsense_is_not_lost() -> None:
    buffer = bytearray(pdu.pack(pdu.SUBMIT_SM_RESP, 0, 5, b"77\0") + b"\0" * 16)
    assert [one[2] for one in pdu.split(buffer)] == [5]
    with pytest.raises(pdu.ProtocolError):
        pdu.split(buffer)


@given(st.binary(max_size=120))
def test_a_body_is_read_or_refused_and_never_breaks_the_reader(body: bytes) -> None:
    try:
        read = pdu.parse_deliver(body)
    except pdu.ProtocolError:
        return
    pdu.parse_receipt(read)


def test_every_cut_of_a_deliver_sm_is_refused() -> None:
    body = deliver(b"id:1 stat:DELIVRD")
    for end in range(len(body)):
        with pytest.raises(pdu.ProtocolError):
            pdu.parse_deliver(body[:end])


# --- receipts


def deliver(text: bytes, esm_class: int = pdu.ESM_RECEIPT, tlvs: tuple[tuple[int, bytes], ...] = ()) -> bytes:
    """The body of a deliver_sm."""
    head = b"\0\x01\x01306912345678\0\x05\x00KERYX\0%c\0\0\0\0\0\0\0\0%c" % (esm_class, len(text))
    return head + text + b"".join(struct.pack(">HH", tag, len(value)) + value for tag, value in tlvs)


def receipt_of(
    text: bytes, esm_class: int = pdu.ESM_RECEIPT, tlvs: tuple[tuple[int, bytes], ...] = ()
) -> pdu.ReceiptText | None:
    if len(text) > 254:
        tlvs = (*tlvs, (pdu.TAG_MESSAGE_PAYLOAD, text))
        text = b""
    return pdu.parse_receipt(pdu.parse_deliver(deliver(text, esm_class, tlvs)))


FULL = b"id:0123456789 sub:001 dlvrd:001 submit date:2603251200 done date:2603251201 stat:DELIVRD err:000 text:Hello"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (FULL, ("0123456789", "DELIVRD", "000")),
        (FULL.upper(), ("0123456789", "DELIVRD", "000")),
        (FULL + b"\0", ("0123456789", "DELIVRD", "000")),
        (
            b"id:7 submit date:260325120059 done date:260325120101 stat:EXPIRED err:034\0",
            ("7", "EXPIRED", "034"),
        ),
        (b"stat:UNDELIV err:1 id:ab-7", ("ab-7", "UNDELIV", "1")),
        (b"id:7 stat:REJECTD", ("7", "REJECTD", None)),
        (b"id: 7 stat: DELETED err: 12", ("7", "DELETED", "12")),
        (b"id:7,sub:001,dlvrd:000,stat:UNDELIV,err:27,text:", ("7", "UNDELIV", "27")),
        (b"id:7\nstat:delivrd\r\nerr:0", ("7", "DELIVRD", "0")),
        (b"Id:7 Stat:UnDeliv Err:9\0trailing", ("7", "UNDELIV", "9")),
        (b"id:7", ("7", "", None)),
        (b"id:7 stat:ENROUTE err:000 Text:id:8 stat:DELIVRD", ("7", "ENROUTE", "000")),
    ],
)
def test_a_receipt_is_read_in_any_shape(text: bytes, expected: tuple[str, str, str | None]) -> None:
    receipt = receipt_of(text)
    assert receipt is not None
    assert (receipt.message_id, receipt.stat, receipt.error) == expected


@given(
    st.permutations(
        [
            b"id:42",
            b"sub:001",
            b"dlvrd:000",
            b"submit date:2603251200",
            b"done date:2603251201",
            b"stat:UNDELIV",
            b"err:027",
        ]
    ),
    st.lists(st.sampled_from([b"sub:", b"dlvrd:", b"submit", b"done"]), max_size=4),
    st.booleans(),
)
def test_the_order_and_the_fields_nobody_needs_do_not_matter(
    fields: list[bytes], missing: list[bytes], upper: bool
) -> None:
    text = b" ".join(field for field in fields if not field.startswith(tuple(missing) or (b"\xff",)))
    receipt = receipt_of(text.upper() if upper else text)
    assert receipt == pdu.ReceiptText("42", "UNDELIV", None, "027")


def test_optional_parameters_win_over_the_text() -> None:
    tlvs = ((pdu.TAG_RECEIPTED_MESSAGE_ID, b"99\0"), (pdu.TAG_MESSAGE_STATE, b"\x05"))
    receipt = receipt_of(b"id:7 stat:DELIVRD err:000", tlvs=tlvs)
    assert receipt == pdu.ReceiptText("99", "DELIVRD", 5, "000")


def test_optional_parameters_alone_are_a_receipt() -> None:
    tlvs = ((pdu.TAG_RECEIPTED_MESSAGE_ID, b"99"), (pdu.TAG_MESSAGE_STATE, b"\x02"))
    assert receipt_of(b"", 0, tlvs) == pdu.ReceiptText("99", "", 2, None)


def test_an_id_never_holds_a_nul() -> None:
    receipt = receipt_of(b"stat:DELIVRD", tlvs=((pdu.TAG_RECEIPTED_MESSAGE_ID, b"9\x009\0"),))
    assert receipt is not None
    assert receipt.message_id == "9"


def test_a_text_that_looks_like_a_receipt_is_a_message_unless_it_is_marked_as_one() -> None:
    assert receipt_of(FULL, esm_class=0) is None
