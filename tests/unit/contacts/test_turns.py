"""Threads that store pages of one import beside each other do what must be in order in order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.contacts.jobs import LostJob
from services.contacts.jobs.turns import Turns


def test_places_pass_a_gate_in_order_however_they_come() -> None:
    turns, passed = Turns(), list[int]()

    def go(place: int) -> None:
        turns.wait("commit", place)
        passed.append(place)
        turns.passed("commit", place)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(go, reversed(range(6))))

    assert passed == list(range(6))


def test_gates_are_passed_each_at_its_own_pace() -> None:
    turns = Turns()
    for place in range(3):
        turns.wait("begin", place)
        turns.passed("begin", place)
    turns.wait("commit", 0)


def test_nobody_passes_after_a_place_that_gave_up_and_those_before_it_do() -> None:
    turns, begun = Turns(), threading.Event()

    def last() -> None:
        begun.set()
        turns.wait("commit", 2)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(last)
        assert begun.wait(5)
        turns.give_up(1)
        with pytest.raises(LostJob):
            waiting.result(5)
    turns.wait("commit", 0)
    turns.passed("commit", 0)
    turns.wait("commit", 1)
