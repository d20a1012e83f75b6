"""What a fault is, and the usual one: a process killed at a named point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.harness.stack import WINDOW
from servicekit.crashpoints import Order

from ..case import Case
from ..points import Fired, NotFired

FIRE_SECONDS = 30.0


class Skipped(Exception):
    """The machine lacks what the fault needs; the text says what."""


def nothing(_: Case) -> None:
    """Nothing to do."""


@dataclass(frozen=True)
class Fault:
    """One fault. ``prepare`` comes before the campaigns start, ``strike`` when a quarter of them is submitted.

    ``strike`` makes it happen and returns when it did (NotFired otherwise); ``after`` follows and has what must come back
    come back; ``restore`` runs in any case. ``doubt_windows``: how many windows of parts may stay in doubt. ``seconds``: how
    long sending lasts at least, so that a slow strike is still in the middle. ``fresh_tenants``: the fault changes what its
    tenants may do later. ``upstream``: it strikes where chunks are made, so the campaigns are slow by their own pace;
    otherwise the connector's rate holds them back.
    """

    name: str
    about: str
    strike: Callable[[Case], Fired]
    prepare: Callable[[Case], None] = nothing
    after: Callable[[Case], None] = nothing
    restore: Callable[[Case], None] = nothing
    doubt_windows: int = 0
    seconds: float = 8.0
    fresh_tenants: bool = False
    upstream: bool = False

    @property
    def doubt_allowed(self) -> int:
        """Parts that may stay in doubt."""
        return self.doubt_windows * WINDOW


def at_point(
    process: str, point: str, trigger: Callable[[Case], object], case: Case, after: int = 1
) -> Fired:
    """Kill ``process`` at ``point``, reached by what goes on anyway or by ``trigger``. It is back before this returns."""
    pid = case.rig.pid(process)
    case.rig.points.arm(point, Order("kill", after=after))
    trigger(case)
    fired = case.rig.points.wait(point, FIRE_SECONDS)
    if fired.pid == pid:
        case.expect_start(process)
        case.rig.came_back(process, pid)
    elif process == "gateway":  # its worker, which its master, the one that is supervised, starts again
        case.rig.is_back(process)
    else:
        raise NotFired(f"{point}: fired in process {fired.pid}, {process} is {pid}")
    return fired


def kill(
    process: str,
    point: str,
    about: str,
    *,
    trigger: Callable[[Case], object] = nothing,
    prepare: Callable[[Case], None] = nothing,
    after: Callable[[Case], None] = nothing,
    doubt_windows: int = 0,
    times: int = 1,
    seconds: float = 8.0,
    upstream: bool = False,
) -> Fault:
    """The fault ``kill.<point>``."""
    return Fault(
        f"kill.{point}",
        about,
        partial(at_point, process, point, trigger, after=times),
        prepare=prepare,
        after=after,
        doubt_windows=doubt_windows,
        seconds=seconds,
        upstream=upstream,
    )
