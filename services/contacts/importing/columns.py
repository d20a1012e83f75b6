"""Which row holds the headers and which column holds which field, by name first and by content where names
fail.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import cells, headers, numbers
from .errors import BadMapping
from .headers import CUSTOM_FIELDS, FIELDS, IGNORED

_HEADER_SEARCH = 40
"""Rows that are not blank in which a header row is looked for."""
_SAMPLES = 3
_CONTENT_ROWS = 60
_CONTENT_SHARE = 0.5
"""Share of a column's filled cells that must look like a field before content alone decides."""
_EMAIL = re.compile(r"^[^\s@]+@[^\s@]+\.[^\s@]+$")

_Map = dict[str, int]
SampleRow = tuple[int, Sequence[object]]


@dataclass(frozen=True, slots=True)
class Column:
    """One column as shown to the user: 0-based index in a row, Excel's letter, header ("" without one),
    values.
    """

    index: int
    letter: str
    header: str
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Detection:
    """`header_row` is the number of the header row, None when data starts at once; data are all rows after
    it.

    `mapping` takes a field to a column index; `fingerprint` is the same for the same headers in the same order ("" without
    headers), also in the workbook of rejects that came of them.
    """

    header_row: int | None
    mapping: dict[str, int]
    columns: tuple[Column, ...]
    fingerprint: str


def detect(
    sample: Sequence[SampleRow],
    *,
    labels: Mapping[str, str] | None = None,
    first_column: int = 0,
    region: str = "GR",
) -> Detection:
    """Header row and mapping from the first rows of a table (numbers as the reader gives them).

    `labels` are the account's names for custom1..custom4; they go before our own dictionary. `first_column` shifts
    letters.
    """
    known = _known_names(labels or {})
    position = _header_position(sample, known, region)
    names = [cells.text(cell) for cell in sample[position][1]] if position is not None else []
    data = [row for _, row in sample[0 if position is None else position + 1 :]]
    width = max([len(names), *(len(row) for row in data)], default=0)
    names += [""] * (width - len(names))
    mapping, spare = _by_name(names, known, data, region)
    _by_content(mapping, spare, data, region)
    _customs(mapping, spare, names, data)
    described = tuple(_describe(index, names[index], data, first_column) for index in range(width))
    header_row = sample[position][0] if position is not None else None
    return Detection(header_row, mapping, described, _fingerprint(names))


def validate_mapping(mapping: Mapping[str, int], n_columns: int) -> dict[str, int]:
    """`mapping` as it can be used: known fields, columns that exist, none twice, a column for the number.

    Raises BadMapping with the pointer of the field: unknown_field, not_a_column, column_used_twice,
    number_required.
    """
    used: dict[int, str] = {}
    for field, index in mapping.items():
        pointer = f"/mapping/{field.replace('~', '~0').replace('/', '~1')}"
        if field not in FIELDS:
            raise BadMapping(pointer, "unknown_field", f"one of {', '.join(FIELDS)}")
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < n_columns:
            raise BadMapping(pointer, "not_a_column", f"a column from 0 to {n_columns - 1}")
        if index in used:
            raise BadMapping(pointer, "column_used_twice", f"column {index} already is {used[index]}")
        used[index] = field
    if "number" not in mapping:
        raise BadMapping("/mapping/number", "number_required", "say which column holds the mobile number")
    return dict(mapping)


