"""Where everything of a local installation lies, and how its scripts talk to whoever runs them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"


class Problem(Exception):
    """Something the person at the keyboard has to put right; its text is the one sentence that says what."""


def say(line: str) -> None:
    """Print one plain line at once, also when the output is a file."""
    print(line, flush=True)


def complain(problem: Problem) -> int:
    """Print ``problem`` on standard error and return the exit status that goes with it."""
    print(f"keryx: {problem}", file=sys.stderr, flush=True)
    return 1


@dataclass(frozen=True)
class Layout:
    """The folder of all that a running installation leaves on disk: ``.run``, or what KERYX_RUN_DIR says."""

    run: Path

    @property
    def logs(self) -> Path:
        """One ``<process>.log`` each."""
        return self.run / "logs"

    @property
    def pids(self) -> Path:
        """One ``<process>.pid`` each: the pid in decimal and nothing else, so ``kill $(cat …)`` works."""
        return self.run / "pids"

    @property
    def env_file(self) -> Path:
        """``KEY=value`` lines for whoever wants to talk to the running stack; holds keys, so mode 0600."""
        return self.run / "env"

    @property
    def status_file(self) -> Path:
        """What the supervisor last knew of each process, as JSON."""
        return self.run / "status.json"

    def make(self) -> Layout:
        """Create the folders. Others may pass through (the servers' own users must), not list."""
        for folder in (self.run, self.logs, self.pids):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)
        return self


def current() -> Layout:
    """The layout of this clone, its folders made."""
    return Layout(Path(os.environ.get("KERYX_RUN_DIR") or ROOT / ".run").absolute()).make()


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` in one step with ``text``, readable by its owner alone from the first byte on."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    scratch.replace(path)
