"""Making, reading and changing campaigns."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.errors import Conflict
from services.campaigns import queries, use_cases
from services.campaigns.errors import BadCursor, CampaignChanged, InvalidFields, UnknownCampaign, WrongState
from tests.integration.campaigns.support import ACCOUNT, DATA, Campaigns

pytestmark = pytest.mark.integration

FUTURE = "2100-01-01T10:00:00+02:00"
PAST = "2020-01-01T10:00:00Z"


def test_a_new_campaign_is_a_draft_with_all_its_settings(campaigns: Campaigns) -> None:
    shown = campaigns.get(campaigns.draft(pace=60, labels={"Κωδικός": "custom1"}, scheduled_at=FUTURE))
    assert {name: shown[name] for name in DATA} == DATA
    assert (shown["state"], shown["phase"], shown["version"]) == ("draft", None, 1)
    assert (shown["pace"], shown["labels"]) == (60, {"Κωδικός": "custom1"})
    assert shown["scheduled_at"] == "2100-01-01T08:00:00.000Z"
    assert shown["progress"] == {"expanded": 0, "left": 0, "total": 0}
    assert set(shown["counts"].values()) == {0}


def create(campaigns: Campaigns, key: str | None, **changes: Any) -> dict[str, Any]:
    shown: dict[str, Any] = campaigns.do("create", {**DATA, **changes}, key)
    return shown


def test_a_repeated_request_gets_the_first_answer(campaigns: Campaigns) -> None:
    first = create(campaigns, "k1")
    assert create(campaigns, "k1") == first
    assert len(campaigns.sql("SELECT id FROM campaigns")) == 1
    with pytest.raises(Conflict) as refused:
        create(campaigns, "k1", name="other")
    assert refused.value.code == "idempotency_key_reused"


def test_a_campaign_cannot_be_due_in_the_past(campaigns: Campaigns) -> None:
    for attempt in (
        lambda: create(campaigns, None, scheduled_at=PAST),
        lambda: campaigns.do("schedule", campaigns.draft(), PAST),
        lambda: campaigns.do("update", campaigns.draft(), {"scheduled_at": PAST}, None),
    ):
        with pytest.raises(InvalidFields) as refused:
            attempt()
        assert refused.value.errors[0]["code"] == "in_the_past"


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("update", ({}, None)),
        ("delete", ()),
        ("schedule", (FUTURE,)),
        ("unschedule", ()),
        ("start", ()),
        ("pause", ()),
        ("resume", ()),
        ("cancel", ()),
    ],
)
def test_another_accounts_campaign_is_not_there(
    campaigns: Campaigns, command: str, arguments: tuple[Any, ...]
) -> None:
    mine = campaigns.draft()
    for campaign_id in (mine, 10**30, 0, -1):
        with campaigns.db.transaction() as session, pytest.raises(UnknownCampaign):
            getattr(use_cases, command)(session, ACCOUNT + 1, campaign_id, *arguments)
    with campaigns.db.transaction() as session, pytest.raises(UnknownCampaign):
        queries.get(session, ACCOUNT + 1, mine)
    assert campaigns.get(mine)["version"] == 1


def test_a_change_needs_the_version_it_was_made_from(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft()
    assert campaigns.do("update", campaign_id, {"name": "Θέρος"}, 1)["version"] == 2
    with pytest.raises(CampaignChanged) as refused:
        campaigns.do("update", campaign_id, {"name": "Χειμώνας"}, 1)
    assert refused.value.code == "version_mismatch"
    assert campaigns.get(campaign_id)["name"] == "Θέρος"


def test_a_change_is_checked_together_with_what_stays(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft(text="Γεια 😀")
    with pytest.raises(InvalidFields) as refused:
        campaigns.do("update", campaign_id, {"encoding": "gsm"}, None)
    assert refused.value.errors[0]["pointer"] == "/text"


def test_a_scheduled_campaign_may_be_changed_but_keeps_a_time(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft()
    campaigns.do("schedule", campaign_id, FUTURE)
    assert campaigns.do("update", campaign_id, {"text": "Καλημέρα"}, None)["state"] == "scheduled"
    with pytest.raises(InvalidFields):
        campaigns.do("update", campaign_id, {"scheduled_at": None}, None)


def test_a_campaign_taken_off_the_schedule_is_a_draft_that_no_clock_starts(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft()
    campaigns.do("schedule", campaign_id, FUTURE)
    campaigns.sql("UPDATE campaigns SET scheduled_at = now() WHERE id = %s", campaign_id)
    draft = campaigns.do("unschedule", campaign_id)
    assert (draft["state"], draft["scheduled_at"], draft["version"]) == ("draft", None, 3)
    assert campaigns.do("unschedule", campaign_id)["version"] == 3
    with campaigns.db.transaction() as session:
        assert use_cases.start_one_due(session) is None
    campaigns.do("start", campaign_id)
    with pytest.raises(WrongState):
        campaigns.do("unschedule", campaign_id)


def test_a_campaign_that_runs_cannot_be_changed_or_deleted(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft()
    campaigns.do("start", campaign_id)
    refused: list[tuple[str, tuple[Any, ...]]] = [
        ("update", ({}, None)),
        ("delete", ()),
        ("start", ()),
        ("schedule", (FUTURE,)),
    ]
    for command, arguments in refused:
        with pytest.raises(WrongState):
            campaigns.do(command, campaign_id, *arguments)


def test_a_start_repeated_under_its_key_is_no_error(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft()
    campaigns.do("start", campaign_id, "key")
    campaigns.do("start", campaign_id, "key")
    assert campaigns.get(campaign_id)["version"] == 2


def test_a_deleted_draft_is_gone(campaigns: Campaigns) -> None:
    campaign_id = campaigns.draft()
    campaigns.do("delete", campaign_id)
    with pytest.raises(UnknownCampaign):
        campaigns.get(campaign_id)


def test_lists_go_from_new_to_old_by_pages_and_state(campaigns: Campaigns) -> None:
    ids = [campaigns.draft() for _ in range(5)]
    campaigns.do("schedule", ids[2], FUTURE)

    def page(state: str | None = None, cursor: str | None = None, limit: int = 2) -> dict[str, Any]:
        with campaigns.db.transaction() as session:
            return queries.list_campaigns(session, ACCOUNT, state, cursor, limit)

    seen, cursor = [], None
    while True:
        found = page(cursor=cursor)
        seen += [one["id"] for one in found["data"]]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert seen == ids[::-1]
    assert [one["id"] for one in page("scheduled")["data"]] == [ids[2]]
    with pytest.raises(BadCursor):
        page(cursor="x'; --")
    with pytest.raises(InvalidFields):
        page("asleep")
    with pytest.raises(InvalidFields):
        page(limit=0)
