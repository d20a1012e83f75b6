"""``make down``: end the processes, then the broker, then the database server. Nothing runs on."""

from __future__ import annotations

import sys

from deploy.local import proc, supervisor
from deploy.local.layout import Layout, current, say
from deploy.local.pair import Pair
from deploy.local.processes import PROCESSES

# The supervisor drains level by level, each within its own grace.
LONGEST = 4 * supervisor.GRACE


def take_down(layout: Layout) -> None:
    """End all processes of the stack; the pair goes with them unless somebody else uses it."""
    remembered = proc.PidFile(layout.pids, "supervisor")
    if (pid := remembered.read()) is not None:
        say("processes: draining")
        proc.stop(pid, LONGEST)
    remembered.remove()
    # By the table's order, so that prerequisites outlive those who need them here too.
    supervisor.end_orphans(layout, [process.name for process in PROCESSES])


def main() -> int:
    """Exit status 0: nothing of ours runs any more (but a pair that a test run is using)."""
    layout = current()
    take_down(layout)
    if not Pair(layout).stop():
        say("the servers stay for a test run that uses them; they stop at its end")
    say("down")
    return 0


if __name__ == "__main__":
    sys.exit(main())
