"""What an operator checks of a submit_sm before it takes it (SMPP 3.4 §4.4, §5.2).

`check` runs once per message at tens of thousands a second, so it is one regular expression over the
fixed fields and look-ups of what was judged before: the same sender and the same flags come again and again.
"""

import re
import struct
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from simulators.smsc.pdu import (
    HEADER_SIZE,
    MESSAGE_PAYLOAD,
    SAR_MSG_REF_NUM,
    SAR_SEGMENT_SEQNUM,
    SAR_TOTAL_SEGMENTS,
    STATUS,
    UDHI,
)

# service_type, source (ton npi address), destination (same), esm_class … sm_default_msg_id, sm_length
FIELDS = re.compile(
    rb"[^\0]{0,5}\0(..[^\0]{0,20})\0(..[^\0]{0,20})\0(...[^\0]{0,16}\0[^\0]{0,16}\0....)(.)", re.DOTALL
)
SAR_TAGS = (SAR_MSG_REF_NUM, SAR_TOTAL_SEGMENTS, SAR_SEGMENT_SEQNUM)
NPIS = frozenset((0, 1, 3, 4, 6, 8, 9, 10, 14, 18))
ALPHANUMERIC = 5
# An octet more than 140 does not fit a GSM message: 160 septets, 140 octets, 70 UTF-16 units (3GPP 23.040).
OCTETS = 140
SEVEN_BIT = frozenset((0x00, 0x01, 0x10, 0x11, 0xF0, 0xF1))
WIDE = frozenset((0x08, 0x18, 0x19))
EIGHT_BIT = frozenset((0x02, 0x03, 0x04, 0x06, 0x07, 0xF4, 0xF5))
TIME = re.compile(rb"\d{15}[0-9+\-R]")
CACHE_LIMIT = 20_000

Value = TypeVar("Value")
MSGLEN = STATUS["ESME_RINVMSGLEN"]


class Flags(NamedTuple):
    """What the fields between the destination and sm_length ask for."""

    status: int
    registered: int
    header: bool
    coding: int


_sources: dict[bytes, int] = {}
_flags: dict[bytes, Flags] = {}


def check(raw: bytes) -> tuple[int, int, bytes]:
    """Judge a whole submit_sm PDU: (command_status, receipt bits of registered_delivery, destination).

    Status 0 when the operator takes it. Never raises: what cannot be read is answered with its status.
    """
    match = FIELDS.match(raw, HEADER_SIZE)
    if match is None:
        return _unreadable(raw), 0, b""
    source, destination, fixed, size = match.groups()
    flags = _flags.get(fixed) or _remember(_flags, fixed, _judge_flags)
    status = _sources.get(source)
    if status is None:
        status = _remember(_sources, source, _judge_source)
    status = status or _judge_destination(destination) or flags.status
    if not status:
        start = match.end()
        end = start + size[0]
        judge = _judge_message if end == len(raw) else _judge_optional
        status = judge(raw, start, end, flags)
    return status, flags.registered, destination[2:]


def _remember(known: dict[bytes, Value], key: bytes, judge: Callable[[bytes], Value]) -> Value:
    """Bounded: hostile variety empties the cache, it does not grow it."""
    if len(known) >= CACHE_LIMIT:
        known.clear()
    value = known[key] = judge(key)
    return value


def _judge_source(source: bytes) -> int:
    """Status for a sender: alphanumeric of 1 to 11 characters with TON 5, else digits."""
    ton, npi, address = source[0], source[1], source[2:]
    if ton > 6:
        return STATUS["ESME_RINVSRCTON"]
    if npi not in NPIS:
        return STATUS["ESME_RINVSRCNPI"]
    if ton == ALPHANUMERIC:
        good = 1 <= len(address) <= 11 and all(0x20 <= octet < 0x7F for octet in address)
    else:
        good = address.isdigit() and len(address) <= 15
    return 0 if good else STATUS["ESME_RINVSRCADR"]


def _judge_destination(destination: bytes) -> int:
    """Status for a recipient: E.164 digits without + (or a national number with TON 0 or 2)."""
    address = destination[2:]
    if destination[0] in (0, 1, 2) and destination[1] in (0, 1):
        good = address.isdigit() and 7 <= len(address) <= 15 and (destination[0] != 1 or address[0] != 0x30)
        return 0 if good else STATUS["ESME_RINVDSTADR"]
    return STATUS["ESME_RINVDSTTON"] if destination[0] not in (0, 1, 2) else STATUS["ESME_RINVDSTNPI"]


