"""From a stored message to the octets of its parts."""

from __future__ import annotations

import smstext

from ..smpp import pdu
from .batches import Row

MAX_OCTETS = 254  # SMPP 3.4 §5.2.22


def bodies(row: Row, validity: bytes) -> list[bytes]:
    """The submit_sm body of each part of a message, as it was counted when it was sold.

    Raises ValueError when the text does not encode in its alphabet, or makes another number of parts.
    """
    gsm = row.encoding == "gsm"
    encode = smstext.encode_gsm if gsm else smstext.encode_ucs2
    coding = smstext.DATA_CODING_GSM if gsm else smstext.DATA_CODING_UCS2
    sender, ton_npi = pdu.address(row.sender), pdu.address_ton_npi(row.sender)
    msisdn = row.recipient.encode("ascii")
    if row.parts == 1:
        octets = encode(row.text)
        if len(octets) > MAX_OCTETS:
            raise ValueError(f"{len(octets)} octets, sold as one part")
        return [pdu.submit_body(sender, ton_npi, msisdn, 0, validity, coding, octets)]
    texts = smstext.segment(row.text, "gsm" if gsm else "unicode").texts
    if len(texts) != row.parts:
        raise ValueError(f"{len(texts)} parts, sold as {row.parts}")
    return [
        pdu.submit_body(
            sender, ton_npi, msisdn, pdu.ESM_UDHI, validity, coding,
            smstext.concat_udh(row.id & 0xFF, row.parts, no) + encode(text),
        )
        for no, text in enumerate(texts, 1)
    ]  # fmt: skip
