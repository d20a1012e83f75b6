"""``make logs``: follow the logs of all processes, each line with its process in front."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import BinaryIO

from deploy.local.layout import Layout, current

KEEP_BYTES = 20 * 1024 * 1024
PAUSE = 0.3


def tail(layout: Layout, name: str, lines: int = 30) -> str:
    """The last ``lines`` of the log of ``name``."""
    path = layout.logs / f"{name}.log"
    if not path.exists():
        return "(no log)"
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 64 * 1024))
        return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-lines:])


def rotate(layout: Layout) -> None:
    """Move logs that grew large aside, one generation of each. For a time when nobody writes."""
    for path in layout.logs.glob("*.log"):
        if path.stat().st_size > KEEP_BYTES:
            path.replace(path.with_suffix(".log.1"))


class Follower:
    """Reads what is added to the logs of a folder, complete lines only, new files from their beginning."""

    def __init__(self, folder: Path, *, from_start: bool = False) -> None:
        self._folder = folder
        self._open: dict[Path, BinaryIO] = {}
        self._rest: dict[Path, bytes] = {}
        for path in self._paths():
            self._follow(path, from_start=from_start)

    def new_lines(self) -> list[tuple[str, str]]:
        """(process, line) of everything written since the last call."""
        for path in self._paths():
            if path not in self._open:
                self._follow(path, from_start=True)
        return [(path.stem, line) for path in self._open for line in self._read(path)]

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.log"))

    def _follow(self, path: Path, *, from_start: bool) -> None:
        self._open[path] = path.open("rb")
        self._rest[path] = b""
        if not from_start:
            self._open[path].seek(0, 2)

    def _read(self, path: Path) -> list[str]:
        *complete, self._rest[path] = (self._rest[path] + self._open[path].read()).split(b"\n")
        return [line.decode("utf-8", "replace") for line in complete]


def main() -> int:
    """Print the last lines of each log and then whatever comes, until interrupted."""
    layout = current()
    follower = Follower(layout.logs)
    names = [path.stem for path in sorted(layout.logs.glob("*.log"))]
    width = max(map(len, names), default=10)
    for name in names:
        for line in tail(layout, name, 3).splitlines():
            print(f"{name:<{width}} | {line}")
    try:
        while True:
            for name, line in follower.new_lines():
                print(f"{name:<{width}} | {line}", flush=True)
            time.sleep(PAUSE)
    except (KeyboardInterrupt, BrokenPipeError):
        return 0


if __name__ == "__main__":
    sys.exit(main())
