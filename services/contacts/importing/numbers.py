"""The phone numbers in one cell, as `smstext` reads them, and what was in the way."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from smstext import InvalidNumber, Rejected, iter_msisdns, parse_msisdn

MAX_RAW: Final = 200
"""Characters of a cell beyond which it is no number, whatever it holds."""

_SEPARATED = re.compile(r"[/,;|\n\t]")
_WHOLE_NUMBER = 10
"""Digits from which a refused token is a number of its own and no torn-off piece of its neighbour."""


class Found(NamedTuple):
    """`numbers` are E.164 digits without +, each once, in the order of the cell; `refused` are (text,
    reason).
    """

    numbers: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def find(cell: object, region: str) -> Found:
    """Every number in `cell`; a cell without any has its reason in `refused` ("empty" for a blank one)."""
    try:
        return Found((parse_msisdn(cell, region),), ())
    except InvalidNumber as error:
        reason = error.reason
    if not isinstance(cell, str):
        return Found((), ((str(cell), reason),))
    if reason not in ("several_numbers", "not_a_number", "too_long") or len(cell) > MAX_RAW:
        return Found((), ((cell[:MAX_RAW], reason),))
    return _several(cell, reason, region)


def looks_mobile(cell: object, region: str) -> bool:
    """Whether `cell` holds at least one number an SMS can go to; cheap for cells that cannot."""
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return False
    if isinstance(cell, str) and (len(cell) > MAX_RAW or _digits(cell) < 8):
        return False
    return bool(find(cell, region).numbers)


def _several(cell: str, reason: str, region: str) -> Found:
    """The numbers of a cell that is not one number. Digits left over beside a number, with no separator
    between, mean that somebody mistyped: such a cell is refused rather than guessed, the SMS would reach a
    stranger.
    """
    tokens = list(iter_msisdns(cell, region))
    numbers = tuple(dict.fromkeys(token.msisdn for token in tokens if not isinstance(token, Rejected)))
    refused = tuple((token.raw, token.reason) for token in tokens if isinstance(token, Rejected))
    torn = any(0 < _digits(raw) < _WHOLE_NUMBER for raw, _ in refused) and not _SEPARATED.search(cell)
    if numbers and not torn:
        return Found(numbers, refused)
    if reason == "several_numbers" and refused:
        return Found((), refused)
    return Found((), ((cell, reason),))


def _digits(text: str) -> int:
    return sum(char.isdigit() for char in text)
