"""The rules of notices: how money is written, when to try again, what an address is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from email.errors import MessageError
from email.headerregistry import Address

LOCALES = ("el", "en")
MAX_ADDRESS = 254  # RFC 5321 §4.5.3.1.3 less the angle brackets

# After the first failure half a minute, and so on; together about a day, as mail servers do (RFC 5321
# §4.5.4.1).
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 1_800, 7_200, 14_400, 28_800, 28_800))
MAX_ATTEMPTS = len(PAUSES) + 1


@dataclass(frozen=True)
class Attachment:
    """A PDF that goes with a notice."""

    filename: str
    data: bytes


@dataclass(frozen=True)
class Content:
    """What a notice says: a subject of one line, the same text plain and as HTML, and perhaps a PDF."""

    subject: str
    text: str
    html: str
    attachment: Attachment | None = None


def locale_of(asked: str) -> str:
    """The language to write in; English for one we do not speak."""
    return asked if asked in LOCALES else "en"


def money(micro_euro: int, locale: str) -> str:
    """``1.234,56 €`` in Greek, ``€1,234.56`` in English; cut to whole cents, so never more than there is."""
    cents = abs(micro_euro) // 10_000
    sign = "-" if micro_euro < 0 and cents else ""
    whole, rest = number(cents // 100, locale), f"{cents % 100:02d}"
    return f"{sign}{whole},{rest} €" if locale == "el" else f"{sign}€{whole}.{rest}"


def number(value: int, locale: str) -> str:
    """A whole number with its thousands set apart: by a point in Greek, by a comma in English."""
    grouped = f"{value:,}"
    return grouped.replace(",", ".") if locale == "el" else grouped


def one_line(value: str) -> str:
    """``value`` without control characters and line ends, so that no header can be smuggled in."""
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def as_address(value: str) -> str | None:
    """``value`` as it can stand in a header and in SMTP, an international domain in its ASCII form; None if it can not.

    Local parts beyond ASCII are not written to: few servers take them (RFC 6531).
    """
    local, _, domain = value.rpartition("@")
    try:
        ascii_form = f"{local}@{domain.encode('idna').decode()}"
        parsed = Address(addr_spec=ascii_form)
    except (MessageError, ValueError, IndexError):
        return None
    whole = parsed.addr_spec == ascii_form == "".join(ascii_form.split())
    return ascii_form if whole and parsed.domain and len(ascii_form) <= MAX_ADDRESS else None


def storable(value: str) -> str:
    """``value`` as a text column takes it, cut to a sensible length."""
    return value.replace("\x00", "")[: MAX_ADDRESS + 1]


def recipients(addresses: list[str]) -> list[str]:
    """The addresses in their order, each once."""
    return list(dict.fromkeys(addresses))


def pause_after(attempts: int) -> timedelta | None:
    """How long to wait after the ``attempts``-th attempt failed; None when it was the last."""
    return PAUSES[attempts - 1] if attempts < MAX_ATTEMPTS else None
