"""``make up``: bring the whole stack up, or find it up; prints how to reach it and writes ``.run/env``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable

from deploy.local import bootstrap, environment, stack, supervisor
from deploy.local.down import take_down
from deploy.local.layout import ROOT, VENV_PYTHON, Layout, Problem, complain, current, say
from deploy.local.logs import rotate, tail
from deploy.local.pair import Pair
from deploy.local.processes import PROCESSES, SERVICES
from deploy.local.status import read_status
from deploy.local.worlds import World, provision

READY_WITHIN = 120.0
# So many deaths before it was ever ready mean that it will not come up by itself.
HOPELESS_STARTS = 3


def bring_up(layout: Layout, supervised_by: str = "deploy.local.stack") -> None:
    """Have everything ready and its keys in ``.run/env``. Raises Problem, with nothing left running.

    ``supervised_by`` is the module whose process runs the table.
    """
    pair = Pair.from_environment(layout)
    with pair.leased():
        world = provision(pair)
        already = stack.pid(layout) is not None
        if already:
            say("stack: already running (make restart takes up changes in the code)")
        else:
            _prepare(layout, world)
            environment.claim_ports(PROCESSES, pair.state)
            _start(layout, supervised_by)
        try:
            shared = environment.outside(pair.state)
            _wait_until_ready(layout, pair, shared)
            keys = bootstrap.keys(world, environment.read_env_file(layout))
        except (Problem, KeyboardInterrupt):
            if not already:
                take_down(layout)
            raise
        everything = shared | environment.health_ports(PROCESSES, pair.state) | keys
        environment.write_env_file(layout, everything | {"KERYX_AMQP_URI": world.amqp_uri})


def introduce(layout: Layout) -> None:
    """Print how to reach the running stack."""
    known = environment.read_env_file(layout)
    say("")
    say(f"  Keryx      {known['KERYX_URL']}   (API: {known['KERYX_URL']}/api/v1)")
    say(f"  account    {known['KERYX_ACCOUNT_NAME']} (id {known['KERYX_ACCOUNT_ID']})")
    say(f"  API key    {known['KERYX_API_KEY']}")
    say(f"  operator   {known['KERYX_OPERATOR_KEY']}")
    say(f"  simulator  {known['KERYX_SMSC_URL']}/stats   mailbox {known['KERYX_MAILBOX_URL']}")
    say(f"  all of it  {layout.env_file}")


def _prepare(layout: Layout, world: World) -> None:
    say("databases: migrating")
    rotate(layout)
    _python(world, "-m", "servicekit.migrate", *SERVICES)
    say("broker: declaring exchanges and queues")
    _python(world, "-m", "servicekit.topology")


def _python(world: World, *arguments: str) -> None:
    """Run one of our own modules to its end with the addresses of ``world``."""
    inherited = {name: os.environ[name] for name in environment.PASSED_ON if name in os.environ}
    done = subprocess.run(
        [str(VENV_PYTHON), *arguments],
        cwd=ROOT,
        env=inherited | world.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Problem(f"python {' '.join(arguments)} failed; it said:\n{done.stdout.strip()[-4000:]}")


def _start(layout: Layout, supervised_by: str) -> None:
    say(f"processes: starting {len(PROCESSES)}")
    layout.status_file.unlink(missing_ok=True)
    supervisor.spawn(["-m", supervised_by], layout)


def _wait_until_ready(layout: Layout, pair: Pair, shared: environment.Environment) -> None:
    ports = {process.name: stack.ready_port(process, shared, pair.state) for process in PROCESSES}
    started = time.monotonic()
    told = started
    while ports:
        seen = {name for name, status in read_status(layout).items() if status["was_ready"]}
        # The supervisor asks those that are starting; a second look at each says that it still holds.
        ports = {
            name: port for name, port in ports.items() if name not in seen or not supervisor.is_ready(port)
        }
        _give_up_if_hopeless(layout, ports, time.monotonic() - started)
        if ports and time.monotonic() - told > 5:
            told = time.monotonic()
            say(f"processes: waiting for {', '.join(ports)}")
        time.sleep(0.2 if ports else 0)
    say(f"processes: all ready after {time.monotonic() - started:.0f} s")


def _give_up_if_hopeless(layout: Layout, waiting: Iterable[str], seconds: float) -> None:
    if stack.pid(layout) is None:
        raise Problem(f"the supervisor died; its log ends with\n{tail(layout, 'supervisor')}")
    for name, status in read_status(layout).items():
        if name in waiting and status["exit"] is not None and status["starts"] >= HOPELESS_STARTS:
            raise Problem(
                f"{name} keeps dying (exit {status['exit']}); its log ends with\n{tail(layout, name)}"
            )
    if seconds > READY_WITHIN and (late := list(waiting)):
        ending = f"{late[0]}'s log ends with\n{tail(layout, late[0])}"
        raise Problem(f"{', '.join(late)} not ready after {seconds:.0f} s; {ending}")


def main() -> int:
    """Exit status 0 when the stack is up and ready."""
    layout = current()
    try:
        bring_up(layout)
    except Problem as problem:
        return complain(problem)
    introduce(layout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
