"""`analysis` in a child process of its own: what services call for files that strangers sent."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import analysis, pages, sandbox
from .analysis import DEFAULT_OPTIONS, Options, PreviewRow, Understanding
from .columns import Column
from .pages import Page


def read(
    path: Path,
    filename: str,
    options: Options = DEFAULT_OPTIONS,
    after_row: int = 0,
    limits: sandbox.Limits = sandbox.DEFAULT_LIMITS,
) -> Generator[Understanding | Page]:
    """How the file is read, then the verdicts on its rows after `after_row` in pages; the file is read once, and the child
    reads ahead while pages are stored.

    To resume, pass the last row stored: earlier rows are judged again (what is a duplicate depends on them) but not
    answered. Closing the generator ends the child. Raises as `analysis.understand`, possibly after the first pages, and
    BadFile workbook_too_large when the child died of its limits.
    """
    answers = sandbox.stream(_read_in_child, str(path), filename, asdict(options), after_row, limits=limits)
    # Whoever holds a failure holds these frames, and with them the child.
    with closing(answers):
        yield _understanding(next(answers))
        for wire in answers:
            yield pages.decode(wire)


def _understanding(wire: dict[str, Any]) -> Understanding:
    columns = tuple(Column(**(one | {"samples": tuple(one["samples"])})) for one in wire["columns"])
    preview = tuple(PreviewRow(*row) for row in wire["preview"])
    sheets = tuple(wire["other_sheets"])
    return Understanding(**(wire | {"columns": columns, "preview": preview, "other_sheets": sheets}))


def _read_in_child(path: str, filename: str, options: dict[str, Any], after_row: int) -> Iterator[Any]:
    found, judged = analysis.understand(Path(path), filename, Options(**options))
    yield asdict(found) | {"preview": [list(row) for row in found.preview]}
    for page in pages.build(verdict for verdict in judged if verdict.row > after_row):
        yield list(page)
