"""How many SMS a text is, and which text goes into each part.

A message that does not fit one SMS is sent as parts, each with a concatenation header that takes room: in
GSM 160 septets alone and 153 a part, in Unicode 70 UTF-16 units alone and 67 a part (3GPP TS 23.040,
9.2.3.24). Operators differ: `Limits` says what a route takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .clusters import is_boundary
from .errors import BadOctets, NotGsm
from .gsm import CONTROLS, ESCAPE, expand, internal_codes, not_gsm, refuse_controls

Encoding = Literal["auto", "gsm", "unicode"]
UsedEncoding = Literal["gsm", "unicode"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Room in an SMS: GSM in septets, Unicode in UTF-16 units; `single` alone, `multi` as a part of a longer
    message.
    """

    gsm_single: int = 160
    gsm_multi: int = 153
    unicode_single: int = 70
    unicode_multi: int = 67

    def __post_init__(self) -> None:
        for single, multi in ((self.gsm_single, self.gsm_multi), (self.unicode_single, self.unicode_multi)):
            # Two is what the longest unbreakable pair takes: with less, a text could not be sent at all.
            if not 2 <= multi <= single:
                raise ValueError("a part must hold at least 2 units and no more than a single SMS")


STANDARD = Limits()
WIDE_REFERENCE = Limits(
    gsm_multi=152, unicode_multi=66
)  # 7-octet header: concatenation with a 16-bit reference


class Segmentation(NamedTuple):
    """`units`: septets or UTF-16 units of the whole text; `remaining`: units still free in the last part;
    `texts`: the text of each part, which joined give the text back. An empty text has 0 units in 1 part.
    """

    encoding: UsedEncoding
    units: int
    parts: int
    remaining: int
    texts: tuple[str, ...]


class Count(NamedTuple):
    """What `count` answers: a Segmentation without its texts."""

    encoding: UsedEncoding
    units: int
    parts: int


def segment(text: str, encoding: Encoding = "auto", *, limits: Limits = STANDARD) -> Segmentation:
    """Cut `text` into the parts that are sent and billed.

    "auto" is GSM when every character has a GSM 03.38 form as it is, else Unicode. "gsm" raises NotGsm,
    naming the characters, when one has none: fold first (`fold_to_gsm`). Control characters but LF, CR, FF
    raise ControlCharacters (`strip_controls` removes them). Never cut: an escape pair, a surrogate pair, a
    grapheme cluster, unless that cluster alone is longer than a part.
    """
    codes = None if encoding == "unicode" else internal_codes(text)
    if codes is None:
        return _segment_unicode(text, _require_unicode(text, encoding), limits)
    units = len(codes)
    if codes.isascii():
        if units <= limits.gsm_single:
            return Segmentation("gsm", units, 1, limits.gsm_single - units, (text,))
        room = limits.gsm_multi
        texts = tuple(text[start : start + room] for start in range(0, units, room))
        return Segmentation("gsm", units, len(texts), len(texts) * room - units, texts)
    return _segment_escaped(text, expand(codes), limits)


