"""The first step of an import: read all, judge all, store nothing, show what would happen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from . import columns, reader, verdicts
from .columns import Column, Detection
from .errors import BadFile
from .reader import Table
from .verdicts import Accepted, Duplicate, Rejected, Verdict

PREVIEW_ROWS = 20


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller knows: the account's labels of custom fields, headers remembered from earlier imports
    (folded header → field), a mapping corrected by the user (field → column index), the region of bare
    numbers.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    remembered: Mapping[str, str] = field(default_factory=dict)
    mapping: Mapping[str, int] | None = None
    region: str = "GR"


DEFAULT_OPTIONS: Final = Options()


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One of the first rows as its owner sees it, with the verdict on it."""

    values: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Counts:
    """accepted + duplicates + rejected = rows, the data rows that are not blank; `reasons` counts the
    rejected, `notes` what was left out of accepted rows, `numbers` the distinct numbers of the accepted.
    """

    rows: int
    accepted: int
    duplicates: int
    rejected: int
    numbers: int
    reasons: Mapping[str, int]
    notes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Analysis:
    """All the user needs before saying yes. `header_row` None means that the first row is data."""

    kind: str
    sheet: str
    header_row: int | None
    mapping: Mapping[str, int]
    labels: Mapping[str, str]
    columns: tuple[Column, ...]
    counts: Counts
    preview: tuple[PreviewRow, ...]


def analyse(path: Path, filename: str, options: Options = DEFAULT_OPTIONS) -> Analysis:
    """The verdicts on every row of the file, counted. Deterministic: a second run gives the same.

    Raises BadFile (all of `reader.open_table`; no_number_column; no_data_rows when only headers are there)
    and BadMapping for a corrected mapping that cannot be.
    """
    table = reader.open_table(path, filename, options.region)
    detection, mapping = _understand(table, options)
    counts, preview = _count(table, detection.header_row or 0, mapping, options.region)
    if not counts.rows:
        raise BadFile("no_data_rows", "there is nothing below the headers")
    return Analysis(
        table.kind,
        table.sheet,
        detection.header_row,
        mapping,
        detection.labels,
        detection.columns,
        counts,
        preview,
    )


def judge_file(
    path: Path, filename: str, options: Options = DEFAULT_OPTIONS, after_row: int = 0
) -> Iterator[Verdict]:
    """The second step: the verdicts of `analyse`, one by one, of the rows after `after_row`.

    To resume, pass the last row stored: earlier rows are judged again (what is a duplicate depends on them)
    but not answered. Raises as `analyse`.
    """
    table = reader.open_table(path, filename, options.region)
    detection, mapping = _understand(table, options)
    rows = table.rows(detection.header_row or 0)
    for verdict in verdicts.judge_rows(rows, mapping, options.region):
        if verdict.row > after_row:
            yield verdict


def _understand(table: Table, options: Options) -> tuple[Detection, dict[str, int]]:
    detection = columns.detect(
        list(islice(table.rows(), reader.SAMPLE_ROWS)),
        labels=options.labels,
        remembered=options.remembered,
        first_column=table.first_column,
        region=options.region,
    )
    if options.mapping is not None:
        return detection, columns.validate_mapping(options.mapping, len(detection.columns))
    if "number" not in detection.mapping:
        raise BadFile("no_number_column", "no header and no content says which column holds mobile numbers")
    return detection, detection.mapping


def _count(
    table: Table, header_row: int, mapping: Mapping[str, int], region: str
) -> tuple[Counts, tuple[PreviewRow, ...]]:
    states, reasons, notes = Counter[type[Verdict]](), Counter[str](), Counter[str]()
    numbers = 0
    for verdict in verdicts.judge_rows(table.rows(header_row), mapping, region):
        states[type(verdict)] += 1
        if isinstance(verdict, Accepted):
            numbers += len(verdict.numbers)
            if verdict.notes:
                notes.update(note.code for note in verdict.notes)
        elif isinstance(verdict, Rejected):
            reasons[verdict.reason] += 1
    counts = Counts(
        rows=states.total(),
        accepted=states[Accepted],
        duplicates=states[Duplicate],
        rejected=states[Rejected],
        numbers=numbers,
        reasons=dict(reasons),
        notes=dict(notes),
    )
    return counts, _preview(table, header_row, mapping, region)


def _preview(
    table: Table, header_row: int, mapping: Mapping[str, int], region: str
) -> tuple[PreviewRow, ...]:
    first = list(islice(table.rows(header_row), PREVIEW_ROWS))
    judged = verdicts.judge_rows(first, mapping, region)
    return tuple(
        PreviewRow(verdicts.shown(values, region), verdict)
        for (_, values), verdict in zip(first, judged, strict=True)
    )
