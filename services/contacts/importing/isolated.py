"""`analysis` in a child process of its own: what services call for files that strangers sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from . import sandbox
from .analysis import DEFAULT_OPTIONS, Analysis, Counts, Options, PreviewRow, judge_file
from .analysis import analyse as analyse_here
from .columns import Column
from .verdicts import Accepted, Duplicate, Note, Rejected, Verdict

BATCH: Final = 500
_TAGS: Final[dict[type[Verdict], str]] = {
    Accepted: "accepted",
    Duplicate: "duplicate",
    Rejected: "rejected",
}


def analyse(
    path: Path,
    filename: str,
    options: Options = DEFAULT_OPTIONS,
    limits: sandbox.Limits = sandbox.DEFAULT_LIMITS,
) -> Analysis:
    """`analysis.analyse` in a child. Raises the same, and BadFile workbook_too_large when the child died."""
    wire = sandbox.run(_analyse_in_child, str(path), filename, asdict(options), limits=limits)
    preview = tuple(PreviewRow(tuple(values), decode(verdict)) for values, verdict in wire.pop("preview"))
    columns = tuple(
        Column(**(column | {"samples": tuple(column["samples"])})) for column in wire.pop("columns")
    )
    return Analysis(**(wire | {"counts": Counts(**wire["counts"]), "preview": preview, "columns": columns}))


def judge(
    path: Path,
    filename: str,
    options: Options = DEFAULT_OPTIONS,
    after_row: int = 0,
    limits: sandbox.Limits = sandbox.DEFAULT_LIMITS,
) -> Iterator[list[Verdict]]:
    """`analysis.judge_file` in a child, in lists of at most 500 verdicts; the child reads ahead while they
    are stored.

    Closing the iterator ends the child. Raises as `analyse`, possibly after the first lists.
    """
    for batch in sandbox.stream(
        _judge_in_child, str(path), filename, asdict(options), after_row, limits=limits
    ):
        yield [decode(verdict) for verdict in batch]


def encode(verdict: Verdict) -> list[Any]:
    """`verdict` as a JSON array; `decode` is its inverse."""
    wire = [_TAGS[type(verdict)], *verdict]
    if isinstance(verdict, Accepted):
        wire[-1] = [list(note) for note in verdict.notes]
    return wire


def decode(wire: list[Any]) -> Verdict:
    """The verdict that `encode` put into JSON."""
    tag, *parts = wire
    if tag == "accepted":
        row, numbers, fields, notes = parts
        return Accepted(row, tuple(numbers), fields, tuple(Note(*note) for note in notes))
    if tag == "duplicate":
        return Duplicate(*parts)
    row, reason, detail, values = parts
    return Rejected(row, reason, detail, tuple(values))


def _analyse_in_child(path: str, filename: str, options: dict[str, Any]) -> dict[str, Any]:
    analysis = analyse_here(Path(path), filename, Options(**options))
    preview = [[row.values, encode(row.verdict)] for row in analysis.preview]
    return asdict(analysis) | {"preview": preview}


def _judge_in_child(path: str, filename: str, options: dict[str, Any], after_row: int) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for verdict in judge_file(Path(path), filename, Options(**options), after_row):
        batch.append(encode(verdict))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
