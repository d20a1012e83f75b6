"""Requests that arrive while a call is under way go together in the next one, and each gets its own answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from gateway import gathering as gathering_module
from gateway.gathering import Gathering


class Calls:
    """A service that answers when it is told to."""

    def __init__(self) -> None:
        self.made: list[list[Any]] = []
        self.begun = threading.Semaphore(0)
        self._go: list[threading.Event] = []
        self._lock = threading.Lock()

    def __call__(self, requests: Sequence[Any]) -> list[Any]:
        go = threading.Event()
        with self._lock:
            self.made.append(list(requests))
            self._go.append(go)
        self.begun.release()
        assert go.wait(10)
        if "bad" in requests:
            raise ValueError("bad")
        return [f"answer to {one}" for one in requests]

    def answer(self, number: int) -> None:
        self._go[number].set()

    def wait_begun(self) -> None:
        assert self.begun.acquire(timeout=10)


@pytest.fixture
def ask() -> Any:
    """``ask(gathering, request)`` in a thread of its own; the future is returned once the request is in the queue."""
    with ThreadPoolExecutor(20) as pool:

        def asking(gathering: Gathering, request: Any, weight: int = 1) -> Future[Any]:
            before = _known(gathering)
            future = pool.submit(gathering, request, weight)
            while _known(gathering) == before and not future.done():
                threading.Event().wait(0.001)
            return future

        yield asking


def _known(gathering: Gathering) -> int:
    return len(gathering._queue) + len(gathering._call.made) * 1_000  # type: ignore[attr-defined]


Ask = Callable[..., Future[Any]]


def gathering_done(gathering: Gathering, request: Any) -> threading.Event:
    """Ask without waiting; the event is set with the answer."""
    told = threading.Event()
    gathering.submit(request, 1, lambda *_: told.set())
    return told


def test_one_that_is_alone_calls_at_once(ask: Ask) -> None:
    calls = Calls()
    first = ask(Gathering(calls, 1, 100), "a")
    calls.wait_begun()
    calls.answer(0)
    assert first.result(10) == "answer to a"


def test_those_that_come_meanwhile_go_together(ask: Ask) -> None:
    calls = Calls()
    gathering = Gathering(calls, 1, 100)
    first = ask(gathering, "a")
    calls.wait_begun()
    others = [ask(gathering, name) for name in "bcd"]
    calls.answer(0)
    calls.wait_begun()
    calls.answer(1)
    assert [one.result(10) for one in (first, *others)] == [f"answer to {name}" for name in "abcd"]
    assert calls.made == [["a"], ["b", "c", "d"]]


def test_a_group_weighs_no_more_than_the_limit_unless_one_does_alone(ask: Ask) -> None:
    calls = Calls()
    gathering = Gathering(calls, 1, 10)
    asked = [ask(gathering, "a")]
    calls.wait_begun()
    asked += [ask(gathering, name, weight) for name, weight in (("b", 6), ("c", 5), ("d", 50), ("e", 1))]
    for number in range(5):
        calls.answer(number)
        if number < 4:
            calls.wait_begun()
    assert [one.result(10) for one in asked] == [f"answer to {name}" for name in "abcde"]
    assert calls.made == [["a"], ["b"], ["c"], ["d"], ["e"]]


def test_a_call_that_fails_fails_for_those_in_it_and_for_nobody_else(ask: Ask) -> None:
    calls = Calls()
    gathering = Gathering(calls, 1, 100)
    first = ask(gathering, "a")
    calls.wait_begun()
    together = [ask(gathering, name) for name in ("bad", "c")]
    calls.answer(0)
    calls.wait_begun()
    last = ask(gathering, "d")
    calls.answer(1)
    calls.wait_begun()
    calls.answer(2)
    assert (first.result(10), last.result(10)) == ("answer to a", "answer to d")
    for one in together:
        with pytest.raises(ValueError, match="bad"):
            one.result(10)


def test_so_many_calls_are_under_way_at_once(ask: Ask) -> None:
    calls = Calls()
    gathering = Gathering(calls, 2, 100)
    asked = []
    for name in "ab":
        asked.append(ask(gathering, name))
        calls.wait_begun()
    asked.append(ask(gathering, "c"))
    assert calls.made == [["a"], ["b"]]
    calls.answer(1)
    calls.wait_begun()
    calls.answer(0)
    calls.answer(2)
    assert [one.result(10) for one in asked] == ["answer to a", "answer to b", "answer to c"]


def test_many_threads_all_get_their_own_answer() -> None:
    gathering = Gathering(lambda requests: [2 * one for one in requests], 2, 7)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(gathering, range(5_000))) == [2 * one for one in range(5_000)]


def test_those_who_were_just_answered_are_waited_for_and_go_together_again(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering_module, "GAP_SECONDS", 10.0)
    monkeypatch.setattr(gathering_module, "COMPANY_SECONDS", 3_600.0)
    calls = Calls()
    gathering = Gathering(calls, 2, 100)
    first = ask(gathering, "a")
    calls.wait_begun()
    second = ask(gathering, "b")
    calls.wait_begun()
    crowd = [ask(gathering, name) for name in "cdefghijkl"]
    calls.answer(1)
    calls.answer(0)
    calls.wait_begun()
    calls.answer(2)
    for one in (first, second, *crowd):
        one.result(10)
    again = [gathering_done(gathering, name) for name in "mnopqrstuv"]
    calls.wait_begun()
    calls.answer(3)
    for done in again:
        assert done.wait(10)
    assert [len(made) for made in calls.made] == [1, 1, 10, 10]


def test_while_a_crowd_is_away_the_next_call_waits_for_it_until_it_is_late(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering_module, "LATE_SECONDS", 3_600.0)
    calls = Calls()
    gathering = Gathering(calls, 2, 100)
    asked = [ask(gathering, "a")]
    calls.wait_begun()
    asked.append(ask(gathering, "b"))
    calls.wait_begun()
    asked += [ask(gathering, name) for name in "cdefghijkl"]
    calls.answer(0)
    calls.wait_begun()
    calls.answer(1)
    asked[1].result(10)
    last = ask(gathering, "m")
    assert not calls.begun.acquire(timeout=0.05)
    calls.answer(2)
    calls.wait_begun()
    calls.answer(3)
    assert last.result(10) == "answer to m"


def test_a_call_that_is_late_holds_nobody_up(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering_module, "LATE_SECONDS", 0.0)
    calls = Calls()
    gathering = Gathering(calls, 2, 100)
    asked = [ask(gathering, "a")]
    calls.wait_begun()
    asked += [ask(gathering, "b")]
    calls.wait_begun()
    asked += [ask(gathering, name) for name in "cdefghijkl"]
    calls.answer(0)
    calls.wait_begun()
    calls.answer(1)
    asked[1].result(10)
    last = ask(gathering, "m")
    calls.wait_begun()  # the crowd is away still
    calls.answer(3)
    assert last.result(10) == "answer to m"
    calls.answer(2)
    assert asked[-1].result(10) == "answer to l"


def test_a_listener_that_fails_keeps_nobody_s_answer_back() -> None:
    gathering = Gathering(lambda requests: list(requests), 1, 100)

    def fail(*_: Any) -> None:
        raise ValueError("listening")

    gathering.submit("a", 1, fail)
    assert gathering("b") == "b"
