"""Named places at which the chaos runner ends or freezes a process; in production they do nothing.

Without KERYX_CRASH_POINTS, a folder, ``reach`` is a comparison. With it, a point is armed by a file ``<folder>/<name>``
that says what to do there: ``kill`` (SIGKILL), ``stop`` (SIGSTOP) or ``exit``, then if wanted ``after=3`` (at the third
time) and ``pid=123`` (only there). One process claims the file by a rename, writes ``<name>.fired`` with pid and time, and
acts: a point fires once however many reach it. None stands on the way of a single message, only of slices, flushes, calls.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import settings

EXIT_STATUS = 77


class BadOrder(ValueError):
    """An armed file says something that is none of the orders."""


@dataclass(frozen=True)
class Order:
    """What to do at a point: ``action`` at the ``after``-th time it is reached, by process ``pid`` (0: any)."""

    action: str
    after: int = 1
    pid: int = 0

    @classmethod
    def read(cls, text: str) -> Order:
        """The order in an armed file. Raises BadOrder."""
        try:
            action, *options = text.split()
            values = {name: int(value) for name, value in (option.split("=") for option in options)}
            order = cls(action, **values)
        except (TypeError, ValueError):
            raise BadOrder(text) from None
        if action not in ACTIONS:
            raise BadOrder(text)
        return order

    def __str__(self) -> str:
        """As ``read`` takes it."""
        return f"{self.action} after={self.after} pid={self.pid}"


def _leave() -> None:
    os._exit(EXIT_STATUS)


def _send_myself(sent: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), sent)


ACTIONS: dict[str, Callable[[], None]] = {
    "kill": _send_myself(signal.SIGKILL),
    "stop": _send_myself(signal.SIGSTOP),
    "exit": _leave,
}

_folder: Path | None = settings.crash_points()
_reached: Counter[str] = Counter()


def reach(name: str) -> None:
    """This process is at the point ``name``, such as ``sender.marked``."""
    if _folder is not None:
        _look(_folder, name)


def _look(folder: Path, name: str) -> None:
    armed = folder / name
    try:
        order = Order.read(armed.read_text(encoding="ascii"))
    except FileNotFoundError:
        return
    except BadOrder as error:
        print(f"crash point {name}: cannot read {str(error)!r}", file=sys.stderr, flush=True)
        return
    if order.pid not in (0, os.getpid()):
        return
    _reached[name] += 1
    if _reached[name] < order.after:
        return
    claimed = folder / f".{name}.{os.getpid()}"
    try:
        armed.rename(claimed)
    except FileNotFoundError:  # another process was here first
        return
    claimed.write_text(f"{os.getpid()} {time.time():.6f}\n", encoding="ascii")
    claimed.rename(folder / f"{name}.fired")
    ACTIONS[order.action]()
