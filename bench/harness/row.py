"""A row of the table: what is measured, and what one run of it found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from .bench import Bench

Needs = Literal["nothing", "servers", "stack"]
T = TypeVar("T")


class TooLate(Exception):
    """A run did not end within its time."""


class Deadline:
    """So many seconds from now."""

    def __init__(self, seconds: float) -> None:
        """Runs from now on."""
        self._ends = time.monotonic() + seconds
        self._seconds = seconds

    @property
    def left(self) -> float:
        """Seconds to go; negative when over."""
        return self._ends - time.monotonic()

    def wait(self, condition: Callable[[], T | None], what: str, pause: float = 0.05) -> T:
        """The first true value of ``condition``, asked every ``pause`` seconds. Raises TooLate, naming ``what``."""
        while not (value := condition()):
            if self.left < 0:
                raise TooLate(f"{what}: not within {self._seconds:.0f} s")
            time.sleep(pause)
        return value


@dataclass
class Run:
    """One run: ``n`` units in ``seconds``; processor seconds and peak memory by process.

    ``others`` is the rest of the machine's load in cores, ``details`` whatever else the row found, JSON-able.
    """

    n: int
    seconds: float
    cpu: dict[str, float] = field(default_factory=dict)
    peak_mb: dict[str, float] = field(default_factory=dict)
    others: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def per_s(self) -> float:
        """Units a second."""
        return self.n / self.seconds


@dataclass(frozen=True)
class Row:
    """One thing to measure, ``n`` times ``unit``.

    ``needs`` says what must be there: nothing, the servers (PostgreSQL and RabbitMQ), or the whole stack. A run that
    has not ended after ``seconds`` is given up; ``runs`` is how many are made unless asked otherwise.
    """

    name: str
    unit: str
    n: int
    needs: Needs
    measure: Callable[[Bench, int, Deadline], Run]
    seconds: float = 60.0
    runs: int = 3

    def is_meant_by(self, only: str) -> bool:
        """Whether ``only`` names this row, or the group before the dot in its name."""
        return self.name == only or self.name.startswith(f"{only}.")
