"""Bulk actions: on a selection, at once or as a job, resumed after a kill, undone."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import pytest

from contracts.errors import Conflict
from servicekit import context
from servicekit.database import Database
from services.contacts.errors import InvalidFields, NotUndoable, UnknownBulk
from services.contacts.jobs import bulking, housekeeping
from services.contacts.queries import bulk as bulk_read
from services.contacts.queries import contacts as read
from services.contacts.use_cases import audit, bulk, contacts, opt_outs, suppressions, trash
from tests.integration.contacts.support import call, fetch, new_contact, new_group, told
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

_blocks = itertools.count(1)


def many(db: Database, account_id: int, count: int) -> list[int]:
    """So many contacts with a number each."""
    first = 306_900_000_000 + next(_blocks) * 10_000
    sql = """WITH made AS (
            INSERT INTO contacts (account_id, first_name) SELECT %s, 'Α' || n FROM generate_series(1, %s) n RETURNING id
        ), phoned AS (
            INSERT INTO phones SELECT %s, %s + row_number() OVER (ORDER BY id), id, true FROM made
        ) SELECT id FROM made ORDER BY id"""
    return [found[0] for found in fetch(db, sql, account_id, count, account_id, first)]


def do(db: Database, account_id: int, action: str, selection: Any, **params: Any) -> dict[str, Any]:
    """Ask for a bulk action."""
    return dict(call(db, bulk.bulk, account_id, action, selection, params))


def undo(db: Database, account_id: int, job: dict[str, Any]) -> dict[str, Any]:
    """Ask for its undoing."""
    return dict(call(db, bulk.undo_bulk, account_id, job["id"]))


def work(db: Database, database_url: str, pages: int = 10**6) -> None:
    """What the worker does, for so many pages."""
    left = itertools.count(pages, -1)
    connection = psycopg2.connect(database_url)
    try:
        bulking.bulk_next(connection, "me", lambda: next(left) <= 0)
    finally:
        connection.close()


def job_of(db: Database, account_id: int, job: dict[str, Any]) -> dict[str, Any]:
    """As it is now."""
    return dict(call(db, bulk_read.get_bulk, account_id, job["id"]))


def state_of(db: Database, account_id: int) -> list[tuple[Any, ...]]:
    """Everything that bulk actions change, as far as clients see it."""
    sql = """SELECT c.id, c.first_name, c.note, array(SELECT (p.msisdn, p.is_primary)::text FROM phones p
            WHERE p.contact_id = c.id ORDER BY 1), array(SELECT m.group_id FROM group_members m
            WHERE m.contact_id = c.id ORDER BY 1), array(SELECT s.msisdn FROM suppressions s
            JOIN phones p USING (msisdn, account_id)
            WHERE p.contact_id = c.id AND s.active ORDER BY 1)
        FROM contacts c WHERE c.account_id = %s ORDER BY c.id"""
    return fetch(db, sql, account_id)


def test_an_action_takes_all_that_match_a_filter(db: Database, account_id: int) -> None:
    for number, city in (("6971234567", "Αθήνα"), ("6971234568", "Βόλος"), ("6971234569", "ΑΘΗΝΑ")):
        new_contact(db, account_id, number, custom1=city)
    group_id = new_group(db, account_id)

    job = do(db, account_id, "add_to_groups", {"filter": {"search": "αθηνα"}}, group_ids=[group_id])

    assert (job["state"], job["matched"], job["changed"], job["undoable"]) == ("done", 2, 2, True)
    assert call(db, read.get_group, account_id, group_id)["members"] == 2


@pytest.mark.parametrize(
    "action", ["add_to_groups", "remove_from_groups", "blacklist", "unblacklist", "delete"]
)
def test_each_action_is_undone_to_what_was_before(db: Database, account_id: int, action: str) -> None:
    ids = [new_contact(db, account_id, f"69712345{n}0", f"69712345{n}1", note=f"{n}") for n in range(4)]
    groups = [new_group(db, account_id, name, ids[:2]) for name in ("one", "two")]
    call(db, suppressions.suppress, account_id, ["6971234500", "6971234510"], "asked", "api")
    before = state_of(db, account_id)

    job = do(db, account_id, action, {"ids": ids}, group_ids=groups)
    assert state_of(db, account_id) != before
    undone = undo(db, account_id, job)

    assert state_of(db, account_id) == before
    assert (undone["state"], undone["kept"], undone["undoable"], undone["why"]) == (
        "undone",
        0,
        False,
        "undone",
    )
    assert undo(db, account_id, job) == undone
    assert fetch(
        db, "SELECT DISTINCT reason, source FROM suppressions WHERE account_id = %s AND active", account_id
    ) == [("asked", "api")]


def test_undoing_keeps_what_others_did_since(db: Database, account_id: int) -> None:
    ids = [new_contact(db, account_id, f"697123450{n}") for n in range(3)]
    job = do(db, account_id, "delete", {"ids": ids})
    again = new_contact(db, account_id, "6971234500", first_name="new")

    undone = undo(db, account_id, job)

    assert (undone["changed"], undone["kept"]) == (3, 1)
    assert [row[0] for row in state_of(db, account_id)] == sorted([*ids[1:], again])


def test_undoing_a_deletion_while_somebody_goes_for_good_leaves_no_number_of_nobody(
    db: Database, account_id: int, database_url: str
) -> None:
    ids = [new_contact(db, account_id, f"697123450{n}") for n in range(2)]
    job = do(db, account_id, "delete", {"ids": ids})
    purging = psycopg2.connect(database_url)
    purging.cursor().execute("DELETE FROM trash WHERE contact_id = %s", (ids[0],))
    with ThreadPoolExecutor(1) as aside:
        undoing = aside.submit(undo, db, account_id, job)
        eventually(
            lambda: fetch(db, "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
        )
        purging.commit()
        undoing.result(30)
    purging.close()

    owners = fetch(db, "SELECT DISTINCT contact_id FROM phones WHERE account_id = %s", account_id)
    assert owners == fetch(db, "SELECT id FROM contacts WHERE account_id = %s", account_id) == [(ids[1],)]


@pytest.mark.parametrize("asked", ["now()", "now() - interval '1 day'"])
def test_undoing_a_blacklisting_leaves_those_who_asked_themselves_alone(
    db: Database, account_id: int, asked: str
) -> None:
    """Also who asked before it, and was approved after it."""
    ids = [new_contact(db, account_id, f"697123450{n}") for n in range(2)]
    job = do(db, account_id, "blacklist", {"ids": ids})
    sql = f"""INSERT INTO opt_outs (account_id, msisdn, channel, state, automatic, decided_at, requested_at)
        VALUES (%s, 306971234500, 'keyword', 'approved', true, now(), {asked}) RETURNING 1"""
    fetch(db, sql, account_id)

    assert undo(db, account_id, job)["kept"] == 1
    assert [len(row[5]) for row in state_of(db, account_id)] == [1, 0]


def test_blacklisting_takes_over_what_its_owner_asked_for_and_its_undoing_gives_it_back(
    db: Database, account_id: int
) -> None:
    asked, new = (new_contact(db, account_id, f"697123450{n}") for n in range(2))
    call(db, opt_outs.request, account_id, 306971234500, "keyword", None, "ΣΤΟΠ")

    job = do(db, account_id, "blacklist", {"ids": [asked, new]}, reason="ours")

    assert job["changed"] == 2
    assert not call(db, opt_outs.agree, account_id, 306971234500, "ΝΑΙ", "message 5", None)
    assert undo(db, account_id, job)["kept"] == 0
    sql = "SELECT msisdn, reason, source FROM suppressions WHERE account_id = %s AND active"
    assert fetch(db, sql, account_id) == [(306971234500, "ΣΤΟΠ", "keyword")]
    assert call(db, opt_outs.agree, account_id, 306971234500, "ΝΑΙ", "message 6", None)


def test_who_asked_during_a_blacklisting_that_was_undone_may_take_it_back(
    db: Database, account_id: int
) -> None:
    contact_id = new_contact(db, account_id, "6971234500")
    job = do(db, account_id, "blacklist", {"ids": [contact_id]})
    call(db, opt_outs.request, account_id, 306971234500, "keyword", None, "ΣΤΟΠ")

    assert undo(db, account_id, job)["kept"] == 1

    assert call(db, opt_outs.agree, account_id, 306971234500, "ΝΑΙ", "message 5", None)
    assert [row[5] for row in state_of(db, account_id)] == [[]]


def test_blacklisting_takes_every_number_and_tells_the_dispatcher(db: Database, account_id: int) -> None:
    contact_id = new_contact(db, account_id, "6971234567", "6971234568")

    job = do(db, account_id, "blacklist", {"ids": [contact_id]}, reason="asked")
    undo(db, account_id, job)

    (put, lifted) = told(db, account_id, "contacts.suppression_changed")
    assert put["suppressed"] == lifted["lifted"] == ["306971234567", "306971234568"]


def test_a_large_one_is_a_job_that_goes_on_where_it_was_cut(
    db: Database, account_id: int, database_url: str
) -> None:
    ids = many(db, account_id, 5_000)
    group_id = new_group(db, account_id)
    context.enter(None, actor="key:4")
    job = do(db, account_id, "add_to_groups", {"filter": {}}, group_ids=[group_id])
    assert (job["state"], job["progress"]) == ("queued", {"done": 0, "total": 0})
    late = many(db, account_id, 1)

    work(db, database_url, pages=2)
    cut = job_of(db, account_id, job)
    assert (cut["state"], cut["progress"]) == ("running", {"done": 2_000, "total": 5_001})
    work(db, database_url)

    done = job_of(db, account_id, job)
    assert (done["state"], done["changed"], done["actor"]) == ("done", 5_001, "key:4")
    members = fetch(db, "SELECT contact_id FROM group_members WHERE group_id = %s ORDER BY 1", group_id)
    assert [row[0] for row in members] == ids + late
    assert undo(db, account_id, job)["state"] == "undoing"
    work(db, database_url, pages=1)
    assert job_of(db, account_id, job)["progress"] == {"done": 2_000, "total": 5_001}
    work(db, database_url)
    assert job_of(db, account_id, job)["state"] == "undone"
    assert fetch(db, "SELECT 1 FROM group_members WHERE group_id = %s", group_id) == []


def test_a_filter_that_its_own_action_changes_takes_everybody(
    db: Database, account_id: int, database_url: str
) -> None:
    group_id = new_group(db, account_id, contact_ids=many(db, account_id, 4_100))
    everyone_in_it = {"filter": {"group_id": group_id}}
    job = do(db, account_id, "remove_from_groups", everyone_in_it, group_ids=[group_id])

    work(db, database_url)

    assert job_of(db, account_id, job)["changed"] == 4_100
    assert fetch(db, "SELECT 1 FROM group_members WHERE group_id = %s", group_id) == []


def test_a_job_that_cannot_be_done_ends_with_its_reason(
    db: Database, account_id: int, database_url: str
) -> None:
    group_id = new_group(db, account_id, contact_ids=many(db, account_id, 1_001))
    job = do(db, account_id, "delete", {"filter": {"group_id": group_id}})
    fetch(db, "DELETE FROM groups WHERE id = %s RETURNING 1", group_id)

    work(db, database_url)

    failed = job_of(db, account_id, job)
    assert (failed["state"], failed["error"], failed["undoable"]) == ("failed", "unknown_group", False)


def test_what_cannot_be_undone_says_why(db: Database, account_id: int, other_account_id: int) -> None:
    contact_id = new_contact(db, account_id, "6971234567")
    nothing = do(db, account_id, "unblacklist", {"ids": [contact_id]})
    old = do(db, account_id, "blacklist", {"ids": [contact_id]})
    fetch(db, "UPDATE bulk_jobs SET undo_until = now() WHERE id = %s RETURNING 1", old["id"])

    for job, why in ((nothing, "nothing_changed"), (old, "too_late")):
        assert job_of(db, account_id, job)["why"] == why
        with pytest.raises(NotUndoable) as refusal:
            undo(db, account_id, job)
        assert refusal.value.code == f"not_undoable_{why}"
    with pytest.raises(UnknownBulk):
        undo(db, other_account_id, old)


def test_the_same_request_under_a_key_is_done_once(db: Database, account_id: int) -> None:
    new_contact(db, account_id, "6971234567")
    everyone: dict[str, Any] = {"filter": {}}
    first = call(db, bulk.bulk, account_id, "blacklist", everyone, None, "key")

    assert call(db, bulk.bulk, account_id, "blacklist", everyone, None, "key") == first
    with pytest.raises(Conflict):
        call(db, bulk.bulk, account_id, "delete", everyone, None, "key")


def test_a_deleted_contact_comes_back_whole_until_it_is_purged(
    db: Database, account_id: int, other_account_id: int, database_url: str
) -> None:
    group_id = new_group(db, account_id)
    made = [
        new_contact(db, account_id, f"697123450{n}", f"697123451{n}", first_name="Ζωή", group_ids=[group_id])
        for n in range(2)
    ]
    before = call(db, read.get_contact, account_id, made[0])
    for contact_id in made:
        call(db, contacts.delete_contact, account_id, contact_id)

    back = call(db, trash.restore, account_id, made[0])

    assert back | {"version": 1, "updated_at": None} == before | {"updated_at": None}
    fetch(
        db,
        "UPDATE trash SET deleted_at = now() - interval '8 days' WHERE account_id = %s RETURNING 1",
        account_id,
    )
    connection = psycopg2.connect(database_url)
    while housekeeping.purge_next(connection):
        pass
    connection.close()
    for account, contact_id in ((account_id, made[1]), (other_account_id, made[0])):
        with pytest.raises(Exception, match="unknown_contact"):
            call(db, trash.restore, account, contact_id)


def test_who_did_it_is_in_the_audit_and_cannot_be_changed(db: Database, account_id: int) -> None:
    context.enter(None, actor="key:9")
    contact_id = new_contact(db, account_id, "6971234567")
    job = do(db, account_id, "delete", {"ids": [contact_id]})

    page = call(db, audit.list_audit, account_id, {}, None, 10)["data"]

    assert [(one["actor"], one["action"], one["object"]) for one in page] == [
        ("key:9", "bulk.delete", f"bulk:{job['id']}"),
        ("key:9", "contact.created", f"contact:{contact_id}"),
    ]
    for change in ("UPDATE audit SET actor = 'x' RETURNING 1", "DELETE FROM audit RETURNING 1"):
        with pytest.raises(psycopg2.errors.RaiseException):
            fetch(db, change)


@pytest.mark.parametrize(
    ("action", "selection", "params"),
    [
        ("send", {"ids": [1]}, None),
        (None, {"ids": [1]}, None),
        ("delete", {}, None),
        ("delete", {"ids": [1], "filter": {}}, None),
        ("delete", {"ids": ["x"]}, None),
        ("add_to_groups", {"ids": [1]}, {}),
        ("delete", {"filter": {"search": 5}}, None),
        ("delete", "all", None),
    ],
)
def test_an_action_that_is_not_clear_is_refused(
    db: Database, account_id: int, action: Any, selection: Any, params: Any
) -> None:
    with pytest.raises(InvalidFields):
        call(db, bulk.bulk, account_id, action, selection, params)
