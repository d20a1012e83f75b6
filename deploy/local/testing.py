"""``make test``: pytest on a world of its own, which goes away with it. Arguments are pytest's.

Several runs may go on at once, also beside the running stack: each has its own databases and virtual host.
KERYX_TEST_AMQP_URI names a broker of somebody else's to use; everything in its virtual host may be deleted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from deploy.local import proc, worlds
from deploy.local.layout import ROOT, VENV_PYTHON, Layout, Problem, complain, current
from deploy.local.pair import Pair
from deploy.local.processes import SERVICES

PREFIX = "keryx_test_"
BROKER = "KERYX_TEST_AMQP_URI"


def own_pair(layout: Layout) -> Pair:
    """The pair that tests use."""
    return Pair.from_environment(layout, BROKER)


@contextmanager
def test_world(layout: Layout) -> Iterator[worlds.World]:
    """A world for this process, its pair leased; what runs that were killed left behind is removed first."""
    pair = own_pair(layout)
    with pair.leased():
        _sweep(pair)
        name = f"{PREFIX}{os.getpid()}"
        try:
            yield worlds.provision(pair, name)
        finally:
            worlds.drop(pair, name)


def exported(world: worlds.World) -> dict[str, str]:
    """``world`` as variables for pytest."""
    return {
        "KERYX_TEST_WORLD": world.name,
        BROKER: world.amqp_uri,
        "KERYX_TEST_ADMIN_URL": world.admin_url,
        **{f"KERYX_TEST_DATABASE_URL_{name.upper()}": url for name, url in world.database_urls.items()},
    }


def imported(environment: Mapping[str, str]) -> worlds.World | None:
    """The world that ``exported`` put into ``environment``, or None."""
    if "KERYX_TEST_WORLD" not in environment:
        return None
    urls = {name: environment[f"KERYX_TEST_DATABASE_URL_{name.upper()}"] for name in SERVICES}
    return worlds.World(
        environment["KERYX_TEST_WORLD"], environment[BROKER], environment["KERYX_TEST_ADMIN_URL"], urls
    )


def _sweep(pair: Pair) -> None:
    if pair.given_database:  # others may test there, and their pids tell us nothing
        return
    for name in worlds.names(pair, PREFIX):
        pid = name.removeprefix(PREFIX)
        if pid.isdigit() and proc.birth(int(pid)) is None:
            worlds.drop(pair, name)


def main() -> int:
    """The exit status of pytest; 1 when there is nothing to run it on."""
    try:
        with test_world(current()) as world:
            command = [str(VENV_PYTHON), "-m", "pytest", *sys.argv[1:]]
            return subprocess.run(command, cwd=ROOT, env=os.environ | exported(world), check=False).returncode
    except Problem as problem:
        return complain(problem)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
