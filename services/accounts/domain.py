"""Rules of accounts: API keys, sender ids, passwords. Pure; no database, no clock of its own."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SCOPES = ("client", "operator")
LOCALES = ("el", "en")
PRICE_CLASSES = ("normal", "low")
ENCODINGS = ("auto", "gsm", "unicode")
CUSTOM_FIELDS = 4

_ALPHABET = string.ascii_letters + string.digits
_PREFIX_LENGTH = 8
_SECRET_LENGTH = 43  # 43 of 62 characters: 256 bits
_KEY = re.compile(rf"kx_([a-z0-9]{{{_PREFIX_LENGTH}}})_([A-Za-z0-9]{{{_SECRET_LENGTH}}})")


@dataclass(frozen=True)
class NewKey:
    """A key just made. ``text`` is shown once to its owner; only ``prefix`` and ``secret_hash`` are kept."""

    text: str
    prefix: str
    secret_hash: bytes


def make_key() -> NewKey:
    """A new API key ``kx_<prefix>_<secret>`` with 256 bits of chance in its secret."""
    prefix = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(_PREFIX_LENGTH))
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
    return NewKey(f"kx_{prefix}_{secret}", prefix, hash_secret(prefix, secret))


def split_key(text: str) -> tuple[str, str] | None:
    """(prefix, secret) of a well-formed key, else None."""
    match = _KEY.fullmatch(text)
    return (match[1], match[2]) if match else None


def hash_secret(prefix: str, secret: str) -> bytes:
    """What is stored of a secret. One fast hash is enough: nobody guesses 256 bits."""
    return hashlib.blake2b(
        secret.encode(), digest_size=32, key=prefix.encode(), person=b"keryx.api_key"
    ).digest()


def secret_matches(prefix: str, secret: str, stored: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(hash_secret(prefix, secret), stored)


def is_usable(now: datetime, expires_at: datetime | None, revoked_at: datetime | None) -> bool:
    """A key works until it is revoked or its time is over."""
    return revoked_at is None and (expires_at is None or now < expires_at)


def is_timezone(name: str) -> bool:
    """True for a name of the IANA time zone database."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
