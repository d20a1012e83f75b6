"""Erased numbers that come again: what they said stays said until somebody who may lifts it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from servicekit import pseudonyms
from servicekit.database import Database
from services.contacts.errors import InvalidFields, NotSuppressed, UnknownContact
from services.contacts.queries import audiences
from services.contacts.queries import contacts as read
from services.contacts.queries import suppressions as blacklist
from services.contacts.use_cases import bulk, consents, erasing, gdpr, opt_outs, suppressions, unsubscribing
from tests.integration.contacts.support import (
    analysed,
    call,
    commit,
    csv,
    fetch,
    freeze,
    new_contact,
    told,
)
from tests.support.dataplane import SECRET
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

NUMBER, OTHER = "306970000001", "306970000002"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the pseudonyms."""
    monkeypatch.setenv("KERYX_SECRET_KEY", SECRET)


def listed(db: Database, account_id: int) -> dict[str, str]:
    """Number → how it came on the blacklist."""
    found = call(db, blacklist.list_suppressed, account_id, None, None, None, 50)["data"]
    return {one["number"]: one["source"] for one in found}


def stop(db: Database, account_id: int) -> None:
    """Its owner asks for it."""
    call(db, opt_outs.request, account_id, int(NUMBER), "keyword", None, "ΣΤΟΠ")


def start(db: Database, account_id: int) -> bool:
    return bool(call(db, opt_outs.agree, account_id, int(NUMBER), "ΝΑΙ", "message 5", None))


def erase(db: Database, account_id: int) -> int:
    """How many of the erased numbers stay opted out."""
    return int(call(db, erasing.erase, account_id, NUMBER)["opted_out"])


def hand(db: Database, account_id: int) -> None:
    call(db, suppressions.suppress, account_id, [NUMBER], "complained", "hand")


@pytest.mark.parametrize(("ask", "source"), [(stop, "keyword"), (hand, "hand")])
def test_it_is_on_the_list_as_it_was_and_who_lifts_it_is_heard_once_and_for_all(
    db: Database, account_id: int, ask: Callable[[Database, int], None], source: str
) -> None:
    ask(db, account_id)
    assert erase(db, account_id) == 1
    contact_id = new_contact(db, account_id, NUMBER)
    assert listed(db, account_id) == {NUMBER: source}

    call(db, suppressions.unsuppress, account_id, NUMBER)
    assert erase(db, account_id) == 0
    with pytest.raises(UnknownContact):
        call(db, read.get_contact, account_id, contact_id)

    new_contact(db, account_id, NUMBER)
    assert listed(db, account_id) == {}


def test_its_blacklisting_can_be_lifted_although_the_list_does_not_show_it(
    db: Database, account_id: int, other_account_id: int
) -> None:
    hand(db, account_id)
    erase(db, account_id)
    assert listed(db, account_id) == {}
    with pytest.raises(NotSuppressed):
        call(db, suppressions.unsuppress, other_account_id, NUMBER)

    call(db, suppressions.unsuppress, account_id, NUMBER)

    events = told(db, account_id, "contacts.suppression_changed")
    assert [event["lifted"] for event in events] == [[], [], [NUMBER]]
    (erased,) = told(db, account_id, "contacts.numbers_erased")
    assert [event["sequence"] for event in events] == [1, 2, 3]
    assert erased["sequence"] == 1, "whoever keeps a copy can tell before from after"
    with pytest.raises(NotSuppressed):
        call(db, suppressions.unsuppress, account_id, NUMBER)


def test_a_wish_that_waited_for_the_accounts_word_is_kept(db: Database, account_id: int) -> None:
    call(db, opt_outs.update_settings, account_id, {"auto_approve": False}, None)
    stop(db, account_id)
    assert listed(db, account_id) == {}

    assert erase(db, account_id) == 1

    new_contact(db, account_id, NUMBER)
    assert listed(db, account_id) == {NUMBER: "keyword"}


@pytest.mark.parametrize(("ask", "may"), [(stop, True), (hand, False)])
@pytest.mark.parametrize("is_back", [True, False])
def test_its_owner_takes_back_what_was_its_own_wish_alone(
    db: Database, account_id: int, ask: Callable[[Database, int], None], may: bool, is_back: bool
) -> None:
    ask(db, account_id)
    erase(db, account_id)
    if is_back:
        new_contact(db, account_id, NUMBER)

    assert start(db, account_id) is may

    assert listed(db, account_id) == ({} if may or not is_back else {NUMBER: "hand"})
    flag = "SELECT opted_out FROM erased_numbers WHERE account_id = %s"
    assert fetch(db, flag, account_id) == [(not may,)]