def letter(index: int) -> str:
    """Excel's name of the 0-based column: 0 → A, 26 → AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def labels_of(mapping: Mapping[str, int], columns: Sequence[Column]) -> dict[str, str]:
    """The headers of the columns that are custom fields by `mapping`, where they have one."""
    found = {field: columns[mapping[field]].header for field in CUSTOM_FIELDS if field in mapping}
    return {field: header for field, header in found.items() if header}


def _fingerprint(names: Sequence[str]) -> str:
    folded = [headers.fold(name[: headers.MAX_HEADER]) for name in names]
    while folded and (not folded[-1] or headers.field_of(folded[-1])[0] == IGNORED):
        folded.pop()
    return hashlib.sha256("\x1f".join(folded).encode()).hexdigest()[:32] if any(folded) else ""


def _known_names(labels: Mapping[str, str]) -> dict[str, str]:
    known = {
        headers.fold(label): field for field, label in labels.items() if label and field in CUSTOM_FIELDS
    }
    known.pop("", None)
    return known


def _field_of(name: str, known: Mapping[str, str]) -> tuple[str, bool]:
    folded = headers.fold(name) if len(name) <= headers.MAX_HEADER else ""
    return (known[folded], True) if folded in known else headers.field_of(folded)


def _header_position(sample: Sequence[SampleRow], known: Mapping[str, str], region: str) -> int | None:
    """Index in `sample` of the header row: the most recognised names, above the first row that holds a
    number.

    A row nobody recognises is still a header if it stands right above the first number and is all words.
    """
    best, best_score, first_data = None, 0, None
    for position, (_, row) in enumerate(sample[:_HEADER_SEARCH]):
        if any(_is_contact(cell, region) for cell in row):
            first_data = position
            break
        score = _header_score(row, known)
        if score > best_score:
            best, best_score = position, score
    if best is not None:
        return best
    if first_data and _could_be_header(sample[first_data - 1][1], sample[first_data][1]):
        return first_data - 1
    return None


def _header_score(row: Sequence[object], known: Mapping[str, str]) -> int:
    """Three for each field named in full, one for each named in part; a lone part is more likely a title
    above.
    """
    exact, partial = set[str](), set[str]()
    for cell in row:
        field, whole = _field_of(cells.text(cell), known) if isinstance(cell, str) else ("", False)
        if field:
            (exact if whole else partial).add(field)
    if not exact and (len(partial) < 2 and sum(1 for cell in row if cell != "") < 2):
        return 0
    return 3 * len(exact) + len(partial - exact)


def _could_be_header(above: Sequence[object], below: Sequence[object]) -> bool:
    words = [cells.text(cell) for cell in above if cell != ""]
    filled_below = sum(1 for cell in below if cell != "")
    return (
        all(isinstance(cell, str) for cell in above)
        and len(words) * 2 >= filled_below
        and not any(char.isdigit() for word in words for char in word)
    )


def _is_contact(cell: object, region: str) -> bool:
    return numbers.looks_mobile(cell, region) or (isinstance(cell, str) and bool(_EMAIL.match(cell.strip())))


def _by_name(
    names: list[str], known: Mapping[str, str], data: list[Sequence[object]], region: str
) -> tuple[_Map, list[int]]:
    """(mapping, columns left over). Of several columns with one field's name the best is taken, the next left
    over.
    """
    claims: dict[str, list[tuple[bool, int]]] = {}
    spare: list[int] = []
    for index, name in enumerate(names):
        field, whole = _field_of(name, known)
        if field and field != IGNORED:
            claims.setdefault(field, []).append((whole, index))
        elif not field:
            spare.append(index)
    mapping: _Map = {}
    for field, claimed in claims.items():
        ranked = sorted(claimed, key=lambda claim: (not claim[0], claim[1]))
        if field == "number":
            ranked.sort(key=lambda claim: -_number_share(data, claim[1], region))
        mapping[field] = ranked[0][1]
        spare += [index for _, index in ranked[1:]]
        if field == "number" and len(ranked) > 1 and "number2" not in claims:
            mapping["number2"] = ranked[1][1]
            spare.remove(ranked[1][1])
    return mapping, sorted(spare)


def _by_content(mapping: _Map, spare: list[int], data: list[Sequence[object]], region: str) -> None:
    """Columns no header named that hold numbers or e-mails take those fields, the fullest of them."""
    tests = (("number", lambda cell: numbers.looks_mobile(cell, region)), ("email", _looks_email))
    for field, test in tests:
        if field in mapping:
            continue
        shares = {index: _share(data, index, test) for index in spare}
        best = max(spare, key=lambda index: shares[index], default=None)
        if best is not None and shares[best] >= _CONTENT_SHARE:
            mapping[field] = best
            spare.remove(best)


def _customs(mapping: _Map, spare: list[int], names: list[str], data: list[Sequence[object]]) -> None:
    """Left-over columns that are not empty become the free custom fields in order."""
    free = [field for field in CUSTOM_FIELDS if field not in mapping]
    filled = [
        index for index in spare if names[index] or any(index < len(row) and row[index] != "" for row in data)
    ]
    mapping.update(zip(free, filled, strict=False))


def _looks_email(cell: object) -> bool:
    return isinstance(cell, str) and bool(_EMAIL.match(cell.strip()))


def _number_share(data: list[Sequence[object]], index: int, region: str) -> float:
    """In coarse steps, so that a few bad cells do not overturn the order of the columns."""
    return round(_share(data, index, lambda cell: numbers.looks_mobile(cell, region)) * 4)


def _share(data: list[Sequence[object]], index: int, test: Callable[[object], bool]) -> float:
    filled = [row[index] for row in data[:_CONTENT_ROWS] if index < len(row) and row[index] != ""]
    return sum(1 for cell in filled if test(cell)) / len(filled) if filled else 0.0


def _describe(index: int, name: str, data: list[Sequence[object]], first_column: int) -> Column:
    values = (cells.text(row[index]) for row in data if index < len(row) and row[index] != "")
    samples = tuple(value[:60] for value, _ in zip(values, range(_SAMPLES), strict=False))
    return Column(index, letter(index + first_column), name[: headers.MAX_HEADER], samples)
