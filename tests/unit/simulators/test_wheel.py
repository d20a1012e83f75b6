"""Things come out of the wheel at their time, in order, and never before."""

from hypothesis import given
from hypothesis import strategies as st

from simulators.smsc.wheel import TICKS, Wheel

times = st.floats(min_value=0, max_value=100, allow_nan=False)


@given(st.lists(times), times)
def test_exactly_what_is_due_comes_out(due: list[float], now: float) -> None:
    wheel = Wheel()
    for moment in due:
        wheel.add(moment, moment)
    found = wheel.due(now)
    assert all(moment <= now for moment in found)
    assert all(moment + 2 / TICKS > now for moment in due if moment not in found)
    assert [int(moment * TICKS) for moment in found] == sorted(int(moment * TICKS) for moment in found)
    assert len(found) + len(wheel.due(1000)) == len(due)


def test_it_knows_when_to_wake() -> None:
    wheel = Wheel()
    assert wheel.next() is None
    wheel.add(5, "late")
    wheel.add(1, "soon")
    next_one = wheel.next()
    assert next_one is not None
    assert 1 <= next_one <= 1 + 1 / TICKS
    assert wheel.due(next_one) == ["soon"]


def test_what_waits_can_be_changed_or_taken_out() -> None:
    wheel = Wheel()
    for item in (1, 2, 3):
        wheel.add(item, item)
    wheel.change(lambda item: None if item == 2 else item * 10)
    assert wheel.due(1000) == [10, 30]
