"""The table, and ``.run/chaos.json``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.layout import ROOT, say, write_private

HEADING = f"{'fault':<44}{'fired':>7}{'at':>6}{'twice':>7}{'forgotten':>11}{'uncertain':>11}{'ledger':>8}{'seconds':>9}"


@dataclass(frozen=True)
class Result:
    """One fault's line. ``share`` is how much was submitted when it fired; ``skipped`` says what the machine lacks."""

    fault: str
    about: str
    fired: bool
    share: float
    twice: int
    forgotten: int
    uncertain: int
    ledger_sum: int
    seconds: float
    complaints: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def held(self) -> bool:
        """Whether everything held. What could not be tried on this machine has not failed."""
        return bool(self.skipped) or (self.fired and not self.complaints)


def show(result: Result) -> None:
    """Print its line, and what is wrong below it."""
    if result.skipped:
        say(f"{result.fault:<44}skipped: {result.skipped}")
        return
    fired = "yes" if result.fired else "no"
    say(
        f"{result.fault:<44}{fired:>7}{result.share:>6.0%}{result.twice:>7}{result.forgotten:>11}{result.uncertain:>11}"
        f"{result.ledger_sum:>8}{result.seconds:>9.1f}"
    )
    for complaint in result.complaints:
        say(f"    ✗ {complaint}")


def store(file: Path, results: Sequence[Result], n: int, seed: int) -> None:
    """Write all of them."""
    head = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "n": n,
        "seed": seed,
    }
    lines = [{**asdict(result), "held": result.held} for result in results]
    write_private(file, json.dumps({**head, "faults": lines}, indent=1, ensure_ascii=False) + "\n")


def _commit() -> str:
    asked = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip()
