"""One verdict for every row: accepted, duplicate or rejected with its reason; no row is lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from .. import domain
from . import cells, numbers

MAX_CELL: Final = 32_767
"""Characters Excel lets a cell have; a raw value is kept up to there so that a reject can be imported again.
"""

FIELD_LIMITS: Final[Mapping[str, int]] = {**domain.TEXT_LIMITS, "group": 120}
"""Characters of the texts a row may have; "group" is a cell that may name several."""
_EMAIL = re.compile(r"^[^\s@,;<>\"]+@[^\s@,;<>\"]+\.[^\s@,;<>\".]+$")


class Note(NamedTuple):
    """Something of an accepted row that was left out: the field, why (words in `reasons`), and the text."""

    field: str
    code: str
    raw: str


_NO_NUMBER = Note("number", "empty", "")


class Accepted(NamedTuple):
    """A row to store. `numbers` are E.164 digits, the first is primary; `fields` holds only what is not
    blank.
    """

    row: int
    numbers: tuple[str, ...]
    fields: dict[str, str]
    notes: tuple[Note, ...] = ()


class Duplicate(NamedTuple):
    """A row all of whose numbers stand in earlier rows; `first_row` is the row of its primary number."""

    row: int
    number: str
    first_row: int


class Rejected(NamedTuple):
    """A row without a usable number, with too many, or with a value too long. `values` is the row as its owner saw it, all
    cells.
    """

    row: int
    reason: str
    detail: str
    values: tuple[str, ...]


Verdict = Accepted | Duplicate | Rejected


def judge(
    row: int, values: Sequence[object], mapping: Mapping[str, int], region: str = "GR"
) -> Accepted | Rejected:
    """The verdict on one row for itself; what earlier rows hold is `Seen`'s business. Never raises on any
    value.

    A bad second number or e-mail does not cost the row: it is left out and said in `notes`.
    """
    return _judge(row, values, _plan(mapping), region)


class Seen:
    """The numbers of the rows so far; the first row to bring a number keeps it. 110 MB for a million."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def admit(self, verdict: Accepted | Rejected) -> Verdict:
        """`verdict`, or a Duplicate if an earlier row has all its numbers; numbers an earlier row has are
        left out.
        """
        if isinstance(verdict, Rejected):
            return verdict
        first = self._first
        if len(verdict.numbers) == 1:
            holder = first.setdefault(int(verdict.numbers[0]), verdict.row)
            return verdict if holder == verdict.row else Duplicate(verdict.row, verdict.numbers[0], holder)
        keys = [int(number) for number in verdict.numbers]
        fresh = [key for key in keys if key not in first]
        if not fresh:
            return Duplicate(verdict.row, verdict.numbers[0], first[keys[0]])
        for key in fresh:
            first[key] = verdict.row
        if len(fresh) == len(keys):
            return verdict
        taken = tuple(Note("number", "duplicate", str(key)) for key in keys if key not in fresh)
        return verdict._replace(numbers=tuple(map(str, fresh)), notes=verdict.notes + taken)


def judge_rows(
    rows: Iterable[tuple[int, Sequence[object]]],
    mapping: Mapping[str, int],
    region: str = "GR",
    seen: Seen | None = None,
) -> Iterator[Verdict]:
    """Exactly one verdict for each of `rows`, in their order; the same rows give the same verdicts every
    time.
    """
    plan = _plan(mapping)
    admit = (seen or Seen()).admit
    for number, values in rows:
        yield admit(_judge(number, values, plan, region))


def shown(values: Sequence[object], region: str = "GR") -> tuple[str, ...]:
    """A row as text for people: what a correction starts from. Text stays as it was."""
    return tuple(
        value[:MAX_CELL] if isinstance(value, str) else cells.text(value, region) for value in values
    )


class _Plan(NamedTuple):
    """A mapping taken apart once: (field, column) of the numbers, (field, column, limit) of the texts."""

    numbers: tuple[tuple[str, int], ...]
    texts: tuple[tuple[str, int, int], ...]


def _plan(mapping: Mapping[str, int]) -> _Plan:
    return _Plan(
        tuple((field, mapping[field]) for field in ("number", "number2") if field in mapping),
        tuple((field, mapping[field], limit) for field, limit in FIELD_LIMITS.items() if field in mapping),
    )


def _judge(row: int, values: Sequence[object], plan: _Plan, region: str) -> Accepted | Rejected:
    found, notes = _numbers(values, plan.numbers, region)
    if not found:
        cause = next((note for note in notes if note.code != "empty"), _NO_NUMBER)
        return Rejected(row, cause.code, cause.raw, shown(values, region))
    if len(found) > domain.MAX_NUMBERS_PER_CONTACT:
        detail = f"{len(found)} > {domain.MAX_NUMBERS_PER_CONTACT}"
        return Rejected(row, "too_many_numbers", detail, shown(values, region))
    fields, too_long = _fields(values, plan.texts, region)
    if too_long:
        return Rejected(row, "field_too_long", too_long, shown(values, region))
    if "email" in fields and not _EMAIL.match(fields["email"]):
        notes = [*notes, Note("email", "invalid_email", fields.pop("email"))]
    return Accepted(
        row, found, fields, tuple(note for note in notes if note.code != "empty") if notes else ()
    )


def _numbers(
    values: Sequence[object], columns: tuple[tuple[str, int], ...], region: str
) -> tuple[tuple[str, ...], list[Note]]:
    """The row's numbers, each once, primary first, and a note for everything in those cells that is none."""
    found: tuple[str, ...] = ()
    notes: list[Note] = []
    for field, index in columns:
        in_cell = numbers.find(values[index] if index < len(values) else "", region)
        found += (
            tuple(number for number in in_cell.numbers if number not in found) if found else in_cell.numbers
        )
        if in_cell.refused:
            notes += [Note(field, reason, text[: numbers.MAX_RAW]) for text, reason in in_cell.refused]
    return found, notes


def _fields(
    values: Sequence[object], columns: tuple[tuple[str, int, int], ...], region: str
) -> tuple[dict[str, str], str]:
    """The texts that are not blank, and what was too long about one of them, else ""."""
    fields: dict[str, str] = {}
    width = len(values)
    for field, index, limit in columns:
        if index >= width or (value := values[index]) == "":
            continue
        if field == "note":
            text = cells.lines(value, region)
        else:
            text = cells.line(value) if type(value) is str else cells.text(value, region)
        if len(text) > limit:
            return fields, f"{field}: {len(text)} > {limit}"
        if field == "group" and (too_long := _name_too_long(text)):
            return fields, too_long
        if text:
            fields[field] = text
    return fields, ""


def _name_too_long(groups: str) -> str:
    """What is too long about a name in a cell of groups, else ""."""
    longest = max(map(len, domain.group_names(groups)), default=0)
    return f"group: {longest} > {domain.MAX_GROUP_NAME}" if longest > domain.MAX_GROUP_NAME else ""
