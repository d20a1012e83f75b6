"""``make test``: pytest on worlds of its own, which go away with it. Arguments are pytest's.

All tests are shared by two processes, each with a world of its own. What is picked (a path, ``-k``, ``-m``, ``--lf``)
or looked at (``-s``, ``--pdb``) runs in one; ``-n 2`` or ``-n 0`` among the arguments says otherwise.

Several runs may go on at once, also beside the running stack: each process has its own databases and virtual host.
KERYX_TEST_AMQP_URI names a broker of somebody else's to use; everything in its virtual host may be deleted, so
one process has it for itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from deploy.local import proc, worlds
from deploy.local.layout import ROOT, VENV_PYTHON, Layout, Problem, complain, current
from deploy.local.pair import Pair
from deploy.local.state import locked

PREFIX = "keryx_test_"
BROKER = "KERYX_TEST_AMQP_URI"
PROCESSES = ("-n", "2")
ONE_PROCESS = ("-n", "0")
SAYS = ("-n", "--numprocesses")
PICKS = ("-k", "-m", "--lf", "--last-failed", "--sw", "--stepwise", "--co", "--collect-only")
LOOKS = ("-s", "--capture", "--pdb", "--trace", "--setup-show", "--fixtures", "--markers")


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


def sharing(arguments: Sequence[str], *, given_broker: bool) -> tuple[str, ...]:
    """What pytest is told of processes besides ``arguments``; nothing when they say it themselves."""
    if given_broker:
        return ONE_PROCESS
    if any(_is_one_of(word, SAYS) for word in arguments):
        return ()
    alone = any(_is_one_of(word, PICKS + LOOKS) or _is_path(word) for word in arguments)
    return ONE_PROCESS if alone else PROCESSES


def _is_one_of(word: str, options: Sequence[str]) -> bool:
    """Whether ``word`` is one of ``options``, also when its value follows in the same word."""
    short = tuple(option for option in options if not option.startswith("--"))
    return word.startswith(short) or word.partition("=")[0] in options


def _is_path(word: str) -> bool:
    return not word.startswith("-") and (ROOT / word.partition("::")[0]).exists()


def _sweep(pair: Pair) -> None:
    """Remove the worlds of processes that ended without doing so."""
    if pair.given_database:  # others may test there, and their pids tell us nothing
        return
    with locked(pair.layout.run / "tests.lock"):  # two processes of one run start at once
        for name in worlds.names(pair, PREFIX):
            pid = name.removeprefix(PREFIX)
            if pid.isdigit() and proc.birth(int(pid)) is None:
                worlds.drop(pair, name)


def main() -> int:
    """The exit status of pytest; 1 when there is nothing to run it on."""
    arguments = sys.argv[1:]
    try:
        pair = own_pair(current())
        with pair.leased():
            more = sharing(arguments, given_broker=pair.given_broker is not None)
            command = [str(VENV_PYTHON), "-m", "pytest", *arguments, *more]
            try:
                return subprocess.run(command, cwd=ROOT, check=False).returncode
            finally:
                _sweep(pair)
    except Problem as problem:
        return complain(problem)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