def count(text: str, encoding: Encoding = "auto", *, limits: Limits = STANDARD) -> Count:
    """Encoding, units and number of parts as `segment` gives them, without the texts."""
    codes = None if encoding == "unicode" else internal_codes(text)
    if codes is None:
        units = _require_unicode(text, encoding)
        if units <= limits.unicode_single:
            return Count("unicode", units, 1)
        return Count("unicode", units, len(_unicode_cuts(text, units, limits.unicode_multi)))
    units = len(codes)
    if codes.isascii():
        return Count("gsm", units, 1 if units <= limits.gsm_single else -(-units // limits.gsm_multi))
    octets = expand(codes)
    units = len(octets)
    return Count(
        "gsm", units, 1 if units <= limits.gsm_single else len(_escaped_cuts(octets, limits.gsm_multi))
    )


_SPECIAL = re.compile(CONTROLS.pattern[:-1] + "\U00010000-\U0010ffff]").search


def _require_unicode(text: str, encoding: Encoding) -> int:
    """UTF-16 units of a text that will go out as Unicode, after refusing what must not."""
    if encoding not in ("auto", "gsm", "unicode"):
        raise ValueError(f"unknown encoding {encoding!r}")
    # One look tells that there is neither a control nor a pair: nearly always, and then units are characters.
    if encoding != "gsm" and _SPECIAL(text) is None:
        return len(text)
    refuse_controls(text)
    if encoding == "gsm":
        raise NotGsm(not_gsm(text))
    return len(text.encode("utf-16-be")) // 2


def _escaped_cuts(octets: bytes, room: int) -> list[int]:
    """End offset of each part in expanded octets, never between an escape and its second octet."""
    cuts, end, length = [], 0, len(octets)
    while end < length:
        end = min(end + room, length)
        if end < length and octets[end - 1] == ESCAPE:
            end -= 1
        cuts.append(end)
    return cuts


def _segment_escaped(text: str, octets: bytes, limits: Limits) -> Segmentation:
    units = len(octets)
    if units <= limits.gsm_single:
        return Segmentation("gsm", units, 1, limits.gsm_single - units, (text,))
    texts, start, position = [], 0, 0
    for end in _escaped_cuts(octets, limits.gsm_multi):
        taken = end - start - octets.count(ESCAPE, start, end)
        texts.append(text[position : position + taken])
        last, start, position = end - start, end, position + taken
    return Segmentation("gsm", units, len(texts), limits.gsm_multi - last, tuple(texts))


def _segment_unicode(text: str, units: int, limits: Limits) -> Segmentation:
    if units <= limits.unicode_single:
        return Segmentation("unicode", units, 1, limits.unicode_single - units, (text,))
    cuts = _unicode_cuts(text, units, limits.unicode_multi)
    start, texts = 0, []
    for end in cuts:
        texts.append(text[start:end])
        start = end
    last = len(texts[-1]) if units == len(text) else len(texts[-1].encode("utf-16-be")) // 2
    return Segmentation("unicode", units, len(texts), limits.unicode_multi - last, tuple(texts))


def _unicode_cuts(text: str, units: int, room: int) -> list[int]:
    """End index of each part, in code points."""
    length = len(text)
    only_bmp = units == length
    cuts, start = [], 0
    while start < length:
        limit = min(start + room, length) if only_bmp else _reach(text, start, room)
        end = limit
        while start < end < length and not is_boundary(text, end, start):
            end -= 1
        if (
            end == start
        ):  # one cluster longer than a whole part: it has to be cut, though never inside a code point
            end = limit
        cuts.append(end)
        start = end
    return cuts


def _reach(text: str, start: int, room: int) -> int:
    """Index after the last code point that fits `room` UTF-16 units from `start`."""
    end, length = start, len(text)
    while end < length:
        room -= 2 if text[end] > "\uffff" else 1
        if room < 0:
            break
        end += 1
    return end


class ConcatInfo(NamedTuple):
    """The concatenation element of a user data header; `wide` if the reference has 16 bits."""

    reference: int
    total: int
    seq: int
    wide: bool


def concat_udh(reference: int, total: int, seq: int, wide: bool = False) -> bytes:
    """User data header of part `seq` (from 1) of `total` (at most 255): 6 octets, or 7 with a 16-bit
    reference.

    Goes before the payload with the UDHI bit (0x40) of esm_class set. Raises ValueError for what does not
    fit.
    """
    if not (1 <= seq <= total <= 255 and 0 <= reference <= (0xFFFF if wide else 0xFF)):
        raise ValueError("concatenation out of range")
    if wide:
        return bytes((6, 8, 4, reference >> 8, reference & 0xFF, total, seq))
    return bytes((5, 0, 3, reference, total, seq))


def split_udh(short_message: bytes) -> tuple[ConcatInfo | None, bytes]:
    """Concatenation element (None if the header has none) and payload of a short_message whose esm_class has
    UDHI.

    Raises BadOctets if the header is longer than the message or its elements do not add up (TS 23.040,
    9.2.3.24).
    """
    if not short_message or short_message[0] + 1 > len(short_message):
        raise BadOctets("user data header longer than the message")
    end = short_message[0] + 1
    info, position = None, 1
    while position < end:
        if position + 2 > end or position + 2 + short_message[position + 1] > end:
            raise BadOctets("broken element in the user data header")
        kind, size = short_message[position], short_message[position + 1]
        value = short_message[position + 2 : position + 2 + size]
        if (kind, size) in ((0, 3), (8, 4)):
            info = ConcatInfo(int.from_bytes(value[:-2], "big"), value[-2], value[-1], kind == 8)
        position += 2 + size
    return info, short_message[end:]


__all__ = [
    "STANDARD", "WIDE_REFERENCE", "ConcatInfo", "Count", "Encoding", "Limits", "Segmentation",
    "UsedEncoding", "concat_udh", "count", "segment", "split_udh",
]  # fmt: skip
