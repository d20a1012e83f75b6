"""``make bench [ONLY=name] [N=…] [RUNS=…]``: measure, show a table, write ``.run/bench.json``.

ONLY takes names of rows or of their groups, separated by commas. N and RUNS replace each row's own. KEEP=1 leaves the
databases of the bench on disk. Exit status 1 when a row could not be measured.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any

from deploy.local.layout import Problem, complain, say

from .harness import report
from .harness.bench import Bench
from .harness.row import Deadline, Row, Run
from .rows import ROWS

# A run that would begin later than this is left out; the first of each row is always made.
ALL_SECONDS = 540.0
ORDER = ("nothing", "servers", "stack")


def chosen(only: str) -> list[Row]:
    """The rows that ``only`` names, all when it is empty. Raises Problem for a name that is none."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    for name in names:
        if not any(row.is_meant_by(name) for row in ROWS):
            raise Problem(f"there is no row {name}; rows are {', '.join(row.name for row in ROWS)}")
    found = [row for row in ROWS if not names or any(row.is_meant_by(name) for name in names)]
    return sorted(found, key=lambda row: ORDER.index(row.needs))


def number(name: str) -> int | None:
    """The whole number in a variable, None when it is not set. Raises Problem for anything else."""
    text = os.environ.get(name, "")
    if not text:
        return None
    if not text.isdigit() or int(text) < 1:
        raise Problem(f"{name} is a whole number from 1, not {text!r}")
    return int(text)


def measure(bench: Bench, row: Row, n: int, wanted: int, time_is_up: float) -> list[Run]:
    """Up to ``wanted`` runs of a row, at least one."""
    runs: list[Run] = []
    while len(runs) < wanted and (not runs or time.monotonic() < time_is_up):
        if row.needs == "stack":
            bench.stack()
        if row.needs != "nothing":
            bench.servers()
            bench.checkpoint()
        runs.append(row.measure(bench, n, Deadline(row.seconds)))
    return runs


def run_all(bench: Bench, rows: Sequence[Row], n: int | None, runs: int | None) -> bool:
    """Measure and report row by row; whether all could be."""
    found: list[dict[str, Any]] = []
    failed = []
    time_is_up = time.monotonic() + ALL_SECONDS
    say(report.HEADING)
    for row in rows:
        try:
            made = measure(bench, row, n or row.n, runs or row.runs, time_is_up)
        except Exception as failure:  # noqa: BLE001  one row that fails must not take the others along
            traceback.print_exc()
            say(f"{row.name:<20}failed: {type(failure).__name__}: {failure}")
            failed.append(row.name)
            continue
        found.append(report.result(row, made))
        report.show(found[-1])
        report.store(bench.results_file, found)
    say(f"in {bench.results_file}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return not failed


def main() -> int:
    """Exit status."""
    try:
        rows, n, runs = chosen(os.environ.get("ONLY", "")), number("N"), number("RUNS")
        bench = Bench()
        try:
            return 0 if run_all(bench, rows, n, runs) else 1
        finally:
            bench.close()
    except Problem as problem:
        return complain(problem)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
