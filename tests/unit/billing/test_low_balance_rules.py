"""When a balance is low, and when that is told again."""

import pytest

from services.billing.domain import is_armed_after_topup, is_armed_at_new_level, is_low, messages_left


@pytest.mark.parametrize(
    ("armed", "level", "spendable", "low"),
    [(True, 10, 9, True), (True, 10, 10, False), (False, 10, 9, False), (True, None, -5, False)],
)
def test_a_balance_is_low_below_its_level_when_armed(
    armed: bool, level: int | None, spendable: int, low: bool
) -> None:
    assert is_low(armed, level, spendable) is low


@pytest.mark.parametrize(("level", "spendable", "armed"), [(10, 10, True), (10, 9, False), (None, 1, True)])
def test_a_topup_arms_when_it_reaches_the_level(level: int | None, spendable: int, armed: bool) -> None:
    assert is_armed_after_topup(False, level, spendable) is armed


def test_a_topup_never_disarms() -> None:
    assert is_armed_after_topup(True, 10, 3)


@pytest.mark.parametrize(
    ("armed", "level", "spendable", "then"),
    [
        (False, 5, 8, True),  # told at 10, now the level is lower: the next fall is news
        (True, 20, 8, True),  # has money below the new level: it is told at once
        (False, 20, 8, False),  # was told already
        (False, 20, 0, False),  # never had money: nothing fell
        (False, 0, 0, False),
        (False, None, 8, False),
    ],
)
def test_another_level_is_another_crossing(
    armed: bool, level: int | None, spendable: int, then: bool
) -> None:
    assert is_armed_at_new_level(armed, level, spendable) is then


@pytest.mark.parametrize(
    ("spendable", "price", "left"), [(100, 45, 2), (-3, 45, 0), (100, None, 0), (100, 0, 0), (44, 45, 0)]
)
def test_what_is_left_is_counted_in_whole_messages(spendable: int, price: int | None, left: int) -> None:
    assert messages_left(spendable, price) == left
