"""From start or due time to the frozen audience, whoever is away and whoever does it twice."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from contracts.errors import NotFound, Unavailable
from services.campaigns import intents
from tests.integration.campaigns.support import TARIFF, Campaigns, Neighbour

pytestmark = pytest.mark.integration

FUTURE = "2100-01-01T10:00:00Z"
AWAY = Unavailable("service_unavailable", "nobody answers")


def billing() -> Neighbour:
    return Neighbour(answer=TARIFF)


def contacts() -> Neighbour:
    return Neighbour(answer={"snapshot_id": 5})


def started(campaigns: Campaigns) -> int:
    campaign_id = campaigns.draft()
    campaigns.do("start", campaign_id)
    return campaign_id


def row(campaigns: Campaigns, campaign_id: int, columns: str) -> tuple[Any, ...]:
    [found] = campaigns.sql(f"SELECT {columns} FROM campaigns WHERE id = %s", campaign_id)
    return found


def grow_old(campaigns: Campaigns) -> None:
    campaigns.sql("UPDATE campaigns SET updated_at = now() - interval '6 seconds'")


def test_prices_are_frozen_before_the_audience(campaigns: Campaigns) -> None:
    campaign_id, prices, people = started(campaigns), billing(), contacts()
    intents.freeze(campaigns.db, prices, people, campaign_id)
    assert prices.calls == [("tariff", {"account_id": 7, "price_class": "normal"})]
    asked = {"account_id": 7, "campaign_id": campaign_id, "audience": {"group_ids": [1]}}
    assert people.calls == [("freeze_audience", asked)]
    assert row(campaigns, campaign_id, "tariff, snapshot_id, state, phase") == (
        TARIFF,
        5,
        "running",
        "freezing",
    )


def test_a_frozen_audience_is_expanded(campaigns: Campaigns) -> None:
    campaign_id = started(campaigns)
    campaigns.frozen(campaign_id, 100, duplicates=3, suppressed=2)
    shown = campaigns.get(campaign_id)
    assert (shown["state"], shown["phase"]) == ("running", "expanding")
    assert (shown["recipients"], shown["duplicates"], shown["suppressed"]) == (100, 3, 2)


def test_what_could_not_be_asked_is_asked_again_later(campaigns: Campaigns) -> None:
    campaign_id = started(campaigns)
    intents.freeze(campaigns.db, billing(), Neighbour(failure=AWAY), campaign_id)
    assert row(campaigns, campaign_id, "state, snapshot_id") == ("running", None)
    prices, people = billing(), contacts()
    intents.freeze_again(campaigns.db, prices, people)
    assert people.calls == []
    grow_old(campaigns)
    intents.freeze_again(campaigns.db, prices, people)
    intents.freeze_again(campaigns.db, prices, people)
    assert len(people.calls) == 1
    assert prices.calls == []  # the prices of the start hold


def test_what_is_refused_pauses_the_campaign_until_it_is_resumed(campaigns: Campaigns) -> None:
    campaign_id = started(campaigns)
    refusal = Neighbour(failure=NotFound("unknown_group", "There is no such group."))
    intents.freeze(campaigns.db, billing(), refusal, campaign_id)
    shown = campaigns.get(campaign_id)
    assert (shown["state"], shown["phase"], shown["pause_reason"]) == ("paused", "freezing", "unknown_group")
    people = contacts()
    campaigns.do("resume", campaign_id)
    intents.freeze(campaigns.db, billing(), people, campaign_id)
    assert len(people.calls) == 1


def test_a_class_without_any_price_pauses_the_campaign_instead_of_refusing_everybody(
    campaigns: Campaigns,
) -> None:
    campaign_id, people = started(campaigns), contacts()
    intents.freeze(campaigns.db, Neighbour(answer={**TARIFF, "prices": []}), people, campaign_id)
    assert row(campaigns, campaign_id, "state, pause_reason, tariff") == ("paused", "no_prices", None)
    assert people.calls == []


def test_an_audience_that_cannot_be_frozen_pauses_the_campaign(campaigns: Campaigns) -> None:
    campaign_id = started(campaigns)
    campaigns.frozen(campaign_id, 0, failed="internal_error")
    assert row(campaigns, campaign_id, "state, pause_reason, snapshot_id") == (
        "paused",
        "internal_error",
        None,
    )


def test_a_failure_told_before_the_answer_to_the_request_can_still_be_repaired(campaigns: Campaigns) -> None:
    campaign_id = started(campaigns)

    class Hasty(Neighbour):
        def freeze_audience(self, **_: Any) -> dict[str, int]:
            campaigns.frozen(campaign_id, 0, failed="internal_error")
            return {"snapshot_id": 5}

    intents.freeze(campaigns.db, billing(), Hasty(), campaign_id)
    people = contacts()
    campaigns.do("resume", campaign_id)
    intents.freeze(campaigns.db, billing(), people, campaign_id)
    assert len(people.calls) == 1


def test_a_campaign_for_nobody_is_finished_at_once(campaigns: Campaigns) -> None:
    campaign_id = started(campaigns)
    campaigns.frozen(campaign_id, 0)
    shown = campaigns.get(campaign_id)
    assert (shown["state"], shown["phase"]) == ("finished", None)
    assert shown["sent_at"]
    assert shown["finished_at"]


def test_a_snapshot_that_nobody_waits_for_changes_nothing(campaigns: Campaigns) -> None:
    campaign_id = started(campaigns)
    campaigns.do("cancel", campaign_id)
    before = campaigns.get(campaign_id)
    assert before["finished_at"]
    campaigns.frozen(campaign_id, 50)
    campaigns.frozen(campaign_id + 1, 50)
    Campaigns(campaigns.db, account=8).frozen(campaign_id, 50)
    assert campaigns.get(campaign_id) == before


def test_a_snapshot_that_comes_while_paused_is_kept_for_the_resume(campaigns: Campaigns) -> None:
    campaign_id = started(campaigns)
    campaigns.do("pause", campaign_id)
    campaigns.frozen(campaign_id, 50)
    shown = campaigns.get(campaign_id)
    assert (shown["state"], shown["phase"], shown["recipients"]) == ("paused", "expanding", 50)


def test_nothing_starts_before_its_time(campaigns: Campaigns) -> None:
    campaign_id, people = campaigns.draft(), contacts()
    campaigns.do("schedule", campaign_id, FUTURE)
    intents.start_due(campaigns.db, billing(), people)
    assert people.calls == []
    assert campaigns.get(campaign_id)["state"] == "scheduled"


def test_due_campaigns_are_started_once_by_however_many_replicas(campaigns: Campaigns) -> None:
    ids = [campaigns.draft() for _ in range(12)]
    for campaign_id in ids:
        campaigns.do("schedule", campaign_id, FUTURE)
    campaigns.do("cancel", ids.pop())
    campaigns.sql("UPDATE campaigns SET scheduled_at = now() - interval '1 second'")
    people, together = contacts(), threading.Barrier(4)

    def replica() -> None:
        together.wait(10)
        intents.start_due(campaigns.db, billing(), people)

    replicas = [threading.Thread(target=replica) for _ in range(4)]
    for one in replicas:
        one.start()
    for one in replicas:
        one.join(30)
    assert sorted(asked["campaign_id"] for _, asked in people.calls) == ids
    shown = [campaigns.get(campaign_id) for campaign_id in ids]
    assert {(one["state"], one["version"]) for one in shown} == {("running", 3)}
    assert all(one["started_at"] for one in shown)
