"""The running stack: its supervisor's process (``python -m deploy.local.stack``), and how to reach it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from deploy.local import environment, proc, supervisor
from deploy.local.layout import VENV_PYTHON, Layout, current
from deploy.local.pair import Pair
from deploy.local.processes import PROCESSES, Process
from deploy.local.state import State
from deploy.local.worlds import provision


def pid(layout: Layout) -> int | None:
    """The supervisor's pid while the stack runs."""
    return proc.PidFile(layout.pids, "supervisor").read()


def ready_port(process: Process, shared: environment.Environment, state: State) -> int:
    """Where ``process`` answers /readyz."""
    if process.port == "KERYX_HEALTH_PORT":
        return state.port(f"health:{process.name}", taken_by_us=True)
    return int(shared[process.port])


def command(
    process: Process, shared: environment.Environment, world: environment.Environment, state: State
) -> supervisor.Command:
    """``process`` of the table as the supervisor wants it."""
    env = environment.for_process(process, shared, world, state)
    arguments = [argument.format_map(env) for argument in process.arguments]
    argv = (str(VENV_PYTHON), "-m", process.module, *arguments)
    return supervisor.Command(process.name, argv, env, ready_port(process, shared, state), process.after)


def serve(changed: Callable[[supervisor.Command], supervisor.Command] = lambda command: command) -> None:
    """Run all processes, each as ``changed`` wants it, until SIGTERM; the pair is leased as long."""
    layout = current()
    supervisor.end_orphans(layout, [process.name for process in PROCESSES])
    pair = Pair.from_environment(layout)
    with pair.leased():
        world = provision(pair).environment()
        shared = environment.outside(pair.state)
        commands = [command(process, shared, world, pair.state) for process in PROCESSES]
        supervisor.serve([changed(one) for one in commands], layout)
    proc.PidFile(layout.pids, "supervisor").remove()


def main() -> int:
    """The stack as the table has it."""
    serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
