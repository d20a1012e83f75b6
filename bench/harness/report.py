"""The table on the screen and ``bench.json``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from deploy.local.layout import ROOT, say
from deploy.local.processes import SIMULATED

from .meter import SELF
from .row import Row, Run

# What belongs to the world outside: simulators, and this process, which plays the clients.
OUTSIDE = frozenset({*SIMULATED, SELF, "standin"})
HEADING = f"{'row':<20}{'n':>10}  {'unit':<12}{'s':>7}{'per s':>11}{'CPU s/1000':>12}{'peak MB':>9}  {'runs, per s'}"


def commit() -> str:
    """The commit that is measured, with ``-dirty`` when files differ from it; ``unknown`` outside a repository."""
    asked = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def result(row: Row, runs: Sequence[Run]) -> dict[str, Any]:
    """What ``bench.json`` says of a row: medians over its runs.

    ``cpu_s_per_1000`` holds all our processes with PostgreSQL and RabbitMQ, and their total; ``outside_cpu_s_per_1000``
    the simulators and this process, the client. Memory is the largest of all runs.
    """
    per_1000 = [{name: seconds / run.n * 1000 for name, seconds in run.cpu.items()} for run in runs]
    names = sorted({name for run in per_1000 for name in run})
    cost = {name: round(median(run.get(name, 0.0) for run in per_1000), 6) for name in names}
    ours = {name: value for name, value in cost.items() if name not in OUTSIDE}
    totals = [
        sum(value for name, value in run.items() if name not in OUTSIDE or not ours) for run in per_1000
    ]
    peaks = {
        name: round(max(run.peak_mb.get(name, 0.0) for run in runs), 1)
        for name in sorted({name for run in runs for name in run.peak_mb})
    }
    # The run in the middle by rate is shown whole: medians of its parts would not add up.
    middle = sorted(runs, key=lambda run: run.per_s)[(len(runs) - 1) // 2]
    return {
        "name": row.name,
        "unit": row.unit,
        "n": middle.n,
        "seconds": round(median(run.seconds for run in runs), 4),
        "per_s": round(median(run.per_s for run in runs), 1),
        "runs_per_s": [round(run.per_s, 1) for run in runs],
        "cpu_s_per_1000": {**ours, "total": round(median(totals), 6)},
        "outside_cpu_s_per_1000": {name: value for name, value in cost.items() if name in OUTSIDE},
        "peak_rss_mb": peaks,
        "other_load_cores": round(median(run.others for run in runs), 2),
        "details": middle.details,
        "date": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "commit": commit(),
    }


def show(found: Mapping[str, Any]) -> None:
    """One line of the table, and what it is made of below it."""
    cost, peak = found["cpu_s_per_1000"], found["peak_rss_mb"]
    ours = sum(value for name, value in peak.items() if name not in OUTSIDE)
    say(
        f"{found['name']:<20}{found['n']:>10,}  {found['unit']:<12}{found['seconds']:>7.2f}{found['per_s']:>11,.0f}"
        f"{cost['total']:>12.4f}{ours:>9,.0f}  {' '.join(f'{rate:,.0f}' for rate in found['runs_per_s'])}"
    )
    parts = {name: value for name, value in cost.items() if name != "total"}
    for line in (_costs("", parts), _costs("outside: ", found["outside_cpu_s_per_1000"])):
        if line:
            say(f"    {line}")
    if found["details"]:
        say(f"    {_plain(found['details'])}")
    if found["other_load_cores"] > 0.1:
        say(f"    others on this machine used {found['other_load_cores']} cores meanwhile")


def _costs(title: str, costs: Mapping[str, float]) -> str:
    shown = sorted(((value, name) for name, value in costs.items() if value >= 0.00005), reverse=True)
    return title + " · ".join(f"{name} {value:.4f}" for value, name in shown) if shown else ""


def _plain(details: Mapping[str, Any]) -> str:
    return " · ".join(f"{name.replace('_', ' ')} {value}" for name, value in details.items())


def store(path: Path, fresh: Iterable[Mapping[str, Any]]) -> None:
    """Write ``bench.json``: the rows measured now, and those of earlier runs that were not measured again."""
    rows = {row["name"]: row for row in _known(path)} | {row["name"]: row for row in fresh}
    path.write_text(json.dumps(list(rows.values()), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _known(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return found if isinstance(found, list) else []
