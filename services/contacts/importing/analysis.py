"""The first step of an import: the file is understood, every row of it judged in one pass, the first ones shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, Literal, NamedTuple

from . import columns, reader, verdicts
from .columns import Column, Detection
from .errors import BadFile, BadMapping
from .reader import Table
from .verdicts import Accepted, Duplicate, Verdict

PREVIEW_ROWS: Final = 10
MAX_PREVIEW_CELL: Final = 200
"""Characters of a cell that the preview shows."""

Source = Literal["detected", "remembered", "corrected"]
Mappings = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller knows: the account's labels of custom fields, a mapping corrected by the user (field → column
    index), those corrected at earlier imports (fingerprint of the headers → mapping), the region of bare numbers.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    mapping: Mapping[str, int] | None = None
    remembered: Mappings = field(default_factory=dict)
    region: str = "GR"
    sheet: str | None = None


DEFAULT_OPTIONS: Final = Options()


class PreviewRow(NamedTuple):
    """One of the first rows as its owner sees it, with the verdict on it: `accepted`, `duplicate` or `rejected`."""

    row: int
    verdict: str
    reason: str
    detail: str
    numbers: list[str]
    fields: dict[str, str]
    values: list[str]


@dataclass(frozen=True, slots=True)
class Understanding:
    """How the file is read. `header_row` None means that the first row is data; `source` says where `mapping` is from;
    `rows` is about how many rows there are, for a progress bar.
    """

    kind: str
    sheet: str
    other_sheets: tuple[str, ...]
    header_row: int | None
    mapping: Mapping[str, int]
    source: Source
    fingerprint: str
    labels: Mapping[str, str]
    columns: tuple[Column, ...]
    rows: int
    preview: tuple[PreviewRow, ...]


def understand(
    path: Path, filename: str, options: Options = DEFAULT_OPTIONS
) -> tuple[Understanding, Iterator[Verdict]]:
    """How the file at `path` is read, and the verdicts on all its rows, which may be taken once.

    Deterministic: a second run gives the same. Raises BadFile (all of `reader.open_table`; no_number_column) and
    BadMapping for a corrected mapping that cannot be; while verdicts are taken all that reading raises, and no_data_rows
    when only headers were there.
    """
    table = reader.open_table(path, filename, options.region, options.sheet)
    detection = columns.detect(
        list(islice(table.rows(), reader.SAMPLE_ROWS)),
        labels=options.labels,
        first_column=table.first_column,
        region=options.region,
    )
    mapping, source = _mapping(detection, options)
    start = detection.header_row or 0
    found = Understanding(
        kind=table.kind,
        sheet=table.sheet,
        other_sheets=table.other_sheets,
        header_row=detection.header_row,
        mapping=mapping,
        source=source,
        fingerprint=detection.fingerprint,
        labels=columns.labels_of(mapping, detection.columns),
        columns=detection.columns,
        rows=max(table.about_rows - start, 1),
        preview=_preview(table, start, mapping, options.region),
    )
    return found, _judged(table, start, mapping, options.region)


def preview_row(verdict: Verdict, values: Iterable[str]) -> PreviewRow:
    """A verdict as it is shown."""
    shown = [value[:MAX_PREVIEW_CELL] for value in values]
    if isinstance(verdict, Accepted):
        reason = verdict.notes[0].code if verdict.notes else ""
        detail = "; ".join(f"{note.field}: {note.code}" for note in verdict.notes)
        return PreviewRow(
            verdict.row, "accepted", reason, detail, list(verdict.numbers), verdict.fields, shown
        )
    if isinstance(verdict, Duplicate):
        where = str(verdict.first_row)
        return PreviewRow(verdict.row, "duplicate", "duplicate", where, [verdict.number], {}, shown)
    return PreviewRow(verdict.row, "rejected", verdict.reason, verdict.detail, [], {}, shown)


def _mapping(detection: Detection, options: Options) -> tuple[dict[str, int], Source]:
    count = len(detection.columns)
    if options.mapping is not None:
        return columns.validate_mapping(options.mapping, count), "corrected"
    if detection.fingerprint in options.remembered:
        try:
            return columns.validate_mapping(options.remembered[detection.fingerprint], count), "remembered"
        except BadMapping:
            pass  # a file of fewer columns than the one it was made for
    if "number" not in detection.mapping:
        raise BadFile("no_number_column", "no header and no content says which column holds mobile numbers")
    return detection.mapping, "detected"


def _judged(table: Table, start: int, mapping: Mapping[str, int], region: str) -> Iterator[Verdict]:
    verdict = None
    for verdict in verdicts.judge_rows(table.rows(start), mapping, region):
        yield verdict
    if verdict is None:
        raise BadFile("no_data_rows", "there is nothing below the headers")


def _preview(table: Table, start: int, mapping: Mapping[str, int], region: str) -> tuple[PreviewRow, ...]:
    first = list(islice(table.rows(start), PREVIEW_ROWS))
    judged = verdicts.judge_rows(first, mapping, region)
    return tuple(
        preview_row(verdict, verdicts.shown(values, region))
        for (_, values), verdict in zip(first, judged, strict=True)
    )
