"""GSM 03.38 default alphabet and UCS-2: from text to the octets of a PDU and back.

GSM octets here are *unpacked*: one septet in each octet, extension characters as ESC (0x1B) and a second
octet, which is what SMPP carries in `short_message` with data_coding 0. Tables: 3GPP TS 23.038, section
6.2.1. No national shift table is used: there is none for Greek, and handsets support the others unevenly.
"""

from __future__ import annotations

import codecs
import re
from typing import Literal

from .errors import BadOctets, ControlCharacters, NotGsm

DATA_CODING_GSM = 0x00
DATA_CODING_UCS2 = 0x08
ESCAPE = 0x1B

# Index = septet. U+FFFF stands where the table has the escape to the extension table.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\uffffÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|",
    0x65: "€",
}  # fmt: skip
GSM_CHARACTERS = frozenset(BASIC) - {"\uffff"} | frozenset(EXTENSION.values())

# What no text may hold: C0 but for LF, FF and CR, DEL, C1, and surrogates that are not part of a pair.
CONTROLS = re.compile("[\x00-\x09\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def _build_fast_map() -> object:
    """Character → internal code, in CPython's own trie, which is some ten times faster than a dict.

    The trie needs code 0 to mean U+0000, but in GSM 0 is "@": so "@" takes the place of the escape (0x1B)
    and a NUL, which is refused anyway, keeps 0. Extension characters are their second octet + 0x80: so a
    text without any of them encodes to ASCII octets, and their number is the number of octets above 0x7F.
    """
    table = ["\ufffe"] * 256
    table[: len(BASIC)] = list(BASIC)
    table[0], table[ESCAPE] = "\x00", "@"
    for second, character in EXTENSION.items():
        table[0x80 + second] = character
    return codecs.charmap_build("".join(table))


_FAST_MAP = _build_fast_map()
_TO_OCTETS = bytes(0 if code == ESCAPE else code for code in range(256))
_EXTENDED = re.compile(b"[\x80-\xff]")
_PAIRS = {bytes([0x80 + second]): bytes([ESCAPE, second]) for second in EXTENSION}
_NOT_GSM = re.compile("[^" + re.escape("".join(sorted(GSM_CHARACTERS))) + "]")
_DECODE = BASIC.replace("\uffff", " ")
_ESCAPED = re.compile(b"\x1b([\x00-\xff]?)", re.DOTALL)


def internal_codes(text: str) -> bytes | None:
    """One octet for each character (extension characters above 0x7F), None if some character is not GSM."""
    try:
        codes = codecs.charmap_encode(text, "strict", _FAST_MAP)[0]  # type: ignore[arg-type]
    except UnicodeEncodeError:
        return None
    return None if 0 in codes else codes


def expand(codes: bytes) -> bytes:
    """Internal codes to the octets of a PDU."""
    if codes.isascii():
        return codes.translate(_TO_OCTETS)
    return _EXTENDED.sub(lambda found: _PAIRS[found.group()], codes.translate(_TO_OCTETS))


def not_gsm(text: str) -> list[str]:
    """The characters of `text` that GSM 03.38 lacks, in order, with repetitions."""
    return _NOT_GSM.findall(text)


def is_gsm(text: str) -> bool:
    """True if every character has a GSM 03.38 form as it is."""
    return internal_codes(text) is not None


def refuse_controls(text: str) -> None:
    """Raise ControlCharacters if the text has any (LF, CR and FF are allowed)."""
    if CONTROLS.search(text):
        raise ControlCharacters(CONTROLS.findall(text))


def strip_controls(text: str) -> str:
    """The text without what `segment` and the encoders refuse; a tab becomes a space."""
    return CONTROLS.sub("", text.replace("\t", " "))


def encode_gsm(text: str) -> bytes:
    """Unpacked septets of `text`. Raises NotGsm (or ControlCharacters) naming what has no form; never emits a
    raw ESC.
    """
    codes = internal_codes(text)
    if codes is None:
        refuse_controls(text)
        raise NotGsm(not_gsm(text))
    return expand(codes)


def decode_gsm(octets: bytes, errors: Literal["strict", "replace"] = "strict") -> str:
    """Text of unpacked septets. An unknown escape pair reads as its second septet in the basic table, ESC ESC
    and an ESC at the end as a space (TS 23.038, 6.2.1.1). An octet above 0x7F raises BadOctets, or reads
    "?" with "replace".
    """
    if not octets.isascii():
        if errors == "strict":
            raise BadOctets("GSM septets are below 0x80")
        octets = bytes(octet if octet < 0x80 else 0x3F for octet in octets)
    if ESCAPE not in octets:
        return codecs.charmap_decode(octets, "strict", _DECODE)[0]
    pieces, start = [], 0
    for found in _ESCAPED.finditer(octets):
        pieces.append(codecs.charmap_decode(octets[start : found.start()], "strict", _DECODE)[0])
        second = found.group(1)
        pieces.append(EXTENSION.get(second[0], _DECODE[second[0]]) if second else " ")
        start = found.end()
    pieces.append(codecs.charmap_decode(octets[start:], "strict", _DECODE)[0])
    return "".join(pieces)


def encode_ucs2(text: str) -> bytes:
    """UTF-16, big endian, without a byte order mark. Raises ControlCharacters."""
    refuse_controls(text)
    return text.encode("utf-16-be")


def decode_ucs2(octets: bytes, errors: Literal["strict", "replace"] = "strict") -> str:
    """Text of UTF-16BE octets. An odd number of octets or half a surrogate pair raises BadOctets, or reads
    U+FFFD.
    """
    try:
        return octets.decode("utf-16-be", errors)
    except UnicodeDecodeError as error:
        raise BadOctets(f"not UTF-16BE: {error.reason}") from error
