"""Groups, and one action on many contacts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from servicekit.database import Database
from services.contacts.errors import (
    FilterNameTaken,
    GroupNameTaken,
    UnknownContact,
    UnknownGroup,
    VersionMismatch,
)
from services.contacts.queries import contacts as read
from services.contacts.use_cases import bulk, filters, groups
from tests.integration.contacts.support import call, fetch, new_contact, new_group
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


def members(db: Database, account_id: int, group_id: int) -> int:
    """How many contacts the group says it has."""
    return int(call(db, read.get_group, account_id, group_id)["members"])


def test_a_name_is_taken_whatever_its_case_and_accents(
    db: Database, account_id: int, other_account_id: int
) -> None:
    new_group(db, account_id, "Πελάτες Αθήνας")
    new_group(db, other_account_id, "Πελάτες Αθήνας")

    with pytest.raises(GroupNameTaken):
        new_group(db, account_id, "ΠΕΛΑΤΕΣ ΑΘΗΝΑΣ")


@pytest.mark.parametrize("kind", ["group", "filter"])
def test_of_two_that_are_given_one_name_at_once_one_is_refused(
    db: Database, account_id: int, kind: str
) -> None:
    make, rename, refusal = {
        "group": (groups.create_group, groups.update_group, GroupNameTaken),
        "filter": (filters.create_filter, filters.update_filter, FilterNameTaken),
    }[kind]
    content = {"filter": {}} if kind == "filter" else {}
    first, second = (call(db, make, account_id, {"name": name, **content}, None)["id"] for name in ("a", "b"))
    with ThreadPoolExecutor(1) as aside:
        with db.transaction() as session:
            rename(session, account_id, first, {"name": "Αθήνα"}, None)
            other = aside.submit(call, db, rename, account_id, second, {"name": "ΑΘΗΝΑ"}, None)
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
            eventually(lambda: other.done() or fetch(db, waiting), what="the other one waits")
        with pytest.raises(refusal):
            other.result(30)


def test_a_group_can_be_renamed_by_who_knows_its_version(db: Database, account_id: int) -> None:
    group_id = new_group(db, account_id, "a")
    new_group(db, account_id, "b")

    changed = call(db, groups.update_group, account_id, group_id, {"name": "A", "description": "d"}, 1)

    assert (changed["name"], changed["description"], changed["version"]) == ("A", "d", 2)
    with pytest.raises(VersionMismatch):
        call(db, groups.update_group, account_id, group_id, {"name": "c"}, 1)
    with pytest.raises(GroupNameTaken):
        call(db, groups.update_group, account_id, group_id, {"name": "B"}, None)


def test_members_are_counted_once(db: Database, account_id: int) -> None:
    ids = [new_contact(db, account_id, f"697123456{n}") for n in range(3)]
    group_id = new_group(db, account_id)

    assert call(db, groups.add_members, account_id, group_id, ids) == {"changed": 3}
    assert call(db, groups.add_members, account_id, group_id, ids) == {"changed": 0}
    assert call(db, groups.remove_members, account_id, group_id, [ids[0]]) == {"changed": 1}
    assert members(db, account_id, group_id) == 2


def test_contacts_of_another_account_never_join(db: Database, account_id: int, other_account_id: int) -> None:
    theirs = new_contact(db, other_account_id, "6971234567")
    group_id = new_group(db, account_id)

    with pytest.raises(UnknownContact):
        call(db, groups.add_members, account_id, group_id, [theirs])
    by_id = {"ids": [theirs]}
    assert call(db, bulk.bulk, account_id, "add_to_groups", by_id, {"group_ids": [group_id]})["matched"] == 0
    assert members(db, account_id, group_id) == 0


def test_a_deleted_group_leaves_its_contacts(db: Database, account_id: int) -> None:
    contact_id = new_contact(db, account_id, "6971234567")
    group_id = new_group(db, account_id, contact_ids=[contact_id])

    call(db, groups.delete_group, account_id, group_id)

    assert call(db, read.get_contact, account_id, contact_id)["group_ids"] == []
    with pytest.raises(UnknownGroup):
        call(db, read.get_group, account_id, group_id)
