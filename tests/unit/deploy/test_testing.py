"""How many processes a run of the tests has, and what each of them gets."""

from __future__ import annotations

import pytest

from deploy.local.testing import ONE_PROCESS, PROCESSES, sharing
from tests.support.sharing import unit_of


@pytest.mark.parametrize("words", ["", "-x", "-q --durations=20", "--maxfail 1", "--no-header"])
def test_all_tests_are_shared_by_two_processes(words: str) -> None:
    assert sharing(words.split(), given_broker=False) == PROCESSES


@pytest.mark.parametrize(
    "words",
    [
        "-k vocative", "-kvocative", "-m e2e", "tests/unit/deploy", "tests/unit/deploy/test_testing.py::test_x[a::b]",
        "-x --pdb", "--lf", "-s", "--capture=no", "--collect-only",
    ],
)  # fmt: skip
def test_what_is_picked_or_looked_at_runs_in_one(words: str) -> None:
    assert sharing(words.split(), given_broker=False) == ONE_PROCESS


@pytest.mark.parametrize("words", ["-n 0", "-n2 tests/e2e", "--numprocesses=3 -k vocative"])
def test_who_says_how_many_is_not_contradicted(words: str) -> None:
    assert sharing(words.split(), given_broker=False) == ()


@pytest.mark.parametrize("words", ["", "-n 2"])
def test_a_broker_of_somebody_else_s_is_for_one_process_alone(words: str) -> None:
    assert sharing(words.split(), given_broker=True) == ONE_PROCESS


def test_a_file_stays_together_and_so_do_all_that_start_whole_stacks() -> None:
    assert unit_of("tests/unit/a/test_b.py::TestC::test_d[x/y::z]") == "tests/unit/a/test_b.py"
    stacks = [
        "e2e/test_money.py::test_a",
        "e2e/test_orders.py::test_b",
        "integration/deploy/test_pair.py::test_c",
    ]
    assert len({unit_of(f"tests/{nodeid}") for nodeid in stacks}) == 1
