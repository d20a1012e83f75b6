"""Counts arrive as differences, in any order, and always add up to the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import ChunkProgress
from services.campaigns import domain
from services.campaigns.domain import Standing, deltas_by_chunk, is_finished


@st.composite
def lives(draw: st.DrawFn) -> tuple[int, list[ChunkProgress]]:
    """A campaign's messages, and the changes that the dispatcher would tell of them, one entry a change."""
    told: list[ChunkProgress] = []
    messages = draw(st.integers(1, 12))
    for _ in range(messages):
        hold = f"c{draw(st.integers(1, 3))}"
        told.append(ChunkProgress(hold, 1, 7, accepted=1))
        told.append(ChunkProgress(hold, 1, 7, submitted=1, left=1))
        final = draw(st.sampled_from(domain.FINALS))
        told.append(ChunkProgress(hold, 1, 7, finals={final: 1}))
        if final == "uncertain" and draw(st.booleans()):
            told.append(ChunkProgress(hold, 1, 7, finals={"uncertain": -1, "delivered": 1}))
    return messages, told


def finals_of(told: list[ChunkProgress]) -> int:
    return sum(sum(delta.finals.values()) for delta in deltas_by_chunk(told).values())


@given(lives(), st.randoms())
def test_deltas_commute(life: tuple[int, list[ChunkProgress]], chance: object) -> None:
    _, told = life
    shuffled = list(told)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert deltas_by_chunk(told) == deltas_by_chunk(shuffled)


@given(lives(), st.randoms())
def test_a_campaign_turns_finished_once_and_only_with_the_last_final(
    life: tuple[int, list[ChunkProgress]], chance: object
) -> None:
    messages, told = life
    chance.shuffle(told)  # type: ignore[attr-defined]
    history = []
    for seen in range(len(told) + 1):
        finals = finals_of(told[:seen])
        history.append(is_finished(Standing("running", True, messages, 0, finals, False)))
        assert finals <= messages
    assert history == sorted(history)
    assert history[-1]
    still_missing = [index for index, done in enumerate(history) if not done]
    assert finals_of(told[: still_missing[-1]]) < messages


def test_entries_of_direct_sends_are_left_out() -> None:
    told = [ChunkProgress("c5", 1, None, accepted=1), ChunkProgress("d9", 1, 7, accepted=1)]
    assert deltas_by_chunk(told) == {}


def test_several_entries_of_one_chunk_are_added_up() -> None:
    told = [
        ChunkProgress("c5", 1, 7, accepted=2, left=1),
        ChunkProgress("c5", 1, 7, left=1, submitted=2, finals={"delivered": 1, "uncertain": -1}),
    ]
    delta = deltas_by_chunk(told)[5]
    assert (delta.accepted, delta.submitted, delta.left) == (2, 2, 2)
    assert {state: n for state, n in delta.finals.items() if n} == {"delivered": 1, "uncertain": -1}


def test_an_unknown_final_state_is_refused() -> None:
    with pytest.raises(ValueError, match="evaporated"):
        deltas_by_chunk([ChunkProgress("c5", 1, 7, finals={"evaporated": 1})])
