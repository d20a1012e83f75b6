"""A number that was erased is in no campaign any more, whatever its state; who edits one is told."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.events import NumbersErased
from services.campaigns import erasing, intents, preflight, queries, use_cases
from services.campaigns.errors import CampaignChanged, EmptyAudience, InvalidFields
from tests.integration.campaigns.support import DATA, TARIFF, Campaigns, Neighbour

pytestmark = pytest.mark.integration

FUTURE = "2100-01-01T10:00:00Z"
GONE, ALSO_GONE, KEPT = "306970000001", "306970000002", "306970000003"
STATES = ("draft", "scheduled", "running", "paused", "finished", "cancelled")


def erase(campaigns: Campaigns, *numbers: str, account_id: int | None = None) -> int:
    event = NumbersErased(account_id or campaigns.account, list(numbers or (GONE,)))
    return int(campaigns.counting(erasing.erase, event))


def of(*numbers: str, **more: Any) -> dict[str, Any]:
    return {"audience": {"numbers": list(numbers), **more}}


def in_state(campaigns: Campaigns, state: str, *numbers: str) -> int:
    """A campaign to ``numbers``, brought to ``state`` by its commands."""
    campaign_id = campaigns.draft(**of(*numbers))
    if state == "draft":
        return campaign_id
    if state == "scheduled":
        campaigns.do("schedule", campaign_id, FUTURE)
        return campaign_id
    campaigns.do("start", campaign_id)
    if state == "finished":
        campaigns.frozen(campaign_id, 0)
    elif state != "running":
        campaigns.do({"paused": "pause", "cancelled": "cancel"}[state], campaign_id)
    return campaign_id


def version(campaigns: Campaigns, campaign_id: int) -> tuple[int, int]:
    [(version, synced)] = campaigns.sql(
        "SELECT version, stop_synced_version FROM campaigns WHERE id = %s", campaign_id
    )
    return version, synced


@pytest.mark.parametrize("state", STATES)
def test_erased_numbers_leave_a_campaign_in_any_state(campaigns: Campaigns, state: str) -> None:
    campaign_id = in_state(campaigns, state, GONE, KEPT, ALSO_GONE)
    assert campaigns.get(campaign_id)["state"] == state
    before = version(campaigns, campaign_id)

    assert erase(campaigns, GONE, ALSO_GONE) == 1
    assert erase(campaigns, GONE, ALSO_GONE) == 0

    assert campaigns.get(campaign_id)["audience"] == {"numbers": [KEPT]}
    editable = state in ("draft", "scheduled")
    assert version(campaigns, campaign_id) == (before[0] + editable, before[1])


def test_no_stop_is_told_of_because_a_number_was_erased(campaigns: Campaigns) -> None:
    for state in STATES:
        in_state(campaigns, state, GONE)
    campaigns.sql("UPDATE campaigns SET stop_synced_version = version")
    dispatcher = Neighbour()

    assert erase(campaigns) == len(STATES)
    intents.tell_stops(campaigns.db, dispatcher)

    assert dispatcher.calls == []


def test_campaigns_without_the_number_and_of_other_accounts_are_not_written(campaigns: Campaigns) -> None:
    theirs = campaigns.draft(**of(GONE))
    other = Campaigns(campaigns.db, account=campaigns.account + 1)
    for audience in (of(KEPT), {}, {"audience": {"all": True}}):
        other.draft(**audience)
    before = campaigns.sql("SELECT id, xmin::text, audience FROM campaigns ORDER BY id")

    assert erase(other) == 0

    assert campaigns.sql("SELECT id, xmin::text, audience FROM campaigns ORDER BY id") == before
    assert campaigns.get(theirs)["audience"]["numbers"] == [GONE]


def test_the_rest_of_an_audience_stays(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft(**of(GONE, group_ids=[1], minus_group_ids=[2]))
    erase(campaigns)
    assert campaigns.get(campaign_id)["audience"] == {"group_ids": [1], "minus_group_ids": [2]}
    campaigns.do("start", campaign_id)


def test_who_edits_the_draft_meanwhile_is_told(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft(**of(GONE, KEPT))
    read = campaigns.get(campaign_id)
    erase(campaigns)

    with pytest.raises(CampaignChanged):
        campaigns.do("update", campaign_id, {"audience": read["audience"]}, read["version"])


def test_a_draft_with_nobody_left_says_so_and_takes_another_audience(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft(**of(GONE))
    erase(campaigns)
    assert campaigns.get(campaign_id)["audience"] == {}

    for command in (("start", campaign_id), ("schedule", campaign_id, FUTURE)):
        with pytest.raises(EmptyAudience):
            campaigns.do(*command)
    with campaigns.db.transaction() as session:
        campaign = queries.find(session, campaigns.account, campaign_id)
    with pytest.raises(EmptyAudience):
        preflight.of_campaign(campaign, Neighbour(), Neighbour(), "sms.example.gr", lambda: None)
    with pytest.raises(InvalidFields) as refused:
        campaigns.do("update", campaign_id, {"name": "Θέρος"}, None)
    assert refused.value.errors[0]["code"] == "empty_audience"
    assert campaigns.get(campaign_id)["state"] == "draft"

    campaigns.do("update", campaign_id, of(KEPT), None)
    campaigns.do("start", campaign_id)


def test_a_scheduled_one_with_nobody_left_is_paused_with_that_code_when_it_is_due(
    campaigns: Campaigns,
) -> None:
    campaign_id = in_state(campaigns, "scheduled", GONE)
    erase(campaigns)
    campaigns.sql("UPDATE campaigns SET scheduled_at = now()")
    billing, contacts = Neighbour(answer=TARIFF), Neighbour(answer={"snapshot_id": 5})

    intents.start_due(campaigns.db, billing, contacts)

    shown = campaigns.get(campaign_id)
    assert (shown["state"], shown["pause_reason"]) == ("paused", "empty_audience")
    assert (billing.calls, contacts.calls) == ([], [])
    campaigns.do("cancel", campaign_id)


def test_a_repeated_request_is_answered_without_the_number(campaigns: Campaigns) -> None:
    wanted = {**DATA, **of(GONE, KEPT)}

    def create() -> dict[str, Any]:
        with campaigns.db.transaction() as session:
            return use_cases.create(session, campaigns.account, wanted, "k1")

    first = create()
    erase(campaigns)

    again = create()

    assert (again["id"], again["audience"]) == (first["id"], {"numbers": [KEPT]})
    assert GONE not in str(campaigns.sql("SELECT c::text, k::text FROM campaigns c, idempotency_keys k"))


def test_who_opts_out_by_an_old_link_changes_no_campaign(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft(**of(GONE))
    event = NumbersErased(campaigns.account, [], opted_out_since=["-5"])
    assert campaigns.counting(erasing.erase, event) == 0
    assert campaigns.get(campaign_id)["version"] == 1
