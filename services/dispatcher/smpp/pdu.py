"""PDUs of SMPP 3.4, packed and parsed by hand. Section numbers are those of the SMPP 3.4 specification, issue 1.2."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

import smstext

GENERIC_NACK = 0x80000000
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x01, 0x02, 0x09
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x04, 0x05, 0x06, 0x15
RESPONSE = 0x80000000
SUBMIT_SM_RESP, DELIVER_SM_RESP = SUBMIT_SM | RESPONSE, DELIVER_SM | RESPONSE
UNBIND_RESP, ENQUIRE_LINK_RESP = UNBIND | RESPONSE, ENQUIRE_LINK | RESPONSE

ESME_ROK = 0
ESME_RX_R_APPN = 0x66  # §5.1.3: the ESME refuses the message, and would again
ESM_RECEIPT = 0x04  # §5.2.12: bits 5..2 of esm_class in a deliver_sm
ESM_UDHI = 0x40

MAX_PDU = 64 * 1024
MAX_MESSAGE_ID = 64  # §5.2.23, without its final NUL
MAX_SEQUENCE = 0x7FFFFFFF

TAG_MESSAGE_PAYLOAD = 0x0424
TAG_RECEIPTED_MESSAGE_ID = 0x001E
TAG_MESSAGE_STATE = 0x0427

_HEADER = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")


class ProtocolError(ValueError):
    """The other side broke the protocol; the connection is of no use any more."""


def pack(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """A whole PDU."""
    return _HEADER.pack(16 + len(body), command, status, sequence) + body


def bind_body(system_id: str, password: str) -> bytes:
    """Body of a bind request, §4.1; interface version 3.4."""
    return b"%b\0%b\0\0\x34\0\0\0" % (system_id.encode("ascii"), password.encode("ascii"))


def address_ton_npi(sender: str) -> bytes:
    """Type and plan of a sender id, §5.2.5: international for a long number, short code, else alphanumeric."""
    if not sender.isdigit():
        return b"\x05\x00"
    return b"\x01\x01" if len(sender) > 6 else b"\x03\x00"


def address(sender: str) -> bytes:
    """A sender id as source_addr, §4.4.1: a C-octet string. ASCII as it is, other letters by their GSM 03.38 octet.

    Never a NUL inside, which would end the field and let the rest of the sender be read as the recipient: "@" is 0 in GSM.
    """
    if sender.isascii():
        return sender.encode("ascii")
    return b"".join(c.encode("ascii") if c.isascii() else smstext.encode_gsm(c) for c in sender)


def submit_body(
    sender: bytes,
    ton_npi: bytes,
    msisdn: bytes,
    esm_class: int,
    validity: bytes,
    data_coding: int,
    octets: bytes,
) -> bytes:
    """Body of a submit_sm that asks for a receipt, §4.4.1. ``octets`` at most 254."""
    return b"\0%b%b\0\x01\x01%b\0%c\0\0\0%b\0\x01\0%c\0%c%b" % (
        ton_npi, sender, msisdn, esm_class, validity, data_coding, len(octets), octets,
    )  # fmt: skip


def relative_validity(seconds: int) -> bytes:
    """A validity period as relative time, §7.1.1.2: YYMMDDhhmmss000R."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    months, day = divmod(days, 30)
    return b"00%02d%02d%02d%02d%02d000R" % (months, day, hour, minute, second)


def split(buffer: bytearray) -> list[tuple[int, int, int, bytes]]:
    """Take every whole PDU off ``buffer``: (command, status, sequence, body) each; a half one stays.

    Raises ProtocolError when the first length cannot be one; what came whole before it is told first.
    """
    pdus: list[tuple[int, int, int, bytes]] = []
    start, end = 0, len(buffer)
    while end - start >= 16:
        length, command, status, sequence = _HEADER.unpack_from(buffer, start)
        if not 16 <= length <= MAX_PDU:
            if pdus:
                break
            raise ProtocolError(f"a PDU of {length} octets")
        if end - start < length:
            break
        pdus.append((command, status, sequence, bytes(buffer[start + 16 : start + length])))
        start += length
    if start:
        del buffer[:start]
    return pdus