def _judge_flags(fixed: bytes) -> Flags:
    esm_class, _, priority = fixed[:3]
    schedule, validity, _ = fixed[3:-4].split(b"\0", 2)
    registered, replace, coding, _ = fixed[-4:]
    status = (
        _judge_class(esm_class)
        or (STATUS["ESME_RINVPRTFLG"] if priority > 3 else 0)
        or (STATUS["ESME_RINVSCHED"] if schedule and not TIME.fullmatch(schedule) else 0)
        or (STATUS["ESME_RINVEXPIRY"] if validity and not TIME.fullmatch(validity) else 0)
        or (STATUS["ESME_RINVREGDLVFLG"] if registered & 0xE0 or replace > 1 else 0)
        or (0 if coding in SEVEN_BIT | WIDE | EIGHT_BIT else STATUS["ESME_RINVDCS"])
    )
    return Flags(status, registered & 3, bool(esm_class & UDHI), coding)


def _judge_class(esm_class: int) -> int:
    """§5.2.12: an ESME may set a mode, UDHI and reply path; it may not send an SMSC's receipt."""
    return STATUS["ESME_RINVESMCLASS"] if esm_class & 0x3C and esm_class & 0x3C not in (0x08, 0x10) else 0


def _judge_message(raw: bytes, start: int, end: int, flags: Flags) -> int:
    """Status for the short message raw[start:end], which may begin with a user data header."""
    size = end - start
    if flags.header:
        taken = raw[start] + 1 if size else 0
        if taken == 0 or taken > size:
            return STATUS["ESME_RX_P_APPN"]
        if raw[start : start + 3] == b"\x05\x00\x03":  # by far the most usual header: 8-bit concatenation
            if not 1 <= raw[start + 5] <= raw[start + 4]:
                return STATUS["ESME_RX_P_APPN"]
        elif not _header_is_sound(raw[start + 1 : start + taken]):
            return STATUS["ESME_RX_P_APPN"]
    else:
        taken = 0
        if size == 0:
            return MSGLEN
    if flags.coding in SEVEN_BIT:
        return MSGLEN if size - taken > (OCTETS - taken) * 8 // 7 else 0
    if size > OCTETS or (flags.coding in WIDE and (size - taken) % 2):
        return MSGLEN
    return 0


def _header_is_sound(elements: bytes) -> bool:
    """Elements fill the header exactly and concatenation numbers make sense (3GPP 23.040 §9.2.3.24)."""
    offset = 0
    while offset < len(elements):
        if offset + 2 > len(elements):
            return False
        tag, size = elements[offset], elements[offset + 1]
        value = elements[offset + 2 : offset + 2 + size]
        if len(value) != size:
            return False
        if tag in (0, 8) and (size != (3 if tag == 0 else 4) or not 1 <= value[-1] <= value[-2]):
            return False
        offset += 2 + size
    return True


def optional_parameters(raw: bytes, start: int) -> dict[int, bytes] | None:
    """Tag → value of what follows the mandatory fields; None when the octets do not add up."""
    found: dict[int, bytes] = {}
    while start < len(raw):
        if start + 4 > len(raw):
            return None
        tag, size = struct.unpack_from(">HH", raw, start)
        value = raw[start + 4 : start + 4 + size]
        if len(value) != size:
            return None
        found[tag] = value
        start += 4 + size
    return found


def _judge_optional(raw: bytes, start: int, end: int, flags: Flags) -> int:
    """The longer way of a PDU with optional parameters: message_payload and sar_*."""
    if end > len(raw):
        return MSGLEN
    found = optional_parameters(raw, end)
    if found is None:
        return STATUS["ESME_RINVOPTPARSTREAM"]
    status = _judge_segments([found.get(tag) for tag in SAR_TAGS])
    if status:
        return status
    payload = found.get(MESSAGE_PAYLOAD)
    if payload is None:
        return _judge_message(raw, start, end, flags)
    if end > start:  # §5.3.2.32: the text is in one place or the other
        return STATUS["ESME_ROPTPARNOTALLWD"]
    if not payload or (flags.coding in WIDE and len(payload) % 2):
        return MSGLEN
    return 0


def _judge_segments(values: list[bytes | None]) -> int:
    """sar_msg_ref_num, sar_total_segments, sar_segment_seqnum come together or not at all (§5.3.2.22-24)."""
    reference, total, segment = values
    if reference is None and total is None and segment is None:
        return 0
    if reference is None or total is None or segment is None:
        return STATUS["ESME_RMISSINGOPTPARAM"]
    if len(reference) != 2 or len(total) != 1 or len(segment) != 1:
        return STATUS["ESME_RINVPARLEN"]
    return 0 if 1 <= segment[0] <= total[0] else STATUS["ESME_RINVOPTPARAMVAL"]


def _unreadable(raw: bytes) -> int:
    """Which fixed field does not end where it must."""
    limits = ((6, 0, "ESME_RINVSERTYP"), (21, 2, "ESME_RINVSRCADR"), (21, 2, "ESME_RINVDSTADR"))
    offset = HEADER_SIZE
    for limit, skip, name in limits:
        end = raw.find(b"\0", offset + skip)
        if end < 0:
            return STATUS["ESME_RINVCMDLEN"]
        if end - offset - skip >= limit:
            return STATUS[name]
        offset = end + 1
    return STATUS["ESME_RINVCMDLEN"]
