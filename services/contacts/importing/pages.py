"""Judged rows in pages: what crosses from the child, waits in the database, and becomes lines of COPY.

A page is columns and not rows, and its texts are in COPY's format already: of a new contact nothing is left to do but put
ids before a line. A dict for each row cost 30 µs more on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..domain import TEXT_FIELDS
from . import copytext
from .verdicts import Accepted, Duplicate, Verdict

PAGE_ROWS: Final = 5_000
PAGE_CHARACTERS: Final = 1 << 20
"""Of rejected rows and texts, after which a page ends early."""
MAX_CELLS_PER_ROW: Final = 32_768
MAX_CELLS_PER_IMPORT: Final = 100 << 20
"""Characters of rejected rows kept for the workbook; beyond, only their reasons are kept. A file can refer to one long
text from every cell, so what it says need not fit what it weighs."""

_TABS: Final = len(TEXT_FIELDS) - 1

Reject = tuple[int, str, str, list[str]]
"""Row, reason, detail, and its cells as its owner saw them."""


class Page(NamedTuple):
    """Verdicts on neighbouring rows; JSON as a plain list.

    `numbers` and the lines of `texts` stand for the accepted rows in order: the primary number, and the text fields in
    COPY's format. `more` are (index of an accepted row, its further numbers), `groups` (index, its group cell).
    """

    last_row: int
    duplicates: int
    numbers: list[int]
    texts: str
    more: list[tuple[int, list[int]]]
    groups: list[tuple[int, str]]
    rejects: list[Reject]

    @property
    def rows(self) -> int:
        """How many rows were judged."""
        return len(self.numbers) + self.duplicates + len(self.rejects)

    @property
    def all_numbers(self) -> list[int]:
        """The numbers of all accepted rows, each once."""
        return [*self.numbers, *(number for _, numbers in self.more for number in numbers)]

    def owners(self, known: Mapping[int, int]) -> dict[int, int]:
        """Which contact an accepted row is about, by the row's index: the one that has the first of its numbers that
        anybody has, by ``known`` (number → contact). Rows that are about nobody yet are left out.
        """
        if not known:
            return {}
        found = {index: known[number] for index, number in enumerate(self.numbers) if number in known}
        for index, numbers in self.more:
            if index not in found:
                found.update((index, known[number]) for number in reversed(numbers) if number in known)
        return found

    @property
    def lines(self) -> list[str]:
        """The lines of `texts`."""
        return self.texts.split("\n") if self.numbers else []


def build(judged: Iterable[Verdict]) -> Iterator[Page]:
    """All verdicts in pages of at most 5,000 rows, each row in exactly one."""
    draft = _Draft(left := _Allowance())
    for verdict in judged:
        draft.add(verdict)
        if draft.rows == PAGE_ROWS or draft.characters > PAGE_CHARACTERS:
            yield draft.page()
            draft = _Draft(left)
    if draft.rows:
        yield draft.page()


def decode(wire: Any) -> Page:
    """The page that came as JSON. Raises ValueError for anything that could become more than the rows of one import:
    a line of COPY too many would be a row of somebody else.
    """
    page = Page(*wire)
    if not all(type(number) is int for number in page.numbers):
        raise ValueError("a number that is none")
    if page.numbers and (page.texts.count("\n") != len(page.numbers) - 1 or "\r" in page.texts):
        raise ValueError("not a line for each row")
    for index, numbers in page.more:
        if not 0 <= index < len(page.numbers) or not all(type(number) is int for number in numbers):
            raise ValueError("numbers of no row")
    if not all(0 <= index < len(page.numbers) and type(text) is str for index, text in page.groups):
        raise ValueError("groups of no row")
    if type(page.duplicates) is not int or page.duplicates < 0 or type(page.last_row) is not int:
        raise ValueError("not a count")
    return page


def fields_of(line: str) -> dict[str, str]:
    """The fields of a line of `texts` that are not blank."""
    values = zip(TEXT_FIELDS, line.split("\t"), strict=True)
    return {name: copytext.unescape(value) for name, value in values if value}


def line_of(fields: dict[str, str]) -> str:
    """The text fields as a line of `texts`; `fields_of` is its inverse."""
    get = fields.get
    line = "\t".join([get(name, "") for name in TEXT_FIELDS])
    # One look for all columns: a contact whose texts need escaping is one in thousands.
    if "\\" in line or "\n" in line or "\r" in line or "\x00" in line or line.count("\t") != _TABS:
        return "\t".join([copytext.escape(get(name, "")) for name in TEXT_FIELDS])
    return line


class _Allowance:
    """How much of rejected rows is kept for the workbook."""

    def __init__(self) -> None:
        self._left = MAX_CELLS_PER_IMPORT

    def keep(self, values: Iterable[str]) -> list[str]:
        kept: list[str] = []
        room = min(MAX_CELLS_PER_ROW, self._left)
        for value in values:
            kept.append(value[:room])
            room -= len(kept[-1])
        self._left -= sum(map(len, kept))
        return kept


class _Draft:
    """A page while it fills."""

    def __init__(self, allowance: _Allowance) -> None:
        self.rows = self.characters = 0
        self._allowance = allowance
        self._last_row = self._duplicates = 0
        self._numbers: list[int] = []
        self._lines: list[str] = []
        self._more: list[tuple[int, list[int]]] = []
        self._groups: list[tuple[int, str]] = []
        self._rejects: list[Reject] = []

    def add(self, verdict: Verdict) -> None:
        self.rows += 1
        self._last_row = verdict.row
        if isinstance(verdict, Accepted):
            self._accept(verdict)
        elif isinstance(verdict, Duplicate):
            self._duplicates += 1
        else:
            values = self._allowance.keep(verdict.values)
            self._rejects.append((verdict.row, verdict.reason, verdict.detail[:500], values))
            self.characters += sum(map(len, values))

    def _accept(self, verdict: Accepted) -> None:
        _, numbers, fields, _ = verdict
        line = line_of(fields)
        self.characters += len(line)
        if len(numbers) > 1:
            self._more.append((len(self._numbers), [int(number) for number in numbers[1:]]))
        if "group" in fields:
            self._groups.append((len(self._numbers), fields["group"]))
        self._numbers.append(int(numbers[0]))
        self._lines.append(line)

    def page(self) -> Page:
        return Page(
            self._last_row,
            self._duplicates,
            self._numbers,
            "\n".join(self._lines),
            self._more,
            self._groups,
            self._rejects,
        )
