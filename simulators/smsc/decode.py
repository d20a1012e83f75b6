"""Read a submit_sm back: who sent what to whom, which part of which message.

For checkers, not for the loop: this is the independent view of "what the operator got".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from simulators.smsc import gsm
from simulators.smsc.pdu import (
    HEADER_SIZE,
    MESSAGE_PAYLOAD,
    SAR_MSG_REF_NUM,
    SAR_SEGMENT_SEQNUM,
    SAR_TOTAL_SEGMENTS,
    UDHI,
)
from simulators.smsc.submit import FIELDS, SEVEN_BIT, WIDE, optional_parameters


class Unreadable(ValueError):
    """The octets are not a submit_sm."""


@dataclass(frozen=True, slots=True)
class Submit:
    """One submit_sm, decoded. `part` of `parts` is 1 of 1 for a message that came alone."""

    source: str
    destination: str
    text: str
    coding: int
    reference: int | None
    part: int
    parts: int
    registered: int
    validity: str

    def as_json(self) -> dict[str, Any]:
        """The fields added to a line of /received.ndjson?decoded=1."""
        return {
            "from": self.source, "to": self.destination, "text": self.text, "coding": self.coding,
            "reference": self.reference, "part": self.part, "parts": self.parts,
        }  # fmt: skip


def submit(raw: bytes) -> Submit:
    """Decode a whole PDU; raises Unreadable when its fields do not end where they must."""
    match = FIELDS.match(raw, HEADER_SIZE)
    if match is None:
        raise Unreadable("fixed fields")
    source, destination, fixed, size = match.groups()
    start, end = match.end(), match.end() + size[0]
    found = optional_parameters(raw, end) if end <= len(raw) else None
    if found is None:
        raise Unreadable("sm_length or optional parameters")
    body = found.get(MESSAGE_PAYLOAD) or raw[start:end]
    reference, part, parts = _segments(found)
    if fixed[0] & UDHI and body:
        taken = body[0] + 1
        reference, part, parts = _concatenation(body[1:taken]) or (reference, part, parts)
        body = body[taken:]
    coding, registered = fixed[-2], fixed[-4]
    validity = fixed[3:-4].split(b"\0")[1]
    return Submit(
        source[2:].decode("latin-1"), destination[2:].decode("latin-1"), text_of(body, coding), coding,
        reference, part, parts, registered, validity.decode("latin-1"),
    )  # fmt: skip


def text_of(body: bytes, coding: int) -> str:
    """The text of a message's octets by its data_coding; octets of a binary message come as hex."""
    if coding in SEVEN_BIT:
        return gsm.decode(body)
    if coding in WIDE:
        return body.decode("utf-16-be", "replace")
    if coding == 3:
        return body.decode("latin-1")
    return body.hex()


def _segments(found: dict[int, bytes]) -> tuple[int | None, int, int]:
    """(reference, part, parts) of the sar_* parameters."""
    if not all(found.get(tag) for tag in (SAR_MSG_REF_NUM, SAR_TOTAL_SEGMENTS, SAR_SEGMENT_SEQNUM)):
        return None, 1, 1
    reference = int.from_bytes(found[SAR_MSG_REF_NUM], "big")
    return reference, found[SAR_SEGMENT_SEQNUM][0], found[SAR_TOTAL_SEGMENTS][0]


def _concatenation(elements: bytes) -> tuple[int, int, int] | None:
    """(reference, part, parts) of the user data header's concatenation element, when it has one."""
    offset = 0
    while offset + 2 <= len(elements):
        tag, size = elements[offset], elements[offset + 1]
        value = elements[offset + 2 : offset + 2 + size]
        if tag in (0, 8) and len(value) == (3 if tag == 0 else 4):
            return int.from_bytes(value[:-2], "big"), value[-1], value[-2]
        offset += 2 + size
    return None


@dataclass(frozen=True, slots=True)
class Message:
    """A message put together from its parts, in order. `ids` are the operator's, one a part."""

    source: str
    destination: str
    text: str
    ids: tuple[str, ...]


def messages(lines: Iterable[dict[str, Any]]) -> Iterator[Message]:
    """Whole messages out of lines of /received.ndjson?decoded=1 that were answered ESME_ROK.

    A message is yielded when its last missing part is seen; parts that never complete one are yielded at
    the end with the parts there are. The same part twice starts another message: a double send shows as two.
    """
    open_ones: dict[tuple[str, str, int | None, int], list[dict[int, dict[str, Any]]]] = {}
    for line in lines:
        if line["answer"] != "sent" or line["command_status"] != 0:
            continue
        if line["parts"] == 1:
            yield _joined({1: line})
            continue
        key = (line["from"], line["to"], line["reference"], line["parts"])
        group = open_ones.setdefault(key, [])
        gathered = next((parts for parts in group if line["part"] not in parts), None)
        if gathered is None:
            gathered = {}
            group.append(gathered)
        gathered[line["part"]] = line
        if len(gathered) == line["parts"]:
            group.remove(gathered)
            yield _joined(gathered)
    for group in open_ones.values():
        yield from map(_joined, group)


def _joined(parts: dict[int, dict[str, Any]]) -> Message:
    lines = [parts[number] for number in sorted(parts)]
    text = "".join(line["text"] for line in lines)
    return Message(lines[0]["from"], lines[0]["to"], text, tuple(line["id"] for line in lines))