def message_id_of(body: bytes) -> str:
    """The message id in the body of a submit_sm_resp; empty when there is none (negative answers)."""
    return body.split(b"\0", 1)[0][:MAX_MESSAGE_ID].decode("latin-1")


class Deliver(NamedTuple):
    """What matters of a deliver_sm: who, to whom, what kind, the octets, and the optional parameters."""

    source: str
    destination: str
    esm_class: int
    data_coding: int
    octets: bytes
    tlvs: dict[int, bytes]


def parse_deliver(body: bytes) -> Deliver:
    """Read the body of a deliver_sm, §4.6.1. Raises ProtocolError when it is cut short."""
    try:
        at = body.index(b"\0") + 1  # service_type
        end = body.index(b"\0", at + 2)
        source = body[at + 2 : end].decode("latin-1")
        at = end + 1
        end = body.index(b"\0", at + 2)
        destination = body[at + 2 : end].decode("latin-1")
        esm_class = body[end + 1]
        at = body.index(b"\0", end + 4) + 1  # protocol_id, priority, schedule_delivery_time
        at = body.index(b"\0", at) + 1  # validity_period
        data_coding, length = body[at + 2], body[at + 4]
        at += 5
        if len(body) < at + length:
            raise ProtocolError("deliver_sm shorter than its sm_length")
        octets = body[at : at + length]
        tlvs = _tlvs(body, at + length)
    except (ValueError, IndexError) as error:
        raise ProtocolError(f"a deliver_sm that cannot be read: {error}") from None
    return Deliver(
        source, destination, esm_class, data_coding, octets or tlvs.get(TAG_MESSAGE_PAYLOAD, b""), tlvs
    )


def _tlvs(body: bytes, at: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at + 4 <= len(body):
        tag, length = _TLV.unpack_from(body, at)
        found[tag] = body[at + 4 : at + 4 + length]
        at += 4 + length
    return found


class ReceiptText(NamedTuple):
    """A delivery receipt as the operator wrote it: its message id, state name or number, error."""

    message_id: str
    stat: str
    state_number: int | None
    error: str | None


# Fields come in any order, any case, and some are missing (appendix B is only "an example"), so each is looked up alone.
# Some end the text with a NUL, some put commas between the fields; nothing is longer than what is stored.
# Most write what appendix B shows, and one search for all of it costs a third of three.
_USUAL = re.compile(
    rb"id:([^\s\0,]{1,64}) sub:\d{1,3} dlvrd:\d{1,3} submit date:\d{10,12} done date:\d{10,12}"
    rb" stat:([A-Z]{1,7}) err:([^\s\0,]{1,20}) [Tt]ext:"
)
_ID = re.compile(rb"\bid:\s*([^\s\0,]{1,64})", re.IGNORECASE)
_STAT = re.compile(rb"\bstat:\s*([A-Za-z]+)", re.IGNORECASE)
_ERR = re.compile(rb"\berr:\s*([^\s\0,]{1,20})", re.IGNORECASE)


def parse_receipt(deliver: Deliver) -> ReceiptText | None:
    """The receipt in a deliver_sm; None when it is a message from a phone. Optional parameters win over text."""
    named = deliver.tlvs.get(TAG_RECEIPTED_MESSAGE_ID)
    if not (deliver.esm_class & 0x3C == ESM_RECEIPT or named is not None):
        return None
    number = deliver.tlvs.get(TAG_MESSAGE_STATE)
    state_number = number[0] if number else None
    usual = _USUAL.match(deliver.octets)
    if usual:
        in_text, stat, error = (group.decode("latin-1") for group in usual.groups())
        return ReceiptText(in_text if named is None else message_id_of(named), stat, state_number, error)
    found = _ID.search(deliver.octets)
    if named is not None:
        message_id = message_id_of(named)
    elif found:
        message_id = found[1].decode("latin-1")
    else:
        return None
    written, err = _STAT.search(deliver.octets), _ERR.search(deliver.octets)
    return ReceiptText(
        message_id,
        written[1].decode("latin-1").upper()[:7] if written else "",
        state_number,
        err[1].decode("latin-1") if err else None,
    )
