"""Calls that arrive while one is under way, made together by the next one.

A call to a service costs the same for thirty requests as for one. Nobody waits for company: a request that finds nobody
calling calls at once; those that come meanwhile go together as soon as it is back, led by the first of them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any


class _Waiting:
    """A request, the group that its thread is to call for, if it is, and what became of it."""

    def __init__(self, request: Any, weight: int) -> None:
        self.request, self.weight = request, weight
        self.wake = threading.Event()
        self.group: list[_Waiting] | None = None
        self.result: Any = None
        self.error: BaseException | None = None


class Gathering:
    """Gives requests to ``call``, which answers each in its place; safe for threads.

    At most ``at_once`` calls are under way, each with requests of a total weight up to ``limit`` (one alone may weigh more).
    """

    def __init__(self, call: Callable[[Sequence[Any]], Sequence[Any]], at_once: int, limit: int) -> None:
        """Nothing is under way."""
        self._call, self._at_once, self._limit = call, at_once, limit
        self._lock = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        self._calling = 0

    def __call__(self, request: Any, weight: int = 1) -> Any:
        """The answer to ``request``. What ``call`` raises, everybody who was in it gets."""
        one = _Waiting(request, weight)
        with self._lock:
            if self._calling < self._at_once:  # then nobody waits
                self._calling += 1
                one.group = [one]
            else:
                self._queue.append(one)
        if one.group is None:
            one.wake.wait()
        if one.group is not None:
            self._call_for(one.group)
        if one.error is not None:
            raise one.error
        return one.result

    def _call_for(self, group: list[_Waiting]) -> None:
        try:
            answers = self._call([one.request for one in group])
            for one, answer in zip(group, answers, strict=True):
                one.result = answer
        except BaseException as error:  # noqa: BLE001  it is everybody's: each raises it in its own thread
            for one in group:
                one.error = error
        finally:
            self._hand_on()
            for one in group:
                one.wake.set()

    def _hand_on(self) -> None:
        """Give our place to the first of those who wait, with its group: taken here, no other caller can take of it."""
        with self._lock:
            if not self._queue:
                self._calling -= 1
                return
            group = [self._queue.popleft()]
            weight = group[0].weight
            while self._queue and weight + self._queue[0].weight <= self._limit:
                group.append(self._queue.popleft())
                weight += group[-1].weight
            group[0].group = group
            group[0].wake.set()
