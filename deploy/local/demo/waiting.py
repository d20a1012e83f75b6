"""Waiting for what happens elsewhere: a condition, asked again until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.25


class TooLate(Exception):
    """What was waited for did not happen in time."""


class Deadline:
    """So many seconds from now."""

    def __init__(self, seconds: float) -> None:
        """Runs from now on."""
        self._started, self._seconds = time.monotonic(), seconds

    @property
    def elapsed(self) -> float:
        """Seconds since it was set."""
        return time.monotonic() - self._started

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return self.elapsed > self._seconds

    def wait(self, condition: Callable[[], T | None], what: str) -> T:
        """The first true value of ``condition``. Raises TooLate, naming ``what``, when time runs out."""
        while True:
            if value := condition():
                return value
            if self.over:
                raise TooLate(f"{what}: not within {self._seconds:.0f} s")
            self.pause()

    @staticmethod
    def pause() -> None:
        """Between two questions."""
        time.sleep(PAUSE)
