"""Counts in the database: chunks and campaigns, sent and finished, in any order and at the same time."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from contracts.events import ChunkProgress
from services.campaigns import progress
from services.campaigns.domain import hold_of_chunk
from tests.integration.campaigns.support import ACCOUNT, Campaigns

pytestmark = pytest.mark.integration


def told(campaign_id: int, chunk_id: int, **changes: Any) -> ChunkProgress:
    return ChunkProgress(hold_of_chunk(chunk_id), ACCOUNT, campaign_id, **changes)


def record(campaigns: Campaigns, *entries: ChunkProgress) -> None:
    campaigns.counting(progress.record, entries)


def chunk_states(campaigns: Campaigns) -> list[tuple[Any, ...]]:
    return campaigns.sql("SELECT accepted, left_count, state FROM chunks ORDER BY id")


def test_a_campaign_goes_from_sent_to_finished(campaigns: Campaigns) -> None:
    campaign_id, [one, two] = campaigns.expanded(2, 1)
    record(campaigns, told(campaign_id, one, accepted=2), told(campaign_id, two, accepted=1))
    record(campaigns, told(campaign_id, one, submitted=2, left=2))
    assert chunk_states(campaigns) == [(2, 2, "finished"), (1, 0, "queued")]
    assert campaigns.get(campaign_id)["sent_at"] is None
    record(campaigns, told(campaign_id, two, left=1, finals={"rejected": 1}))
    shown = campaigns.get(campaign_id)
    assert shown["sent_at"]
    assert (shown["state"], shown["phase"]) == ("running", "sending")
    record(campaigns, told(campaign_id, one, finals={"delivered": 1, "uncertain": 1}))
    done = campaigns.get(campaign_id)
    assert (done["state"], done["phase"]) == ("finished", None)
    assert done["version"] == shown["version"] + 1
    assert done["counts"] == {
        "recipients": 3, "accepted": 3, "submitted": 2, "delivered": 1, "undelivered": 0, "expired": 0,
        "rejected": 1, "blocked": 0, "cancelled": 0, "uncertain": 1,
    }  # fmt: skip
    assert done["progress"] == {"expanded": 3, "left": 3, "total": 3}


def test_a_proof_moves_the_counts_of_a_finished_campaign_and_nothing_else(campaigns: Campaigns) -> None:
    campaign_id, [chunk_id] = campaigns.expanded(1)
    record(campaigns, told(campaign_id, chunk_id, accepted=1, left=1, finals={"uncertain": 1}))
    before = campaigns.get(campaign_id)
    record(campaigns, told(campaign_id, chunk_id, finals={"uncertain": -1, "delivered": 1}))
    after = campaigns.get(campaign_id)
    assert (after["counts"]["uncertain"], after["counts"]["delivered"]) == (0, 1)
    assert {name: after[name] for name in after if name != "counts"} == {
        name: before[name] for name in before if name != "counts"
    }


def test_entries_of_others_are_left_out(campaigns: Campaigns) -> None:
    campaign_id, [chunk_id] = campaigns.expanded(1)
    record(
        campaigns,
        ChunkProgress("m77", ACCOUNT, None, accepted=1, left=1),
        ChunkProgress("c999999", ACCOUNT, campaign_id, accepted=1, left=1),
        ChunkProgress(hold_of_chunk(chunk_id), ACCOUNT, None, accepted=1),
    )
    assert chunk_states(campaigns) == [(0, 0, "queued")]
    assert campaigns.get(campaign_id)["counts"]["accepted"] == 0


def test_one_event_may_tell_of_several_campaigns(campaigns: Campaigns) -> None:
    first, [a] = campaigns.expanded(1)
    second, [b] = campaigns.expanded(1)
    whole = {"accepted": 1, "submitted": 1, "left": 1, "finals": {"delivered": 1}}
    record(campaigns, told(first, a, **whole), told(second, b, **whole))
    assert {campaigns.get(one)["state"] for one in (first, second)} == {"finished"}


def test_nothing_is_finished_before_expanding_is_over(campaigns: Campaigns) -> None:
    campaign_id = campaigns.expanding(2)
    chunk_id = campaigns.chunk(campaign_id, 1, 1)
    record(campaigns, told(campaign_id, chunk_id, accepted=1, left=1, finals={"delivered": 1}))
    assert campaigns.get(campaign_id)["state"] == "running"
    campaigns.counting(progress.reject_unsendable, campaign_id, 1)
    campaigns.sql("UPDATE campaigns SET cursor = 2 WHERE id = %s", campaign_id)
    campaigns.counting(progress.finish_expanding, campaign_id)
    shown = campaigns.get(campaign_id)
    assert (shown["state"], shown["counts"]["rejected"]) == ("finished", 1)


def test_a_campaign_may_finish_while_it_is_paused(campaigns: Campaigns) -> None:
    campaign_id, [chunk_id] = campaigns.expanded(1)
    record(campaigns, told(campaign_id, chunk_id, accepted=1, submitted=1, left=1))
    campaigns.do("pause", campaign_id)
    record(campaigns, told(campaign_id, chunk_id, finals={"delivered": 1}))
    shown = campaigns.get(campaign_id)
    assert (shown["state"], shown["pause_reason"]) == ("finished", None)


def test_a_cancelled_campaign_ends_when_what_was_expanded_is_final(campaigns: Campaigns) -> None:
    campaign_id = campaigns.expanding(10)
    queued = campaigns.chunk(campaign_id, 1, 2)
    prepared = campaigns.chunk(campaign_id, 3, 3, state="preparing")
    campaigns.do("cancel", campaign_id)
    whole = {"accepted": 2, "submitted": 1, "left": 2, "finals": {"delivered": 1, "cancelled": 1}}
    record(campaigns, told(campaign_id, queued, **whole))
    assert campaigns.get(campaign_id)["finished_at"] is None
    assert campaigns.counting(progress.drop_chunk, campaign_id, prepared)
    assert not campaigns.counting(progress.drop_chunk, campaign_id, prepared)
    assert not campaigns.counting(progress.drop_chunk, campaign_id, queued)
    shown = campaigns.get(campaign_id)
    assert shown["state"] == "cancelled"
    assert shown["finished_at"]
    assert campaigns.sql("SELECT unsent FROM campaigns") == [(8,)]


def entries_of_a_life(campaign_id: int, chunk_id: int, chance: random.Random) -> list[ChunkProgress]:
    """What the dispatcher tells of one message."""
    final = chance.choice(["delivered", "undelivered", "uncertain"])
    life = [
        told(campaign_id, chunk_id, accepted=1),
        told(campaign_id, chunk_id, submitted=1, left=1),
        told(campaign_id, chunk_id, finals={final: 1}),
    ]
    if final == "uncertain":
        life.append(told(campaign_id, chunk_id, finals={"uncertain": -1, "delivered": 1}))
    return life


def test_events_in_any_order_on_many_connections_give_the_same_counts(campaigns: Campaigns) -> None:
    chance = random.Random(5)
    sizes = [7, 5, 9]
    made = [campaigns.expanded(*sizes) for _ in range(3)]
    entries = [
        entry
        for campaign_id, chunk_ids in made
        for chunk_id, size in zip(chunk_ids, sizes, strict=True)
        for _ in range(size)
        for entry in entries_of_a_life(campaign_id, chunk_id, chance)
    ]
    chance.shuffle(entries)
    events = [entries[start : start + 6] for start in range(0, len(entries), 6)]

    def consume(mine: list[list[ChunkProgress]]) -> None:
        for event in mine:
            record(campaigns, *event)

    consumers = [threading.Thread(target=consume, args=(events[part::4],)) for part in range(4)]
    for one in consumers:
        one.start()
    for one in consumers:
        one.join(60)
    for campaign_id, _ in made:
        shown = campaigns.get(campaign_id)
        counts = shown["counts"]
        assert shown["state"] == "finished"
        assert (counts["accepted"], counts["submitted"], counts["uncertain"]) == (21, 21, 0)
        assert counts["delivered"] + counts["undelivered"] == 21
    assert {state for *_, state in chunk_states(campaigns)} == {"finished"}
