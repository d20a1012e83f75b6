"""Snapshots: who is in, who is out, and how it is counted."""

from __future__ import annotations

from typing import Any

import pytest

from servicekit.database import Database
from services.contacts import schemas
from services.contacts.errors import InvalidFields, SnapshotNotReady, UnknownGroup, UnknownSnapshot
from services.contacts.queries import audiences as read
from services.contacts.use_cases import audiences, contacts, filters, groups, suppressions
from tests.integration.contacts.support import call, fetch, freeze, new_contact, new_group, told

pytestmark = pytest.mark.integration


def members(db: Database, account_id: int, snapshot_id: int) -> list[str]:
    """The numbers of a snapshot in order."""
    page = call(db, read.audience_page, account_id, snapshot_id, 0, 2_000)["members"]
    assert [member[0] for member in page] == list(range(1, len(page) + 1))
    return [member[1] for member in page]


def test_everybody_is_in_once_less_the_excluded_and_the_blacklisted(db: Database, account_id: int) -> None:
    ids = [new_contact(db, account_id, f"697000000{n}") for n in range(6)]
    first = new_group(db, account_id, "a", ids[:4])
    second = new_group(db, account_id, "b", ids[2:5])
    minus = new_group(db, account_id, "c", [ids[0]])
    call(db, suppressions.suppress, account_id, ["6970000001"], "", "api")
    audience = {
        "group_ids": [first, second],
        "minus_group_ids": [minus],
        "contact_ids": [ids[4]],
        "numbers": ["6970000003", "697 999 9999", "697 999 9999"],
    }

    snapshot_id = freeze(db, account_id, 1, audience)

    # 4 + 3 memberships, 1 contact, 3 numbers: 11, less 1 excluded = 10 candidates for 5 distinct numbers.
    assert members(db, account_id, snapshot_id) == [f"306970000{n}" for n in ("002", "003", "004")] + [
        "306979999999"
    ]
    (event,) = told(db, account_id, "contacts.audience_frozen")
    assert event == {
        "snapshot_id": snapshot_id,
        "campaign_id": 1,
        "account_id": account_id,
        "recipients": 4,
        "duplicates": 5,
        "suppressed": 1,
        "failed": None,
    }
    estimate = call(db, audiences.audience_estimate, account_id, audience, 2)
    assert [estimate[name] for name in ("recipients", "duplicates", "suppressed")] == [4, 5, 1]
    assert [member[1] for member in estimate["members"]] == ["306970000002", "306970000003"]
    assert estimate["by_prefix"] == {"306970": 3, "306979": 1}
    assert (estimate["estimated"], estimate["margin"]) == (False, 0.0)


def test_a_large_audience_is_told_from_some_of_its_contacts_and_says_how_far_it_may_be_off(
    db: Database, account_id: int, other_account_id: int
) -> None:
    first, second, minus = (new_group(db, account_id, name, []) for name in ("a", "b", "c"))
    people = "INSERT INTO contacts (account_id) SELECT %s FROM generate_series(1, 24000) RETURNING id"
    ids = [one for (one,) in fetch(db, people, account_id)]
    new_contact(db, other_account_id, "6900000001")
    for statement, arguments in (
        ("INSERT INTO phones SELECT %s, 306970000000 + id, id, true FROM unnest(%s::bigint[]) id", (account_id, ids)),
        ("INSERT INTO group_members SELECT %s, unnest(%s::bigint[])", (first, ids)),
        ("INSERT INTO group_members SELECT %s, unnest(%s::bigint[])", (second, ids[::4])),
        ("INSERT INTO group_members SELECT %s, unnest(%s::bigint[])", (minus, ids[1::12])),
        ("DELETE FROM phones WHERE contact_id = ANY(%s)", (ids[3::24],)),
    ):  # fmt: skip
        fetch(db, f"WITH done AS ({statement} RETURNING 1) SELECT count(*) FROM done", *arguments)
    call(db, suppressions.suppress, account_id, [str(306970000000 + one) for one in ids[2::24]], "", "api")
    audience = {"group_ids": [first, second], "minus_group_ids": [minus], "numbers": ["6900000001"]}

    exact = call(db, _estimate_at, account_id, audience, 100_000)
    told = call(db, _estimate_at, account_id, audience, 20_000)

    # 24,000 members less 2,000 excluded, 1,000 without a number and 1,000 blacklisted; one number beside them.
    assert (exact["recipients"], exact["duplicates"], exact["suppressed"]) == (20_001, 6_000, 1_000)
    assert (exact["estimated"], told["estimated"]) == (False, True)
    assert 0 < told["margin"] < 0.02
    assert abs(told["recipients"] / exact["recipients"] - 1) < 1.6 * told["margin"]  # 998 times of 1,000
    assert abs(told["duplicates"] / 6_000 - 1) < 0.1
    assert 2_500 < len(told["members"]) < 5_500
    chosen = {int(member[1]) - 306970000000 for member in told["members"]}
    assert chosen <= {*ids} - {*ids[1::12], *ids[2::24], *ids[3::24]} | {-70000000 + 1}
    assert len([one for one in chosen if one > ids[12_000]]) > len(chosen) / 3  # not the first ones
    assert call(db, _estimate_at, account_id, audience, 20_000) == told


