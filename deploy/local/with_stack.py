"""Run a command against the stack: ``python -m deploy.local.with_stack <command> …``.

Brings the stack up when it is not; the command finds what ``.run/env`` says in its environment. What was
brought up goes down again at the end, unless KEEP=1. Exit status is the command's.
"""

from __future__ import annotations

import os
import subprocess
import sys

from deploy.local import environment, stack
from deploy.local.down import take_down
from deploy.local.layout import ROOT, Problem, complain, current
from deploy.local.pair import Pair
from deploy.local.up import bring_up, introduce


def run(arguments: list[str]) -> int:
    """Run ``arguments`` beside the stack; the exit status of the command."""
    layout = current()
    ours = stack.pid(layout) is None
    # The lease keeps the servers from going and coming between the stack's end and ours.
    with Pair.from_environment(layout).leased():
        try:
            bring_up(layout)
            introduce(layout)
            told = environment.read_env_file(layout)
            return subprocess.run(arguments, cwd=ROOT, env=os.environ | told, check=False).returncode
        finally:
            if ours and os.environ.get("KEEP") != "1":
                take_down(layout)


def main() -> int:
    """Exit status of the command, 1 when the stack did not come up."""
    try:
        return run(sys.argv[1:])
    except Problem as problem:
        return complain(problem)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
