"""An operator looks at each submit_sm before taking it."""

import struct

import pytest

from simulators.smsc import pdu
from simulators.smsc.submit import check


def submit(
    source: bytes = b"\x05\x00KERYX",
    destination: bytes = b"\x01\x01306941234567",
    flags: bytes = b"\0\0\0" + b"\0\0" + b"\x01\0\0\0",
    message: bytes = b"kalimera",
    optional: bytes = b"",
    service: bytes = b"",
) -> bytes:
    body = service + b"\0" + source + b"\0" + destination + b"\0" + flags + bytes((len(message),)) + message
    return pdu.pdu(pdu.SUBMIT_SM, 0, 1, body + optional)


def flags(
    esm: int = 0, registered: int = 1, coding: int = 0, validity: bytes = b"", schedule: bytes = b""
) -> bytes:
    return bytes((esm, 0, 0)) + schedule + b"\0" + validity + b"\0" + bytes((registered, 0, coding, 0))


def status(raw: bytes) -> str:
    return pdu.status_name(check(raw)[0])


def test_an_ordinary_message_is_taken_and_its_wish_for_a_receipt_read() -> None:
    assert check(submit()) == (0, 1, b"306941234567")
    assert check(submit(flags=flags(registered=0)))[1] == 0
    assert check(submit(flags=flags(registered=2)))[1] == 2


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"\x05\x00KERYX", "ESME_ROK"),
        (b"\x05\x00ELEVENCHARS", "ESME_ROK"),
        (b"\x05\x00TWELVECHARS!", "ESME_RINVSRCADR"),
        (b"\x05\x00", "ESME_RINVSRCADR"),
        (b"\x05\x00\xce\x9a", "ESME_RINVSRCADR"),
        (b"\x01\x01306900000000", "ESME_ROK"),
        (b"\x03\x0054555", "ESME_ROK"),
        (b"\x01\x01KERYX", "ESME_RINVSRCADR"),
        (b"\x07\x00KERYX", "ESME_RINVSRCTON"),
        (b"\x05\x63KERYX", "ESME_RINVSRCNPI"),
    ],
)
def test_the_sender_fits_its_type_of_number(source: bytes, expected: str) -> None:
    assert status(submit(source=source)) == expected


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        (b"\x01\x01306941234567", "ESME_ROK"),
        (b"\x01\x01+306941234567", "ESME_RINVDSTADR"),
        (b"\x01\x01006941234567", "ESME_RINVDSTADR"),
        (b"\x01\x01123456", "ESME_RINVDSTADR"),
        (b"\x01\x011234567890123456", "ESME_RINVDSTADR"),
        (b"\x01\x01", "ESME_RINVDSTADR"),
        (b"\x05\x01306941234567", "ESME_RINVDSTTON"),
        (b"\x01\x09306941234567", "ESME_RINVDSTNPI"),
    ],
)
def test_the_recipient_is_digits(destination: bytes, expected: str) -> None:
    assert status(submit(destination=destination)) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (flags(esm=0x04), "ESME_RINVESMCLASS"),
        (flags(registered=0x80), "ESME_RINVREGDLVFLG"),
        (flags(coding=0x99), "ESME_RINVDCS"),
        (flags(validity=b"000002000000000R"), "ESME_ROK"),
        (flags(validity=b"tomorrow"), "ESME_RINVEXPIRY"),
        (flags(schedule=b"261122120000000+"), "ESME_ROK"),
        (flags(schedule=b"261122"), "ESME_RINVSCHED"),
        (b"\0\0\x04" + flags()[3:], "ESME_RINVPRTFLG"),
    ],
)
def test_each_flag_has_its_own_error(changed: bytes, expected: str) -> None:
    assert status(submit(flags=changed)) == expected