def _estimate_at(session: Any, account_id: int, audience: Any, exact: int) -> Any:
    wanted = schemas.load_audience(audience)[0]
    return read.estimate(session, account_id, wanted, 20_000, exact)


def test_a_contact_is_sent_to_its_primary_number(db: Database, account_id: int) -> None:
    numbers = [{"number": "6970000001"}, {"number": "6970000002", "primary": True}]
    contact_id = call(db, contacts.create_contact, account_id, {"numbers": numbers}, None)["id"]

    assert members(db, account_id, freeze(db, account_id, 1, {"contact_ids": [contact_id]})) == [
        "306970000002"
    ]
    assert members(db, account_id, freeze(db, account_id, 2, {"numbers": ["6970000001"]})) == ["306970000001"]


def test_a_number_of_an_excluded_contact_is_excluded_however_it_is_named(
    db: Database, account_id: int
) -> None:
    minus = new_group(db, account_id, "no", [new_contact(db, account_id, "6970000001", "6970000002")])
    audience = {"numbers": ["6970000002", "6970000003"], "minus_group_ids": [minus]}

    assert members(db, account_id, freeze(db, account_id, 1, audience)) == ["306970000003"]


def test_all_means_everyone_of_this_account(db: Database, account_id: int, other_account_id: int) -> None:
    new_contact(db, account_id, "6970000001", "6970000002")
    new_contact(db, other_account_id, "6970000009")

    assert members(db, account_id, freeze(db, account_id, 1, {"all": True})) == ["306970000001"]


def test_fields_and_a_token_of_its_own_travel_with_each_member(db: Database, account_id: int) -> None:
    contact_id = new_contact(
        db, account_id, "6970000001", title="κ.", first_name="Άννα", last_name="Π", email="a@b.gr", custom1="1",
        custom2="2", custom3="3", custom4="4", vocative="Άννα μου", note="secret",
    )  # fmt: skip
    snapshot_id = freeze(db, account_id, 1, {"contact_ids": [contact_id], "numbers": ["6970000002"]})

    known, unknown = call(db, read.audience_page, account_id, snapshot_id, 0, 10)["members"]

    assert known[3] == ["κ.", "Άννα", "Π", "a@b.gr", "1", "2", "3", "4", "Άννα μου"]
    assert unknown[3] == [""] * 9
    assert len(known[2]) == len(unknown[2]) == 11
    assert known[2] != unknown[2]


def test_a_snapshot_does_not_change_with_its_contacts(db: Database, account_id: int) -> None:
    contact_id = new_contact(db, account_id, "6970000001", first_name="Άννα")
    snapshot_id = freeze(db, account_id, 1, {"all": True})
    call(db, contacts.delete_contact, account_id, contact_id)

    (member,) = call(db, read.audience_page, account_id, snapshot_id, 0, 10)["members"]
    assert (member[1], member[3][1]) == ("306970000001", "Άννα")


def test_the_same_campaign_gets_the_same_snapshot_told_once(db: Database, account_id: int) -> None:
    first = freeze(db, account_id, 1, {"numbers": ["6970000001"]})
    tokens = call(db, read.audience_page, account_id, first, 0, 10)

    assert freeze(db, account_id, 1, {"numbers": ["6970000001", "6970000002"]}) == first
    assert call(db, read.audience_page, account_id, first, 0, 10) == tokens
    assert len(told(db, account_id, "contacts.audience_frozen")) == 1


