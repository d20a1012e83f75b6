"""Which faults a run makes, and what its exit status says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploy.local.layout import Problem
from tests.chaos.__main__ import chosen
from tests.chaos.faults import FAULTS
from tests.chaos.report import Result

HELD = Result("x", "", True, 0.3, 0, 0, 0, 0, 1.0)


def test_no_name_stands_for_two_faults() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_everything_is_chosen_when_nothing_is_said() -> None:
    assert chosen(FAULTS, "", 0, 1) == list(FAULTS)


def test_a_group_is_chosen_by_its_name() -> None:
    assert {fault.name for fault in chosen(FAULTS, "smsc, pause", 0, 1)} >= {"smsc.drops", "pause"}


def test_the_same_seed_chooses_the_same_faults() -> None:
    assert chosen(FAULTS, "", 3, 17) == chosen(FAULTS, "", 3, 17)
    assert len(chosen(FAULTS, "", 3, 17)) == 3
    assert any(chosen(FAULTS, "", 3, 17) != chosen(FAULTS, "", 3, seed) for seed in range(5))


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(Problem, match="no fault nonsense"):
        chosen(FAULTS, "nonsense", 0, 1)


@pytest.mark.parametrize(
    ("result", "held"),
    [
        (HELD, True),
        (replace(HELD, complaints=("1 twice",)), False),
        (replace(HELD, fired=False), False),
        (replace(HELD, fired=False, skipped="needs root"), True),
    ],
    ids=["held", "a complaint", "not fired", "skipped"],
)
def test_a_fault_that_did_not_fire_has_not_held(result: Result, held: bool) -> None:
    assert result.held is held
