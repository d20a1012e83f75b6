"""Sender ids: what may stand where the phone shows who wrote."""

from __future__ import annotations

from .gsm import is_gsm

MAX_ALPHANUMERIC = 11
MAX_NUMERIC = 15
MIN_NUMERIC = 3
_EXTENDED = frozenset("^{}\\[~]|€")


def check_sender_id(sender: str) -> str:
    """The sender id as it is sent: 3 to 15 digits, or up to 11 characters of GSM 03.38 with a letter among them.

    3GPP TS 23.040 §9.1.2.5: an alphanumeric address holds 11 septets, so no extension characters. A leading + or 00 of a
    number is dropped. Raises ValueError whose text is a stable code: sender_empty, sender_too_short,
    sender_too_long, sender_characters.
    """
    sender = sender.strip()
    digits = sender.removeprefix("+")
    if not digits:
        raise ValueError("sender_empty")
    if digits.isascii() and digits.isdigit():
        return _numeric(digits.removeprefix("00"))
    if len(sender) > MAX_ALPHANUMERIC:
        raise ValueError("sender_too_long")
    if not (_is_plain(sender) and any(character.isalpha() for character in sender)):
        raise ValueError("sender_characters")
    return sender


def _numeric(digits: str) -> str:
    if len(digits) > MAX_NUMERIC:
        raise ValueError("sender_too_long")
    if len(digits) < MIN_NUMERIC:
        raise ValueError("sender_too_short")
    return digits


def _is_plain(sender: str) -> bool:
    return sender.isprintable() and is_gsm(sender) and not _EXTENDED.intersection(sender)
