"""Receipts and inbound messages in the form operators send them."""

import re
import struct

import pytest

from simulators.smsc import pdu, receipt
from simulators.smsc.behaviour import OUTCOMES

SUBMIT = pdu.pdu(
    pdu.SUBMIT_SM, 0, 1,
    b"\0\x05\0KERYX\0\x01\x01306941234567\0\0\0\0\0\0\x01\0\0\0" + bytes((30,)) + b"Agapite Kosta, prosfora isxyei",
)  # fmt: skip
TIMES = b"2611221159", b"2611221200"


def body(outcome: str = "DELIVRD", error: bytes = b"000", raw: bytes = SUBMIT, **form: bool) -> bytes:
    shown = {"text": True, "tlvs": True, **form}
    return receipt.receipt_body(raw, 77, OUTCOMES.index(outcome), error, TIMES, **shown)


def message(of: bytes) -> bytes:
    size = of.index(b"id:") - 1
    return of[size + 1 : size + 1 + of[size]]


def test_the_addresses_are_swapped_and_the_receipt_marked() -> None:
    assert body().startswith(b"\0\x01\x01306941234567\0\x05\0KERYX\0\x04")


def test_the_text_has_the_standard_form() -> None:
    assert message(body()) == (
        b"id:77 sub:001 dlvrd:001 submit date:2611221159 done date:2611221200 "
        b"stat:DELIVRD err:000 text:Agapite Kosta, prosf"
    )
    assert b"dlvrd:000" in message(body("UNDELIV", b"027"))
    assert b"stat:UNDELIV err:027" in message(body("UNDELIV", b"027"))


def test_the_text_can_be_left_out_and_is_for_unicode() -> None:
    assert message(body(text=False)).endswith(b"text:")
    unicode = SUBMIT.replace(b"\x01\0\0\0\x1e", b"\x01\0\x08\0\x1e")
    assert message(body(raw=unicode)).endswith(b"text:")


def test_the_header_of_a_part_is_not_text() -> None:
    part = SUBMIT.replace(b"567\0\0", b"567\0\x40").replace(b"\x1eAgapit", b"\x1e\x05\0\x03\x01\x02\x01")
    assert message(body(raw=part)).endswith(b"text:e Kosta, prosfora is")


def test_the_parameters_say_the_same_and_can_be_left_out() -> None:
    assert body().endswith(pdu.tlv(pdu.MESSAGE_STATE, b"\x02") + pdu.tlv(pdu.RECEIPTED_MESSAGE_ID, b"77\0"))
    failed = body("REJECTD", b"088")
    assert pdu.tlv(pdu.NETWORK_ERROR_CODE, b"\x03\0\x58") in failed
    assert pdu.tlv(pdu.MESSAGE_STATE, b"\x08") in failed
    assert body(tlvs=False).endswith(b"prosf")


def test_dates_have_ten_or_twelve_digits() -> None:
    assert receipt.stamp(1_795_348_799.9, 10) == b"2611221159"
    assert receipt.stamp(1_795_348_799.9, 12) == b"261122115959"


def parts(text: str, encoding: str = "auto") -> list[bytes]:
    bodies = receipt.inbound_bodies("306941234567", "54555", text, encoding, 9)
    return [re.sub(rb"(?s)^\0\x01\x01306941234567\0\x03\x0054555\0", b"", each) for each in bodies]


def test_a_short_answer_is_one_part_in_the_alphabet_that_holds_it() -> None:
    assert parts("STOP") == [b"\0\0\0\0\0\0\0\0\0\x04STOP"]
    assert parts("ΣΤΟΠ") == [b"\0\0\0\0\0\0\0\x08\0\x08" + "ΣΤΟΠ".encode("utf-16-be")]


def test_a_long_answer_comes_in_parts_that_cut_no_character() -> None:
    gsm = parts("a" * 152 + "€" + "b" * 10)
    assert [part[0] for part in gsm] == [0x40, 0x40]
    assert gsm[0][10:16] == b"\x05\x00\x03\x09\x02\x01"
    assert len(gsm[0][16:]) == 152
    assert gsm[1][16:18] == b"\x1b\x65"
    emoji = parts("😀" * 40)
    assert b"".join(part[16:] for part in emoji).decode("utf-16-be") == "😀" * 40


def test_an_alphabet_that_cannot_hold_the_text_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        parts("ΣΤΟΠ ά", "gsm")
    assert struct.unpack(">B", parts("STOP", "ucs2")[0][7:8]) == (8,)
