"""A merge is undone: everybody is as before, but for what others have changed since."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from servicekit.database import Database
from services.contacts.errors import NotUndoable, UnknownMerge, VersionMismatch
from services.contacts.queries import contacts as read
from services.contacts.queries import merges
from services.contacts.use_cases import audit, contacts, erasing, gdpr, groups, merging, trash, unmerging
from tests.integration.contacts.support import call, fetch, new_contact, new_group
from tests.support.dataplane import SECRET

pytestmark = pytest.mark.integration

SHOWN = ("first_name", "last_name", "email", "note", "numbers", "group_ids", "created_at")


def seen(db: Database, account_id: int, *ids: int) -> list[dict[str, Any]]:
    """What people see of these contacts."""
    found = (call(db, read.get_contact, account_id, one) for one in ids)
    return [{name: one[name] for name in SHOWN} for one in found]


def duplicates(db: Database, account_id: int) -> list[int]:
    """Three contacts about one person, with groups of their own and one in common."""
    first = new_contact(db, account_id, "6971234501", first_name="Άννα", note="a")
    second = new_contact(db, account_id, "6971234502", "6971234599", first_name="Anna", note="b")
    third = new_contact(db, account_id, "6971234503", last_name="Ζήση", email="a@example.gr")
    new_group(db, account_id, "all", [first, second, third])
    new_group(db, account_id, "second", [second])
    new_group(db, account_id, "third", [third])
    return [first, second, third]


def merge(db: Database, account_id: int, kept: int, *others: int) -> int:
    """The id of a merge."""
    return int(call(db, merging.merge, account_id, kept, list(others))["merge_id"])


def refusal(db: Database, account_id: int, merge_id: int, version: int | None = None) -> str:
    """The code with which undoing is refused."""
    with pytest.raises(NotUndoable) as refused:
        call(db, unmerging.undo, account_id, merge_id, version)
    return refused.value.code


def test_everybody_is_as_before_the_merge(db: Database, account_id: int) -> None:
    ids = duplicates(db, account_id)
    before = seen(db, account_id, *ids)
    merge_id = merge(db, account_id, *ids)
    assert call(db, merges.get_merge, account_id, merge_id)["undoable"]

    undone = call(db, unmerging.undo, account_id, merge_id)

    assert seen(db, account_id, *ids) == before
    assert (undone["why"], undone["not_restored"], undone["merged"]) == ("undone", [], ids[1:])
    assert fetch(db, "SELECT count(*) FROM trash WHERE account_id = %s", account_id) == [(0,)]
    entries = call(db, audit.list_audit, account_id, {"object": f"contact:{ids[0]}"}, None, 10)["data"]
    assert entries[0]["action"] == "contact.unmerged"


def test_asked_twice_by_two_replicas_at_once_it_happens_once(db: Database, account_id: int) -> None:
    ids = duplicates(db, account_id)
    merge_id = merge(db, account_id, *ids)

    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda _: call(db, unmerging.undo, account_id, merge_id), range(4), timeout=30)
        )

    assert all(answer == answers[0] for answer in answers)
    wanted = {"action": "contact.unmerged"}
    assert len(call(db, audit.list_audit, account_id, wanted, None, 10)["data"]) == 1


def test_merges_are_undone_one_after_the_other_the_last_one_first(db: Database, account_id: int) -> None:
    first, second, third = duplicates(db, account_id)
    before = seen(db, account_id, first, second, third)
    inner, again = merge(db, account_id, second, third), merge(db, account_id, first, second)

    assert refusal(db, account_id, inner) == "not_undoable_contact_gone"
    call(db, unmerging.undo, account_id, again)
    call(db, unmerging.undo, account_id, inner)
    assert seen(db, account_id, first, second, third) == before

    one, other = merge(db, account_id, first, second), merge(db, account_id, first, third)
    assert refusal(db, account_id, one) == "not_undoable_changed"
    call(db, unmerging.undo, account_id, other)
    call(db, unmerging.undo, account_id, one)
    assert seen(db, account_id, first, second, third) == before


def test_a_contact_deleted_and_restored_can_still_be_taken_apart(db: Database, account_id: int) -> None:
    ids = duplicates(db, account_id)
    before = seen(db, account_id, *ids)
    merge_id = merge(db, account_id, *ids)
    call(db, contacts.delete_contact, account_id, ids[0])
    assert refusal(db, account_id, merge_id) == "not_undoable_contact_gone"
    call(db, trash.restore, account_id, ids[0])

    call(db, unmerging.undo, account_id, merge_id)

    assert seen(db, account_id, *ids) == before


def test_what_others_changed_since_is_kept_and_named(db: Database, account_id: int) -> None:
    first, second, third = duplicates(db, account_id)
    merge_id = merge(db, account_id, first, second, third)
    changes = {
        "email": "new@example.gr",
        "numbers": [{"number": one} for one in ("6971234501", "6971234503", "6971234599")],
    }
    version = call(db, contacts.update_contact, account_id, first, changes, None)["version"]
    thief = new_contact(db, account_id, "6971234502")
    gone = call(db, read.get_contact, account_id, first)["group_ids"][-1]
    call(db, groups.delete_group, account_id, gone)

    assert refusal(db, account_id, merge_id) == "not_undoable_changed"
    with pytest.raises(VersionMismatch):
        call(db, unmerging.undo, account_id, merge_id, version - 1)
    left = call(db, unmerging.undo, account_id, merge_id, version)["not_restored"]

    assert left == [
        {"contact_id": second, "code": "number_taken", "taken_by": thief},
        {"contact_id": third, "code": "group_deleted", "group_id": gone},
        {"contact_id": first, "code": "field_changed", "field": "email"},
    ]
    kept, back, other = seen(db, account_id, first, second, third)
    assert (kept["email"], kept["last_name"], kept["note"]) == ("new@example.gr", "", "a")
    assert [one["number"] for one in kept["numbers"]] == ["306971234501"]
    assert [(one["number"], one["primary"]) for one in back["numbers"]] == [("306971234599", True)]
    assert (other["last_name"], other["email"]) == ("Ζήση", "a@example.gr")


def test_a_merge_stays_when_nobody_could_come_back_or_somebody_would_be_left_without_a_number(
    db: Database, account_id: int
) -> None:
    kept, other = new_contact(db, account_id, "6971234501"), new_contact(db, account_id, "6971234502")
    merge_id = merge(db, account_id, kept, other)

    changes = {"numbers": [{"number": "6971234502"}]}
    version = call(db, contacts.update_contact, account_id, kept, changes, None)["version"]
    assert refusal(db, account_id, merge_id, version) == "not_undoable_no_number"
    changes = {"numbers": [{"number": "6971234501"}]}
    version = call(db, contacts.update_contact, account_id, kept, changes, None)["version"]
    new_contact(db, account_id, "6971234502")

    assert refusal(db, account_id, merge_id, version) == "not_undoable_nothing_left"
    assert call(db, merges.get_merge, account_id, merge_id)["undone_at"] is None


def test_after_its_time_it_cannot_be_undone_any_more(db: Database, account_id: int) -> None:
    merge_id = merge(db, account_id, *duplicates(db, account_id))
    fetch(db, "UPDATE merges SET undo_until = now() WHERE id = %s RETURNING 1", merge_id)

    assert refusal(db, account_id, merge_id) == "not_undoable_too_late"


def test_a_merge_is_its_accounts(db: Database, account_id: int, other_account_id: int) -> None:
    merge_id = merge(db, account_id, *duplicates(db, account_id))

    for asked in (merge_id, -1, 2**63):
        with pytest.raises(UnknownMerge):
            call(db, unmerging.undo, other_account_id, asked)
        with pytest.raises(UnknownMerge):
            call(db, merges.get_merge, other_account_id, asked)
    assert call(db, merges.list_merges, other_account_id, None, 10)["data"] == []
    assert [one["id"] for one in call(db, merges.list_merges, account_id, None, 10)["data"]] == [merge_id]


def test_erasing_a_number_erases_what_was_merged_into_its_contact_too(
    db: Database, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERYX_SECRET_KEY", SECRET)  # of the pseudonym that is kept
    first, second, third = duplicates(db, account_id)
    merge(db, account_id, first, second, third)
    changes = {"numbers": [{"number": "6971234501"}]}
    call(db, contacts.update_contact, account_id, first, changes, None)

    call(db, erasing.erase, account_id, "6971234501")

    assert fetch(db, "SELECT count(*) FROM trash WHERE account_id = %s", account_id) == [(0,)]
    for number in ("6971234501", "6971234502", "6971234503"):
        assert not call(db, gdpr.about, account_id, number)["known"]
