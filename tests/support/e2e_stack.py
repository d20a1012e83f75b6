"""A whole stack for tests: every process of the table, on the world that KERYX_E2E_WORLD describes, in KERYX_RUN_DIR.

Run as ``python -m tests.support.e2e_stack``: a supervisor that ends with SIGTERM. ``running`` starts it, waits, and ends it.
Crash points (servicekit.crashpoints) are armed in ``<run>/crash-points``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from deploy.local import bootstrap, environment, stack, supervisor
from deploy.local.layout import ROOT, Layout, current
from deploy.local.processes import PROCESSES
from deploy.local.state import State
from deploy.local.worlds import World

from .waiting import eventually

WORLD = "KERYX_E2E_WORLD"
READY_WITHIN = 90.0


@contextmanager
def running(world: World, run: Path) -> Iterator[dict[str, str]]:
    """Every process ready; yields what ``.run/env`` would say. The databases of ``world`` are migrated already."""
    layout = Layout(run).make()
    state = State(layout)
    environment.claim_ports(PROCESSES, state)
    shared = environment.outside(state)
    ports = {process.name: stack.ready_port(process, shared, state) for process in PROCESSES}
    process = _spawn(world, layout)
    try:
        eventually(
            lambda: _all_ready(process, ports), READY_WITHIN, 0.2, f"stack ready; logs in {layout.logs}"
        )
        keys = bootstrap.keys(world, {})
        told = {"KERYX_AMQP_URI": world.amqp_uri, "KERYX_RUN_DIR": str(layout.run)}
        yield shared | environment.health_ports(PROCESSES, state) | keys | told
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _spawn(world: World, layout: Layout) -> subprocess.Popen[bytes]:
    told = {"KERYX_RUN_DIR": str(layout.run), WORLD: json.dumps(asdict(world))}
    with (layout.logs / "supervisor.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.e2e_stack"],
            cwd=ROOT,
            env=os.environ | told,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _all_ready(process: subprocess.Popen[bytes], ports: dict[str, int]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the supervisor left with {process.returncode}")
    for name in [name for name, port in ports.items() if supervisor.is_ready(port)]:
        del ports[name]
    return not ports


def main() -> None:
    """Supervise until SIGTERM."""
    layout = current()
    state = State(layout)
    world = World(**json.loads(os.environ[WORLD])).environment()
    points = layout.run / "crash-points"
    points.mkdir(exist_ok=True)
    shared = environment.outside(state) | {"KERYX_CRASH_POINTS": str(points)}
    supervisor.serve([stack.command(process, shared, world, state) for process in PROCESSES], layout)


if __name__ == "__main__":
    main()
