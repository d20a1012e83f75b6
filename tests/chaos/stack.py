"""The stack under chaos: every process of the table, with crash points, a small disk, and an environment that can be changed.

``python -m tests.chaos.stack`` is its supervisor, as ``deploy.local.stack`` is of the usual one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deploy.local import stack
from deploy.local.layout import VENV_PYTHON, Layout, current
from deploy.local.processes import SIMULATED
from deploy.local.supervisor import Command

# They write files of a client's size.
ON_SMALL_DISK = frozenset({"contacts-worker", "exporter"})


def points_folder(layout: Layout) -> Path:
    """Where crash points are armed."""
    return layout.run / "points"


def small_disk(layout: Layout) -> Path:
    """Where the disk is mounted that can be full."""
    return layout.run / "small-disk"


def additions(layout: Layout, process: str) -> Path:
    """The file that adds to the environment of ``process`` at its next start."""
    return layout.run / f"launch-{process}.json"


def changed(command: Command) -> Command:
    """``command`` with crash points, started by ``launch``. The simulators stay as they are."""
    if command.name in SIMULATED:
        return command
    layout = current()
    env = {**command.env, "KERYX_CRASH_POINTS": str(points_folder(layout))}
    if command.name in ON_SMALL_DISK:
        env["TMPDIR"] = str(small_disk(layout))
    launch = (str(VENV_PYTHON), "-m", "tests.chaos.launch", str(additions(layout, command.name)))
    return replace(command, argv=(*launch, *command.argv), env=env)


if __name__ == "__main__":
    stack.serve(changed)
