"""Pause, resume and cancel: decided here, obeyed by the dispatcher, told until it has heard."""

from __future__ import annotations

import pytest

from contracts.errors import Unavailable
from services.campaigns import intents, progress
from services.campaigns.errors import WrongState
from tests.integration.campaigns.support import Campaigns, Neighbour

pytestmark = pytest.mark.integration

FUTURE = "2100-01-01T10:00:00Z"


def told(dispatcher: Neighbour) -> list[tuple[int, str]]:
    return [(asked["version"], asked["state"]) for _, asked in dispatcher.calls]


def change(campaigns: Campaigns, dispatcher: Neighbour, command: str, campaign_id: int) -> None:
    campaigns.do(command, campaign_id)
    intents.tell_stop(campaigns.db, dispatcher, campaign_id)


def test_every_change_is_told_once_with_a_higher_version(campaigns: Campaigns) -> None:
    campaign_id, dispatcher = campaigns.expanding(10), Neighbour()
    for command in ("pause", "resume", "pause", "cancel"):
        change(campaigns, dispatcher, command, campaign_id)
    assert [state for _, state in told(dispatcher)] == ["paused", "running", "paused", "cancelled"]
    versions = [version for version, _ in told(dispatcher)]
    assert versions == sorted(set(versions))
    intents.tell_stops(campaigns.db, dispatcher)
    assert len(dispatcher.calls) == 4


def test_a_start_need_not_be_told(campaigns: Campaigns) -> None:
    campaigns.expanding(10)
    dispatcher = Neighbour()
    intents.tell_stops(campaigns.db, dispatcher)
    assert dispatcher.calls == []


def test_what_the_dispatcher_did_not_hear_is_told_again_in_its_newest_form(campaigns: Campaigns) -> None:
    campaign_id = campaigns.expanding(10)
    away = Neighbour(failure=Unavailable("service_unavailable", "dispatcher does not answer"))
    change(campaigns, away, "pause", campaign_id)
    change(campaigns, away, "cancel", campaign_id)
    back = Neighbour()
    intents.tell_stops(campaigns.db, back)
    assert told(back) == [(campaigns.get(campaign_id)["version"], "cancelled")]
    intents.tell_stops(campaigns.db, back)
    assert len(back.calls) == 1


def test_an_answer_that_comes_late_does_not_hide_a_newer_change(campaigns: Campaigns) -> None:
    campaign_id = campaigns.expanding(10)

    class Slow(Neighbour):
        def set_stop(self, **asked: object) -> None:
            self.calls.append(("set_stop", dict(asked)))
            if len(self.calls) == 1:  # while it answers the pause, the user resumes
                campaigns.do("resume", campaign_id)

    dispatcher = Slow()
    change(campaigns, dispatcher, "pause", campaign_id)
    intents.tell_stops(campaigns.db, dispatcher)
    assert [state for _, state in told(dispatcher)] == ["paused", "running"]


def test_repeating_a_command_changes_nothing(campaigns: Campaigns) -> None:
    campaign_id = campaigns.expanding(10)
    for command in ("pause", "resume", "cancel"):
        campaigns.do(command, campaign_id)
        once = campaigns.get(campaign_id)
        campaigns.do(command, campaign_id)
        assert campaigns.get(campaign_id) == once


def test_a_pause_keeps_its_place(campaigns: Campaigns) -> None:
    campaign_id = campaigns.expanding(10)
    campaigns.chunk(campaign_id, 1, 4)
    campaigns.do("pause", campaign_id)
    paused = campaigns.get(campaign_id)
    assert (paused["state"], paused["phase"], paused["pause_reason"]) == ("paused", "expanding", "by_user")
    campaigns.do("resume", campaign_id)
    resumed = campaigns.get(campaign_id)
    assert (resumed["state"], resumed["phase"], resumed["pause_reason"]) == ("running", "expanding", None)
    assert resumed["progress"]["expanded"] == 4


def test_a_campaign_that_ran_out_of_money_pauses_itself_but_what_is_paid_goes_on(
    campaigns: Campaigns,
) -> None:
    campaign_id, dispatcher = campaigns.expanding(10), Neighbour()
    assert campaigns.counting(progress.pause_by_itself, campaign_id, "insufficient_funds")
    shown = campaigns.get(campaign_id)
    assert (shown["state"], shown["pause_reason"]) == ("paused", "insufficient_funds")
    intents.tell_stops(campaigns.db, dispatcher)
    assert dispatcher.calls == []
    assert not campaigns.counting(progress.pause_by_itself, campaign_id, "insufficient_funds")


def test_the_user_may_stop_even_what_is_paid(campaigns: Campaigns) -> None:
    campaign_id, dispatcher = campaigns.expanding(10), Neighbour()
    campaigns.counting(progress.pause_by_itself, campaign_id, "insufficient_funds")
    change(campaigns, dispatcher, "pause", campaign_id)
    assert [state for _, state in told(dispatcher)] == ["paused"]
    assert campaigns.get(campaign_id)["pause_reason"] == "by_user"


def test_a_resume_not_yet_told_is_not_forgotten_when_the_campaign_pauses_itself(campaigns: Campaigns) -> None:
    campaign_id, dispatcher = campaigns.expanding(10), Neighbour()
    change(campaigns, dispatcher, "pause", campaign_id)
    campaigns.do("resume", campaign_id)
    campaigns.counting(progress.pause_by_itself, campaign_id, "insufficient_funds")
    intents.tell_stops(campaigns.db, dispatcher)
    assert told(dispatcher)[-1] == (campaigns.get(campaign_id)["version"], "paused")


def test_cancelling_what_never_started_is_nobody_elses_business(campaigns: Campaigns) -> None:
    campaign_id, dispatcher = campaigns.draft(), Neighbour()
    campaigns.do("schedule", campaign_id, FUTURE)
    change(campaigns, dispatcher, "cancel", campaign_id)
    assert dispatcher.calls == []
    shown = campaigns.get(campaign_id)
    assert shown["state"] == "cancelled"
    assert shown["finished_at"]


def test_a_draft_can_be_neither_paused_nor_cancelled(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft()
    for command in ("pause", "resume", "cancel"):
        with pytest.raises(WrongState):
            campaigns.do(command, campaign_id)