def test_a_saved_filter_of_a_group_that_is_no_more_is_refused_by_name(db: Database, account_id: int) -> None:
    group_id = new_group(db, account_id)
    saved = {"name": "Καλοί πελάτες", "filter": {"group_id": group_id}}
    filter_id = call(db, filters.create_filter, account_id, saved, None)["id"]
    asked = call(db, audiences.freeze_audience, account_id, 1, {"filter_ids": [filter_id]})["snapshot_id"]
    call(db, groups.delete_group, account_id, group_id)

    for ask in (
        lambda: call(db, audiences.freeze_audience, account_id, 2, {"filter_ids": [filter_id]}),
        lambda: call(db, audiences.audience_estimate, account_id, {"filter_ids": [filter_id]}, 10),
    ):
        with pytest.raises(UnknownGroup, match="Καλοί πελάτες"):
            ask()
    freeze(db, account_id, 3, {"numbers": []})

    found = call(db, read.snapshot, account_id, asked)
    assert found["state"] == "failed"
    assert told(db, account_id, "contacts.audience_frozen")[0]["failed"] == "unknown_group"


def test_an_empty_audience_is_a_snapshot_of_nobody(db: Database, account_id: int) -> None:
    snapshot_id = freeze(db, account_id, 1, {"group_ids": [new_group(db, account_id)]})

    assert members(db, account_id, snapshot_id) == []
    assert told(db, account_id, "contacts.audience_frozen")[0]["recipients"] == 0


def test_pages_follow_each_other_without_gap(db: Database, account_id: int) -> None:
    numbers = [str(6_970_000_000 + n) for n in range(25)]
    snapshot_id = freeze(db, account_id, 1, {"numbers": numbers})
    seen, after = [], 0
    while page := call(db, read.audience_page, account_id, snapshot_id, after, 10)["members"]:
        seen += [member[1] for member in page]
        after = page[-1][0]

    assert seen == [f"30{number}" for number in numbers]


def test_a_page_of_an_unfinished_snapshot_is_refused(db: Database, account_id: int) -> None:
    snapshot_id = call(db, audiences.freeze_audience, account_id, 1, {"all": True})["snapshot_id"]

    assert call(db, read.snapshot, account_id, snapshot_id)["state"] == "freezing"
    with pytest.raises(SnapshotNotReady):
        call(db, read.audience_page, account_id, snapshot_id, 0, 10)


def test_another_accounts_groups_and_snapshots_are_unknown(
    db: Database, account_id: int, other_account_id: int
) -> None:
    theirs = new_contact(db, other_account_id, "6970000001")
    group_id = new_group(db, other_account_id, contact_ids=[theirs])
    snapshot_id = freeze(db, other_account_id, 1, {"all": True})

    for audience in ({"group_ids": [group_id]}, {"minus_group_ids": [group_id]}):
        with pytest.raises(UnknownGroup):
            call(db, audiences.freeze_audience, account_id, 1, audience)
    with pytest.raises(UnknownSnapshot):
        call(db, read.snapshot, account_id, snapshot_id)
    with pytest.raises(UnknownSnapshot):
        call(db, read.audience_page, account_id, snapshot_id, 0, 10)
    assert members(db, account_id, freeze(db, account_id, 1, {"contact_ids": [theirs]})) == []


@pytest.mark.parametrize(
    "audience", [{"numbers": ["x"]}, {"group_ids": ["1"]}, {"everyone": True}, [], None, {"contact_ids": [0]}]
)
def test_an_audience_that_is_not_one_is_refused(db: Database, account_id: int, audience: object) -> None:
    with pytest.raises(InvalidFields):
        call(db, audiences.freeze_audience, account_id, 1, audience)


def test_a_page_is_read_by_its_index(db: Database, account_id: int) -> None:
    snapshot_id = freeze(db, account_id, 1, {"numbers": [str(6_970_000_000 + n) for n in range(5_000)]})
    params = f"snapshot_id = {snapshot_id} AND ordinal > 2000 AND ordinal <= 2500 ORDER BY ordinal"

    plan = fetch(db, f"EXPLAIN SELECT ordinal, msisdn, fields FROM snapshot_members WHERE {params}")

    assert "snapshot_members_pkey" in str(plan)
