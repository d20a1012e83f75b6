"""Calls that arrive while one is under way, made together by the next one.

A call to a service costs about the same for thirty requests as for one. Few requests call at once. Where many ask again
and again, the next call waits until the one under way is back, and then for those who were just answered, as long as they
keep coming: without that, the first to return went alone (32 clients: 9 requests a call, a third of the calls for one).
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from servicekit import logs

log = logs.get(__name__)

GAP_SECONDS = 0.01  # nobody came for so long: nobody is coming
COMPANY_SECONDS = 0.05  # after an answer, those who got it are expected for so long at most
CROWD = 8  # requests; for fewer, waiting would cost more than it saves
LATE_SECONDS = 1.0  # a call that takes longer is not waited for: a service may have died with it

Done = Callable[[Any, BaseException | None], None]
"""Takes the answer, or what was raised instead."""


class _Waiting(NamedTuple):
    """A request, the context it came in, and whom to tell."""

    request: Any
    weight: int
    context: contextvars.Context
    done: Done


class Gathering:
    """Gives requests to ``call``, which answers each in its place; safe for threads.

    At most ``at_once`` calls are under way, each with requests of a total weight up to ``limit`` (one alone may weigh more).
    """

    def __init__(self, call: Callable[[Sequence[Any]], Sequence[Any]], at_once: int, limit: int) -> None:
        """Nothing is under way."""
        self._call, self._at_once, self._limit = call, at_once, limit
        self._threads = ThreadPoolExecutor(at_once, "gathering")
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._queue: deque[_Waiting] = deque()
        self._weight = 0  # of the queue
        self._calling, self._gathers = 0, False
        self._away, self._late_at = 0, 0.0
        self._expected, self._expected_until = 1, 0.0

    def __call__(self, request: Any, weight: int = 1) -> Any:
        """The answer to ``request``. What ``call`` raises, everybody who was in it gets."""
        told = threading.Event()
        outcome: list[Any] = []

        def done(answer: Any, error: BaseException | None) -> None:
            outcome.extend((answer, error))
            told.set()

        self.submit(request, weight, done)
        told.wait()
        answer, error = outcome
        if error is not None:
            raise error
        return answer

    def submit(self, request: Any, weight: int, done: Done) -> None:
        """Have ``done`` told what becomes of ``request``, once, in another thread."""
        one = _Waiting(request, weight, contextvars.copy_context(), done)
        with self._lock:
            self._queue.append(one)
            self._weight += weight
            self._begin()
            if self._gathers and (len(self._queue) == self._expected or self._weight >= self._limit):
                self._changed.notify()

    def _begin(self) -> None:
        """Begin a call for those who wait, if one may begin and none is gathering yet. Under the lock."""
        if self._queue and not self._gathers and self._calling < self._at_once:
            self._calling += 1
            self._gathers = True
            self._threads.submit(self._lead)

    def _lead(self) -> None:
        with self._lock:
            self._wait_for_company()
            group = self._take_group()
        answers: Sequence[Any] = ()
        error: BaseException | None = None
        try:
            # In the context of the first: a call has one correlation id.
            answers = group[0].context.run(self._call, [one.request for one in group])
            if len(answers) != len(group):
                raise ValueError(f"{len(answers)} answers to {len(group)} requests")
        except BaseException as raised:  # noqa: BLE001  it is everybody's: each gets it
            error = raised
        self._returned(group)
        for place, one in enumerate(group):
            _tell(one, None if error else answers[place], error)
        with self._lock:
            self._calling -= 1
            self._begin()

    def _wait_for_company(self) -> None:
        """Return when as many are here as are expected, or when no more seem to come. Under the lock."""
        while self._away >= CROWD and self._has_room() and (left := self._late_at - time.monotonic()) > 0:
            self._changed.wait(left)
        seen = 0 if self._expected >= CROWD else self._expected
        while seen < len(self._queue) < self._expected and self._has_room():
            if time.monotonic() > self._expected_until:
                return
            seen = len(self._queue)
            self._changed.wait(GAP_SECONDS)

    def _has_room(self) -> bool:
        return self._weight < self._limit

    def _take_group(self) -> list[_Waiting]:
        """The next call's requests. Under the lock."""
        group = [self._queue.popleft()]
        weight = group[0].weight
        while self._queue and weight + self._queue[0].weight <= self._limit:
            group.append(self._queue.popleft())
            weight += group[-1].weight
        self._weight -= weight
        self._gathers = False
        self._away += len(group)
        self._late_at = time.monotonic() + LATE_SECONDS
        self._begin()
        return group

    def _returned(self, group: list[_Waiting]) -> None:
        with self._lock:
            self._away -= len(group)
            self._expected = len(group) + len(self._queue)
            self._expected_until = time.monotonic() + COMPANY_SECONDS
            self._changed.notify()


def _tell(one: _Waiting, answer: Any, error: BaseException | None) -> None:
    """A listener that fails must not keep the others' answers back."""
    try:
        one.context.run(one.done, answer, error)
    except Exception:
        log.error("answer_not_taken", exc_info=True)
