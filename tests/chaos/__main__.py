"""``make chaos [FAULTS=n] [ONLY=name,…] [N=…] [SEED=…]``: break things on purpose, and prove that no harm was done.

FAULTS picks so many at random; the seed that is printed picks the same again. ONLY takes names of faults or of their groups, N
is how many recipients each of the two campaigns has. Exit status 1 when a check failed or a fault could not be made.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Sequence

from deploy.local.layout import Problem, complain, say

from . import report
from .case import Case, Tenant
from .faults import FAULTS
from .faults.fault import Fault
from .report import Result
from .rig import Rig
from .run import run

N = 20_000
ALL_SECONDS = 5_400.0
LEAST_N = 1_500  # with fewer the expander is done before anything can strike


def number(name: str, default: int) -> int:
    """The whole number in a variable. Raises Problem for anything else."""
    text = os.environ.get(name) or str(default)
    if not text.isdigit():
        raise Problem(f"{name} is a whole number, not {text!r}")
    return int(text)


def chosen(faults: Sequence[Fault], only: str, count: int, seed: int) -> list[Fault]:
    """Those that ``only`` names (all when it is empty), of them ``count`` by ``seed`` (0: all). Raises Problem."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    for name in names:
        if not any(_is_meant(fault, name) for fault in faults):
            raise Problem(f"there is no fault {name}; faults are {', '.join(one.name for one in faults)}")
    found = [fault for fault in faults if not names or any(_is_meant(fault, name) for name in names)]
    if 0 < count < len(found):
        picked = set(random.Random(seed).sample(range(len(found)), count))
        found = [fault for n, fault in enumerate(found) if n in picked]
    return found


def _is_meant(fault: Fault, name: str) -> bool:
    return fault.name == name or fault.name.startswith(f"{name}.")


def run_all(rig: Rig, faults: Sequence[Fault], n: int, seed: int) -> bool:
    """Run and report one after the other; whether everything held."""
    results: list[Result] = []
    kept: dict[str, Tenant] = {}
    time_is_up = time.monotonic() + ALL_SECONDS
    say(report.HEADING)
    for no, fault in enumerate(faults, 1):
        case = Case(rig, n, no, kept, fresh_tenants=fault.fresh_tenants)
        results.append(run(fault, case) if time.monotonic() < time_is_up else _not_tried(fault))
        report.show(results[-1])
        report.store(rig.results_file, results, n, seed)
        if case.is_spoiled and no < len(faults):
            say("    the next ones begin on a new stack")
            kept.clear()
            rig.renew()
    failed = [result.fault for result in results if not result.held]
    say(
        f"in {rig.results_file}; {len(results) - len(failed)} of {len(results)} held"
        + "".join(f"\n  failed: {name}" for name in failed)
    )
    return not failed


def _not_tried(fault: Fault) -> Result:
    return Result(fault.name, fault.about, False, 0.0, 0, 0, 0, 0, 0.0, ("not tried: the time is up",))


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Exit status. SIGTERM, like SIGINT, ends everything that was started."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        seed = number("SEED", int(time.time()) % 100_000)
        n = number("N", N)
        if n < LEAST_N:
            raise Problem(f"N is {LEAST_N} at least")
        faults = chosen(FAULTS, os.environ.get("ONLY", ""), number("FAULTS", 0), seed)
        say(f"chaos: {len(faults)} faults, two campaigns of {n:,} recipients each, SEED={seed}")
        rig = Rig()
        try:
            return 0 if run_all(rig, faults, n, seed) else 1
        finally:
            rig.close()
    except Problem as problem:
        return complain(problem)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
