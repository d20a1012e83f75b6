"""Waiting for what happens elsewhere: a condition and a deadline, never a bare pause."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(predicate: Callable[[], T], timeout: float = 30.0, pause: float = 0.02, what: str = "") -> T:
    """The first true value of ``predicate``, asked until ``timeout`` seconds are over; then AssertionError.

    A predicate that asserts is asked again too, and its last complaint is the error's cause.
    """
    deadline = time.monotonic() + timeout
    complaint: AssertionError | None = None
    while True:
        try:
            if value := predicate():
                return value
        except AssertionError as error:
            complaint = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what or predicate}") from complaint
        time.sleep(pause)
