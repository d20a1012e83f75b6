"""Message ids in the forms operators give them: numbers, whose digits are written where they are used."""

import itertools
import random
import time
from collections.abc import Callable


def maker(form: str, seed: int | None) -> Callable[[], int]:
    """The next id, call by call.

    "decimal" and "hex" rise and never come again, also after a restart; "random" is 63 bits, repeatable with
    a seed; "sequential" starts over at 1, so that (operator, id) is not unique over time.
    """
    if form == "sequential":
        return itertools.count(1).__next__
    if form == "random":
        source = random.Random(seed)
        return lambda: source.getrandbits(63) | 1
    return itertools.count(time.time_ns() // 1000).__next__
