"""Passwords of connectors at rest: encrypted with a key from the environment, never shown, never logged."""

from __future__ import annotations

import base64
import hashlib
import os
from functools import cache

from cryptography.fernet import Fernet

from servicekit.settings import BadSetting


@cache
def _box() -> Fernet:
    secret = os.environ.get("KERYX_SECRET_KEY")
    if not secret:
        raise BadSetting("KERYX_SECRET_KEY must be set: connector passwords are encrypted with it")
    return Fernet(
        base64.urlsafe_b64encode(hashlib.sha256(b"connector password\0" + secret.encode()).digest())
    )


def hide(password: str) -> bytes:
    """The encrypted form that is stored."""
    return _box().encrypt(password.encode())


def reveal(stored: bytes) -> str:
    """What was hidden. Raises cryptography.fernet.InvalidToken when the key is another one."""
    return _box().decrypt(stored).decode()
