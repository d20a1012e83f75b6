"""What a contact holds at most, by whatever way it comes: the gateway refuses more, and so does contacts, in a file too.

Texts are counted in characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CONTACT_TEXTS: Final[Mapping[str, int]] = {
    "title": 60, "first_name": 150, "last_name": 150, "email": 254,
    "custom1": 500, "custom2": 500, "custom3": 500, "custom4": 500, "vocative": 150, "note": 2_000,
}  # fmt: skip
CONTACT_NUMBERS: Final = 20
GROUP_NAME: Final = 100
