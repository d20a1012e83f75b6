"""GSM 03.38 as the handset reads it (3GPP 23.038 §6.2.1).

Written apart from Keryx's own encoder on purpose: what one gets wrong the other must not hide.
"""

TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\",
    0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
ESCAPE = 0x1B
_codes = {character: bytes((code,)) for code, character in enumerate(TABLE) if code != ESCAPE}
_codes.update({character: bytes((ESCAPE, code)) for code, character in EXTENSION.items()})


def decode(octets: bytes) -> str:
    """Text of unpacked septets.

    An unknown character of the extension table shows as the one of the basic table, two escapes as a
    space, and an octet above 127 or an escape at the end as U+FFFD: there is no such character.
    """
    text: list[str] = []
    escaped = False
    for octet in octets:
        if escaped:
            text.append(" " if octet == ESCAPE else EXTENSION.get(octet) or _basic(octet))
            escaped = False
        elif octet == ESCAPE:
            escaped = True
        else:
            text.append(_basic(octet))
    return "".join(text) + ("\ufffd" if escaped else "")


def _basic(octet: int) -> str:
    return TABLE[octet] if octet < len(TABLE) else "\ufffd"


def encode(text: str) -> list[bytes] | None:
    """The characters' septets, one or two octets each, or None when the alphabet lacks one of them."""
    septets = [_codes.get(character) for character in text]
    return None if None in septets else [septet for septet in septets if septet is not None]
