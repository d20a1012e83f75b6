"""Order among threads that do the steps of one job beside each other: what must not overtake waits for its turn."""

from __future__ import annotations

import threading

from . import LostJob


class Turns:
    """Gates that places 0, 1, 2, … pass one after the other, each gate at its own pace.

    A place that gave up lets those before it pass, and none after it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._next: dict[str, int] = {}
        self._given_up: int | None = None

    def wait(self, gate: str, place: int) -> None:
        """Until all places before ``place`` have passed. Raises LostJob once one of them gave up before it did."""
        with self._changed:
            self._changed.wait_for(lambda: self._next.get(gate, 0) == place or self._is_in_vain(place))
            if self._next.get(gate, 0) != place:
                raise LostJob("a page before this one was not stored")

    def passed(self, gate: str, place: int) -> None:
        """It is the turn of the one after ``place``."""
        with self._changed:
            self._next[gate] = place + 1
            self._changed.notify_all()

    def give_up(self, place: int) -> None:
        """``place`` passes no gate any more."""
        with self._changed:
            self._given_up = place if self._given_up is None else min(place, self._given_up)
            self._changed.notify_all()

    def _is_in_vain(self, place: int) -> bool:
        return self._given_up is not None and self._given_up < place
