"""The text and the PDU of a delivery receipt (SMPP 3.4 appendix B, §5.2.12), and of an inbound message."""

import time

from simulators.smsc import gsm
from simulators.smsc.behaviour import DELIVERED, OUTCOMES
from simulators.smsc.pdu import (
    HEADER_SIZE,
    MESSAGE_STATE,
    NETWORK_ERROR_CODE,
    RECEIPT,
    STATES,
    UCS2,
    UDHI,
    deliver_body,
    tlv,
)
from simulators.smsc.submit import FIELDS, SEVEN_BIT

FORM = b"id:%d sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:%s text:%s"
NAMES = [name.encode() for name in OUTCOMES]
# The TLVs of each outcome but for its error: message_state, then receipted_message_id up to its length.
TLVS = [tlv(MESSAGE_STATE, bytes((STATES.get(name, 0),))) + b"\x00\x1e\x00" for name in OUTCOMES]
GSM_NETWORK = b"\x03"
_stamps: dict[int, bytes] = {}


def stamp(moment: float, digits: int) -> bytes:
    """YYMMDDhhmm in UTC, with seconds when `digits` is 12. Remembered: a whole second shares one."""
    second = int(moment)
    text = _stamps.get(second)
    if text is None:
        if len(_stamps) > 4096:
            _stamps.clear()
        text = _stamps[second] = time.strftime("%y%m%d%H%M%S", time.gmtime(second)).encode()
    return text[:digits]


def receipt_body(
    raw: bytes, identifier: int, outcome: int, error: bytes, times: tuple[bytes, bytes],
    text: bool, tlvs: bool,
) -> bytes:  # fmt: skip
    """Body of the deliver_sm that reports on the submit_sm `raw`: addresses swapped, its first 20 characters.

    `times` are the stamps of submission and of the end.
    """
    match = FIELDS.match(raw, HEADER_SIZE)
    if match is None:
        raise ValueError("only an accepted submit_sm has a receipt")
    source, destination, fixed, _ = match.groups()
    start = b""
    if text and fixed[-2] in SEVEN_BIT:
        offset = match.end()
        if fixed[0] & UDHI:
            offset += raw[offset] + 1
        start = raw[offset : match.end() + raw[match.end() - 1]][:20]
    words = FORM % (
        identifier, b"001" if outcome == DELIVERED else b"000", *times, NAMES[outcome], error, start
    )  # fmt: skip
    body = deliver_body(destination, source, RECEIPT, 0, words)
    if not tlvs:
        return body
    if error != b"000":
        body += tlv(NETWORK_ERROR_CODE, GSM_NETWORK + int(error).to_bytes(2, "big"))
    digits = b"%d\0" % identifier
    return b"%s%s%c%s" % (body, TLVS[outcome], len(digits), digits)


def inbound_bodies(sender: str, recipient: str, text: str, encoding: str, reference: int) -> list[bytes]:
    """Bodies of the deliver_sm that carry a handset's message, one a part.

    `encoding` is "auto", "gsm" or "ucs2"; "gsm" with a character the alphabet lacks raises ValueError.
    """
    septets = gsm.encode(text) if encoding in ("auto", "gsm") else None
    if septets is None and encoding == "gsm":
        raise ValueError("the text has characters that GSM 03.38 lacks")
    if septets is None:
        units, coding, whole, piece = [each.encode("utf-16-be") for each in text], UCS2, 140, 134
    else:
        units, coding, whole, piece = septets, 0, 160, 153
    parts = _packed(units, whole)
    if len(parts) > 1:
        parts = _packed(units, piece)
        head = b"\x05\x00\x03" + bytes((reference & 0xFF, len(parts)))
        parts = [head + bytes((number,)) + part for number, part in enumerate(parts, 1)]
    esm_class = UDHI if len(parts) > 1 else 0
    source, destination = _address(sender), _address(recipient)
    return [deliver_body(source, destination, esm_class, coding, part) for part in parts]


def _packed(units: list[bytes], limit: int) -> list[bytes]:
    """Fill parts of at most `limit` octets without cutting a unit; no text is one empty part."""
    parts = [b""]
    for unit in units:
        if len(parts[-1]) + len(unit) > limit:
            parts.append(b"")
        parts[-1] += unit
    return parts


def _address(value: str) -> bytes:
    """TON, NPI and address: digits are international, anything else alphanumeric."""
    digits = value.isascii() and value.isdigit()
    kind = (b"\x01\x01" if len(value) > 6 else b"\x03\x00") if digits else b"\x05\x00"
    return kind + value.encode("ascii", "replace")[:20]
