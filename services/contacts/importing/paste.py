"""A pasted text as verdicts: whatever separates the numbers, every token is accounted for once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from smstext import Rejected as RejectedToken
from smstext import iter_msisdns

from .errors import BadFile
from .reader import MAX_ROWS as SHEET_ROWS
from .verdicts import Accepted, Rejected, Seen, Verdict

MAX_CHARACTERS: Final = 5_000_000
MAX_ROWS: Final = SHEET_ROWS - 1
"""As many as a file may have: with its header the workbook of rejects is a sheet that can be opened and imported. Numbers
alone never reach it. Two million scraps took 17 s to judge and 95 s to write, into a workbook that nobody could open."""


def read(text: str, region: str = "GR", seen: Seen | None = None) -> Iterator[Verdict]:
    """One verdict for each number or scrap of `text`, in order; `row` counts them from 1.

    A rejected token has its line, counted from 1, in `detail` and itself in `values`. Raises BadFile at once:
    paste_too_large above 5,000,000 characters, no_data_rows for a blank text; and too_many_rows when the
    1,048,576th is reached.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadFile("paste_too_large", f"{len(text)} characters")
    if not text or text.isspace():
        raise BadFile("no_data_rows", "the text is blank")
    return _verdicts(text, region, seen or Seen())


def _verdicts(text: str, region: str, seen: Seen) -> Iterator[Verdict]:
    for row, token in enumerate(iter_msisdns(text, region), 1):
        if row > MAX_ROWS:
            raise BadFile("too_many_rows", f"text: more than {MAX_ROWS} numbers and scraps")
        if isinstance(token, RejectedToken):
            yield Rejected(row, token.reason, f"line {token.line}", (token.raw,))
        else:
            yield seen.admit(Accepted(row, (token.msisdn,), {}))