@pytest.mark.parametrize(
    ("size", "coding", "expected"),
    [
        (160, 0, "ESME_ROK"),
        (161, 0, "ESME_RINVMSGLEN"),
        (140, 8, "ESME_ROK"),
        (142, 8, "ESME_RINVMSGLEN"),
        (139, 8, "ESME_RINVMSGLEN"),
        (140, 4, "ESME_ROK"),
        (141, 4, "ESME_RINVMSGLEN"),
        (0, 0, "ESME_RINVMSGLEN"),
    ],
)
def test_a_message_fits_one_sms(size: int, coding: int, expected: str) -> None:
    assert status(submit(flags=flags(coding=coding), message=b"a" * size)) == expected


@pytest.mark.parametrize(
    ("header", "text", "coding", "expected"),
    [
        (b"\x05\x00\x03\x2a\x02\x01", 153, 0, "ESME_ROK"),
        (b"\x05\x00\x03\x2a\x02\x01", 154, 0, "ESME_RINVMSGLEN"),
        (b"\x05\x00\x03\x2a\x02\x01", 134, 8, "ESME_ROK"),
        (b"\x05\x00\x03\x2a\x02\x01", 136, 8, "ESME_RINVMSGLEN"),
        (b"\x06\x08\x04\x2a\x2a\x02\x02", 152, 0, "ESME_ROK"),
        (b"\x05\x00\x03\x2a\x02\x03", 10, 0, "ESME_RX_P_APPN"),
        (b"\x05\x00\x03\x2a\x02\x00", 10, 0, "ESME_RX_P_APPN"),
        (b"\x06\x08\x04\x2a\x2a\x02\x03", 10, 0, "ESME_RX_P_APPN"),
        (b"\x05\x00\x04\x2a\x02\x01", 10, 0, "ESME_RX_P_APPN"),
        (b"\x3f", 10, 0, "ESME_RX_P_APPN"),
        (b"", 0, 0, "ESME_RX_P_APPN"),
    ],
)
def test_a_user_data_header_is_sound_and_counts_as_length(
    header: bytes, text: int, coding: int, expected: str
) -> None:
    assert status(submit(flags=flags(esm=0x40, coding=coding), message=header + b"a" * text)) == expected


SAR = pdu.tlv(0x020C, b"\0\x01"), pdu.tlv(0x020E, b"\x02"), pdu.tlv(0x020F, b"\x01")


@pytest.mark.parametrize(
    ("message", "optional", "expected"),
    [
        (b"part", b"".join(SAR), "ESME_ROK"),
        (b"part", SAR[0] + SAR[1], "ESME_RMISSINGOPTPARAM"),
        (b"part", SAR[0] + SAR[1] + pdu.tlv(0x020F, b"\x03"), "ESME_RINVOPTPARAMVAL"),
        (b"part", pdu.tlv(0x020C, b"\x01") + SAR[1] + SAR[2], "ESME_RINVPARLEN"),
        (b"", pdu.tlv(pdu.MESSAGE_PAYLOAD, b"a" * 1000), "ESME_ROK"),
        (b"", pdu.tlv(pdu.MESSAGE_PAYLOAD, b""), "ESME_RINVMSGLEN"),
        (b"both", pdu.tlv(pdu.MESSAGE_PAYLOAD, b"both"), "ESME_ROPTPARNOTALLWD"),
        (b"part", b"\x02", "ESME_RINVOPTPARSTREAM"),
        (b"part", struct.pack(">HH", 0x0424, 9) + b"short", "ESME_RINVOPTPARSTREAM"),
    ],
)
def test_optional_parameters_are_read(message: bytes, optional: bytes, expected: str) -> None:
    assert status(submit(message=message, optional=optional)) == expected


def test_a_field_that_never_ends_is_named() -> None:
    assert status(submit(service=b"smscsim")) == "ESME_RINVSERTYP"
    assert status(submit(source=b"\x05\x00" + b"x" * 30)) == "ESME_RINVSRCADR"
    assert status(submit(destination=b"\x01\x01" + b"3" * 30)) == "ESME_RINVDSTADR"


def test_no_cut_of_a_message_breaks_the_check() -> None:
    whole = submit(optional=b"".join(SAR))
    for end in range(16, len(whole)):
        assert isinstance(check(whole[:end])[0], int)
