"""The state machine of a campaign, when it is sent and when it is finished."""

from __future__ import annotations

import itertools

import pytest

from services.campaigns import domain
from services.campaigns.domain import Standing, is_finished, is_sent, next_state
from services.campaigns.errors import WrongState

# Every command in every state: where it leads; what is not here is refused.
ALLOWED = {
    ("edit", "draft"): "draft",
    ("edit", "scheduled"): "scheduled",
    ("delete", "draft"): "draft",
    ("schedule", "draft"): "scheduled",
    ("schedule", "scheduled"): "scheduled",
    ("unschedule", "scheduled"): "draft",
    ("unschedule", "draft"): "draft",
    ("start", "draft"): "running",
    ("start", "scheduled"): "running",
    ("pause", "running"): "paused",
    ("pause", "paused"): "paused",
    ("resume", "paused"): "running",
    ("resume", "running"): "running",
    ("cancel", "scheduled"): "cancelled",
    ("cancel", "running"): "cancelled",
    ("cancel", "paused"): "cancelled",
    ("cancel", "cancelled"): "cancelled",
    ("finish", "running"): "finished",
    ("finish", "paused"): "finished",
}
EVERY = list(itertools.product(domain.COMMANDS, domain.STATES))


@pytest.mark.parametrize(("command", "state"), [pair for pair in EVERY if pair in ALLOWED])
def test_a_command_leads_where_the_picture_says(command: str, state: str) -> None:
    assert next_state(command, state) == ALLOWED[command, state]


@pytest.mark.parametrize(("command", "state"), [pair for pair in EVERY if pair not in ALLOWED])
def test_any_other_command_is_refused(command: str, state: str) -> None:
    with pytest.raises(WrongState) as refused:
        next_state(command, state)
    assert refused.value.code == "wrong_state"


def test_nothing_leads_out_of_the_end() -> None:
    for end in ("finished", "cancelled"):
        assert {to for (_, state), to in ALLOWED.items() if state == end} <= {end}


@pytest.mark.parametrize("state", domain.STATES)
def test_only_what_runs_or_rests_has_a_phase(state: str) -> None:
    has_one = state in ("running", "paused")
    assert (domain.phase_in(state, None) is not None) == has_one
    assert domain.phase_in(state, "sending") == ("sending" if has_one else None)


def standing(**changes: object) -> Standing:
    usual: dict[str, object] = {
        "state": "running",
        "is_expanded": True,
        "recipients": 10,
        "unsent": 0,
        "finals": 10,
        "open_chunks": False,
    }
    return Standing(**{**usual, **changes})  # type: ignore[arg-type]


def test_a_campaign_is_finished_when_every_recipient_is_in_a_final_state() -> None:
    assert is_finished(standing())
    assert not is_finished(standing(finals=9))


def test_a_campaign_that_still_expands_is_neither_sent_nor_finished() -> None:
    assert not is_sent(standing(is_expanded=False))
    assert not is_finished(standing(is_expanded=False))


def test_a_campaign_with_an_open_chunk_is_not_sent() -> None:
    assert not is_sent(standing(open_chunks=True))
    assert is_sent(standing(finals=0))


def test_a_cancelled_campaign_waits_only_for_what_was_expanded() -> None:
    cancelled = standing(state="cancelled", is_expanded=False, unsent=6, finals=3)
    assert not is_finished(cancelled)
    assert is_finished(standing(state="cancelled", is_expanded=False, unsent=6, finals=4))


def test_a_campaign_for_nobody_is_finished_at_once() -> None:
    assert is_finished(standing(recipients=0, finals=0))


@pytest.mark.parametrize(
    ("hold", "chunk"), [("c12", 12), ("c", None), ("m12", None), ("c-1", None), ("", None), ("c1²", None)]
)
def test_a_hold_says_whose_chunk_it_pays(hold: str, chunk: int | None) -> None:
    assert domain.chunk_of_hold(hold) == chunk
    if chunk is not None:
        assert domain.hold_of_chunk(chunk) == hold
