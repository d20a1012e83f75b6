"""Loaded by a process whose clock libfaketime bends: that library (0.9.10) refuses a sleep to an absolute monotonic time.

Python 3.11 sleeps just so, and got EINVAL for whatever it slept; waiting on nothing for as long is the same to everybody.
"""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex, /) -> None:
    select.select([], [], [], float(seconds))


time.sleep = _sleep