def test_what_the_account_wanted_stays_the_accounts_whatever_its_owner_says_besides(
    db: Database, account_id: int
) -> None:
    hand(db, account_id)
    erase(db, account_id)
    call(db, opt_outs.update_settings, account_id, {"auto_approve": False}, None)
    stop(db, account_id)
    erase(db, account_id)

    assert not start(db, account_id)
    new_contact(db, account_id, NUMBER)
    assert listed(db, account_id) == {NUMBER: "hand"}


def test_a_bulk_blacklisting_and_its_undoing_leave_what_an_erased_one_said(
    db: Database, account_id: int
) -> None:
    snapshot_id = freeze(db, account_id, 1, {"numbers": [NUMBER]})
    ((_, _, token, _),) = call(db, audiences.audience_page, account_id, snapshot_id, 0, 10)["members"]
    erase(db, account_id)
    contact_id = new_contact(db, account_id, NUMBER)
    call(db, unsubscribing.unsubscribe, token)  # nobody can tell that it is this contact's number
    assert listed(db, account_id) == {}

    job = call(db, bulk.bulk, account_id, "blacklist", {"ids": [contact_id]}, {"reason": "ours"})
    assert listed(db, account_id) == {NUMBER: f"bulk {job['id']}"}
    call(db, bulk.undo_bulk, account_id, job["id"])

    assert listed(db, account_id) == {NUMBER: "link"}


def test_a_number_that_its_contact_gave_up_after_a_bulk_action_is_forgotten_there_too(
    db: Database, account_id: int
) -> None:
    contact_id = new_contact(db, account_id, NUMBER, OTHER)
    job = call(db, bulk.bulk, account_id, "blacklist", {"ids": [contact_id]}, None)
    fetch(db, "DELETE FROM phones WHERE account_id = %s AND msisdn = %s RETURNING 1", account_id, int(NUMBER))

    erase(db, account_id)

    ((before,),) = fetch(db, "SELECT before FROM bulk_items WHERE job_id = %s", job["id"])
    assert before == {"numbers": [[int(OTHER)]]}
    call(db, bulk.undo_bulk, account_id, job["id"])
    assert listed(db, account_id) == {}
    assert not call(db, gdpr.about, account_id, NUMBER)["known"]


def test_asking_whether_a_number_is_known_discloses_nothing(db: Database, account_id: int) -> None:
    new_contact(db, account_id, NUMBER)

    assert call(db, gdpr.knows, account_id, "697 000 0001") == {"number": NUMBER, "known": True}
    assert call(db, gdpr.knows, account_id, OTHER) == {"number": OTHER, "known": False}

    kept = fetch(db, "SELECT action FROM audit WHERE account_id = %s", account_id)
    assert "number.disclosed" not in {action for (action,) in kept}
    assert pseudonyms.of(account_id, int(NUMBER)) < 0


def _unsubscribe(db: Database, account_id: int, token: str, contact_id: int) -> None:
    call(db, unsubscribing.unsubscribe, token)


def _consent(db: Database, account_id: int, token: str, contact_id: int) -> None:
    with pytest.raises((UnknownContact, InvalidFields)):
        call(db, consents.record_consent, account_id, contact_id, {"how": "phone"})


@pytest.mark.parametrize("write", [_unsubscribe, _consent])
def test_who_is_being_erased_is_not_written_again_by_somebody_who_waits(
    db: Database, account_id: int, write: Callable[..., None]
) -> None:
    contact_id = new_contact(db, account_id, NUMBER)
    snapshot_id = freeze(db, account_id, 1, {"numbers": [NUMBER]})
    ((_, _, token, _),) = call(db, audiences.audience_page, account_id, snapshot_id, 0, 10)["members"]
    waiting = (
        """SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"""
    )

    with ThreadPoolExecutor(1) as aside:
        with db.transaction() as session:
            erasing.erase(session, account_id, NUMBER)
            writing = aside.submit(write, db, account_id, token, contact_id)
            eventually(lambda: writing.done() or fetch(db, waiting), what="somebody waits")
        writing.result(30)

    assert not call(db, gdpr.about, account_id, NUMBER)["known"]


def test_an_import_brings_it_back_blacklisted(db: Database, account_id: int, worker: Any) -> None:
    stop(db, account_id)
    erase(db, account_id)

    done = commit(db, account_id, analysed(db, account_id, csv("Κινητό", NUMBER, OTHER))["id"])

    assert done["state"] == "done"
    assert listed(db, account_id) == {NUMBER: "keyword"}
    assert told(db, account_id, "contacts.suppression_changed")[-1]["suppressed"] == [NUMBER]
