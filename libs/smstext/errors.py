"""The errors of this library: all are ValueErrors with a stable `code` that an interface may show or
translate.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def name_of(character: str) -> str:
    """Readable name of one character, such as "U+1F600 GRINNING FACE"; control characters have only the
    number.
    """
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


class TextError(ValueError):
    """Base of what can be wrong with a text. `code` never changes; the message is for people."""

    code = "invalid_text"


class NotGsm(TextError):
    """The text has characters without a GSM 03.38 form. `characters`: each once, in order of appearance."""

    code = "not_gsm"

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = tuple(dict.fromkeys(characters))
        shown = ", ".join(name_of(character) for character in self.characters[:10])
        more = len(self.characters) - 10
        super().__init__(f"no GSM 03.38 form for {shown}" + (f" and {more} more" if more > 0 else ""))


class ControlCharacters(TextError):
    """The text has control characters or lone surrogates, which no SMS carries. `characters` as in NotGsm."""

    code = "control_characters"

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = tuple(dict.fromkeys(characters))
        shown = ", ".join(f"U+{ord(character):04X}" for character in self.characters[:10])
        super().__init__(f"control characters are not allowed in a text: {shown}")


class BadOctets(TextError):
    """Octets that are not a well-formed short_message in the alphabet they claim."""

    code = "bad_octets"


class TemplateError(TextError):
    """A template that cannot be compiled. `position`: index of the first offending character, from 0."""

    def __init__(self, code: str, position: int, detail: str) -> None:
        self.code = code
        self.position = position
        self.detail = detail
        super().__init__(f"{detail} (at character {position + 1})")


class InvalidNumber(ValueError):
    """A value that is no mobile number. `reason` is one of the codes listed in `smstext.msisdn.REASONS`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
