"""Pseudonyms: a number that was erased, as a keyed hash. Who has the number and the key can tell that it is the same."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache

from . import settings


@dataclass(frozen=True)
class _Secret:
    secret_key: str


@cache
def _key() -> bytes:
    secret = settings.read(_Secret).secret_key
    return hashlib.sha256(b"pseudonyms\0" + secret.encode()).digest()


def of(account_id: int, msisdn: int) -> int:
    """The pseudonym of a number within an account: negative, so never a number, and of 63 bits.

    HMAC-SHA-256 under a key made of KERYX_SECRET_KEY; another key gives others. Raises BadSetting without one.
    """
    digest = hmac.digest(_key(), b"%d\0%d" % (account_id, msisdn), "sha256")
    return -(int.from_bytes(digest[:8], "big") >> 1) - 1
