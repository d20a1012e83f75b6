"""Requests to be left alone: from the link or the keyword to the blacklist, and what the account has to say."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from servicekit import context
from servicekit.database import Database
from services.contacts.errors import (
    InvalidFields,
    NothingToUndo,
    OptOutDecided,
    TooManyOptOuts,
    UnknownLink,
    UnknownOptOut,
    VersionMismatch,
)
from services.contacts.queries import audiences
from services.contacts.queries import opt_outs as read
from services.contacts.queries import suppressions as blacklist
from services.contacts.use_cases import audit, opt_outs, suppressions, unsubscribing
from tests.integration.contacts.support import call, fetch, freeze, told

pytestmark = pytest.mark.integration

NUMBER = 306_970_000_000
REQUESTED, CHANGED = "contacts.opt_out_requested", "contacts.suppression_changed"


@pytest.fixture
def token(db: Database, account_id: int) -> str:
    """The link that NUMBER got in campaign 1."""
    return link(db, account_id)


def link(db: Database, account_id: int, campaign_id: int = 1) -> str:
    snapshot_id = freeze(db, account_id, campaign_id, {"numbers": [str(NUMBER)]})
    return str(call(db, audiences.audience_page, account_id, snapshot_id, 0, 1)["members"][0][2])


def requests(db: Database, account_id: int, state: str | None = None) -> list[dict[str, Any]]:
    return list(call(db, read.list_opt_outs, account_id, state, None, None, 50)["data"])


def on_the_list(db: Database, account_id: int) -> dict[str, str]:
    """Number → how it came."""
    listed = call(db, blacklist.list_suppressed, account_id, None, None, None, 50)["data"]
    return {one["number"]: one["source"] for one in listed}


def decide_by_hand(db: Database, account_id: int) -> None:
    call(db, opt_outs.update_settings, account_id, {"auto_approve": False}, None)


def start(db: Database, account_id: int) -> bool:
    return bool(call(db, opt_outs.agree, account_id, NUMBER, "ΝΑΙ", "message 5", None))


def test_looking_at_the_page_changes_nothing(db: Database, account_id: int, token: str) -> None:
    call(db, unsubscribing.save_account_name, account_id, "Ανθοπωλείο Άνθη", 1)

    found = [call(db, unsubscribing.page, token) for _ in range(2)]

    assert (
        found
        == [{"account_name": "Ανθοπωλείο Άνθη", "number": "69••••••00", "state": "open", "may_undo": False}]
        * 2
    )
    assert not requests(db, account_id)
    assert not told(db, account_id, CHANGED)


def test_by_default_a_request_is_on_the_blacklist_at_once(db: Database, account_id: int, token: str) -> None:
    page = call(db, unsubscribing.unsubscribe, token)

    assert (page["state"], page["may_undo"]) == ("done", True)
    assert on_the_list(db, account_id) == {str(NUMBER): "link"}
    (one,) = requests(db, account_id)
    assert (one["state"], one["automatic"], one["campaign_id"]) == ("approved", True, 1)
    (event,) = told(db, account_id, REQUESTED)
    assert (event["opt_out_id"], event["state"], event["number"]) == (one["id"], "approved", str(NUMBER))
    assert [event["suppressed"] for event in told(db, account_id, CHANGED)] == [[str(NUMBER)]]


def test_asking_again_by_any_link_or_keyword_changes_nothing(
    db: Database, account_id: int, token: str
) -> None:
    other = link(db, account_id, campaign_id=2)
    for one in (token, token, other):
        assert call(db, unsubscribing.unsubscribe, one)["state"] == "done"
    call(db, opt_outs.request, account_id, NUMBER, "keyword", None, "STOP")

    assert len(requests(db, account_id)) == len(told(db, account_id, REQUESTED)) == 1


def test_pressed_many_times_at_once_it_is_one_request(db: Database, account_id: int, token: str) -> None:
    threads = [threading.Thread(target=call, args=(db, unsubscribing.unsubscribe, token)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(requests(db, account_id)) == 1


def test_where_the_account_decides_a_request_waits(db: Database, account_id: int, token: str) -> None:
    decide_by_hand(db, account_id)

    assert call(db, unsubscribing.unsubscribe, token)["state"] == "pending"
    assert not on_the_list(db, account_id)
    (one,) = requests(db, account_id, "pending")
    assert (one["automatic"], one["decided_at"]) == (False, None)
    assert told(db, account_id, REQUESTED)[0]["state"] == "pending"

    for _ in range(2):
        assert call(db, opt_outs.approve, account_id, one["id"])["state"] == "approved"
    assert on_the_list(db, account_id) == {str(NUMBER): "link"}
    assert len(told(db, account_id, CHANGED)) == 1
    with pytest.raises(OptOutDecided):
        call(db, opt_outs.reject, account_id, one["id"], "too late")


def test_a_rejected_request_says_why_and_they_may_ask_again(
    db: Database, account_id: int, token: str
) -> None:
    decide_by_hand(db, account_id)
    call(db, unsubscribing.unsubscribe, token)
    (one,) = requests(db, account_id)

    with pytest.raises(InvalidFields):
        call(db, opt_outs.reject, account_id, one["id"], " ")
    rejected = call(db, opt_outs.reject, account_id, one["id"], "Appointment reminders only")

    assert (rejected["state"], rejected["reason"]) == ("rejected", "Appointment reminders only")
    assert not on_the_list(db, account_id)
    with pytest.raises(OptOutDecided):
        call(db, opt_outs.approve, account_id, one["id"])
    assert call(db, unsubscribing.page, token)["state"] == "open"
    call(db, unsubscribing.unsubscribe, token)
    assert [other["state"] for other in requests(db, account_id)] == ["pending", "rejected"]


def test_a_changed_mind_is_taken_within_the_hour_and_recorded_as_consent(
    db: Database, account_id: int, token: str
) -> None:
    call(db, unsubscribing.unsubscribe, token)

    page = call(db, unsubscribing.undo, token)

    assert (page["state"], page["may_undo"]) == ("open", False)
    assert not on_the_list(db, account_id)
    assert [one["state"] for one in requests(db, account_id)] == ["withdrawn"]
    consents = "SELECT how, source FROM consents WHERE account_id = %s"
    assert fetch(db, consents, account_id) == [("link", f"opt-out {requests(db, account_id)[0]['id']}")]
    with pytest.raises(NothingToUndo):
        call(db, unsubscribing.undo, token)


def test_after_the_hour_by_another_link_or_after_a_keyword_nothing_is_taken_back(
    db: Database, account_id: int, token: str
) -> None:
    other = link(db, account_id, campaign_id=2)
    call(db, unsubscribing.unsubscribe, token)
    with pytest.raises(NothingToUndo):
        call(db, unsubscribing.undo, other)
    sql = "UPDATE opt_outs SET requested_at = requested_at - interval '61 minutes' WHERE account_id = %s RETURNING 1"
    fetch(db, sql, account_id)
    with pytest.raises(NothingToUndo):
        call(db, unsubscribing.undo, token)

    assert on_the_list(db, account_id) == {str(NUMBER): "link"}
    assert call(db, unsubscribing.page, token)["may_undo"] is False


def test_start_lifts_what_they_asked_for_themselves(db: Database, account_id: int) -> None:
    call(db, opt_outs.request, account_id, NUMBER, "keyword", None, "STOP")
    assert on_the_list(db, account_id) == {str(NUMBER): "keyword"}

    assert start(db, account_id)
    assert not start(db, account_id)

    assert not on_the_list(db, account_id)
    assert [one["state"] for one in requests(db, account_id)] == ["withdrawn"]
    consents = "SELECT how, wording, source FROM consents WHERE account_id = %s"
    assert fetch(db, consents, account_id) == [("sms", "ΝΑΙ", "message 5")]
    call(db, opt_outs.request, account_id, NUMBER, "keyword", None, "STOP")
    assert on_the_list(db, account_id) == {str(NUMBER): "keyword"}


@pytest.mark.parametrize("source", ["api", "hand", "paste", "import", "bulk"])
def test_start_never_lifts_what_the_account_put_there(db: Database, account_id: int, source: str) -> None:
    call(db, suppressions.put, account_id, [NUMBER], "no more", source)

    assert not start(db, account_id)
    assert on_the_list(db, account_id) == {str(NUMBER): source}


def test_what_both_asked_for_is_the_accounts(db: Database, account_id: int, token: str) -> None:
    call(db, unsubscribing.unsubscribe, token)
    call(db, suppressions.put, account_id, [NUMBER, NUMBER + 1], "complained by phone", "hand")
    events = len(told(db, account_id, CHANGED))

    assert not start(db, account_id)
    call(db, unsubscribing.undo, token)

    assert on_the_list(db, account_id) == {str(NUMBER): "hand", str(NUMBER + 1): "hand"}
    assert len(told(db, account_id, CHANGED)) == events == 2


def test_a_request_for_a_number_that_is_on_the_list_already_is_kept(db: Database, account_id: int) -> None:
    call(db, suppressions.put, account_id, [NUMBER], "", "hand")

    call(db, opt_outs.request, account_id, NUMBER, "keyword", None, "STOP")

    assert [one["state"] for one in requests(db, account_id)] == ["approved"]
    assert on_the_list(db, account_id) == {str(NUMBER): "hand"}
    assert len(told(db, account_id, CHANGED)) == 1


def test_start_takes_a_waiting_request_back(db: Database, account_id: int, token: str) -> None:
    decide_by_hand(db, account_id)
    call(db, unsubscribing.unsubscribe, token)

    assert start(db, account_id)
    assert [one["state"] for one in requests(db, account_id)] == ["withdrawn"]


def test_another_accounts_request_is_unknown(
    db: Database, account_id: int, other_account_id: int, token: str
) -> None:
    call(db, unsubscribing.unsubscribe, token)
    (one,) = requests(db, account_id)

    assert not requests(db, other_account_id)
    for opt_out_id in (one["id"], one["id"] + 1_000_000, 0, 2**70):
        with pytest.raises(UnknownOptOut):
            call(db, opt_outs.approve, other_account_id, opt_out_id)
        with pytest.raises(UnknownOptOut):
            call(db, opt_outs.reject, other_account_id, opt_out_id, "no")
    assert not on_the_list(db, other_account_id)


def test_the_list_has_pages_newest_first_and_filters(db: Database, account_id: int) -> None:
    for n in range(5):
        call(db, opt_outs.request, account_id, NUMBER + n, "keyword", None, "STOP")
    decide_by_hand(db, account_id)
    call(db, opt_outs.request, account_id, NUMBER + 9, "keyword", None, "STOP")

    seen, cursor = [], None
    while True:
        page = call(db, read.list_opt_outs, account_id, "approved", None, cursor, 2)
        seen += [one["number"] for one in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            break

    assert seen == [str(NUMBER + n) for n in (4, 3, 2, 1, 0)]
    (one,) = call(db, read.list_opt_outs, account_id, None, "697 000 0003", None, 10)["data"]
    assert (one["number"], one["text"]) == (str(NUMBER + 3), "STOP")
    with pytest.raises(InvalidFields):
        call(db, read.list_opt_outs, account_id, "lost", None, None, 10)


def test_the_setting_has_a_version_and_two_changes_do_not_meet(db: Database, account_id: int) -> None:
    assert call(db, read.settings, account_id) == {"auto_approve": True, "version": 0}
    call(db, opt_outs.update_settings, account_id, {"auto_approve": False}, 0)

    with pytest.raises(VersionMismatch):
        call(db, opt_outs.update_settings, account_id, {"auto_approve": True}, 0)
    invalid: list[Any] = [{"auto_approve": "no"}, {"auto_approve": None}, {"x": 1}, []]
    for wrong in invalid:
        with pytest.raises(InvalidFields):
            call(db, opt_outs.update_settings, account_id, wrong, None)

    assert call(db, opt_outs.update_settings, account_id, {}, 1) == {"auto_approve": False, "version": 1}


def test_an_address_is_counted_over_all_gateways_by_the_minute(db: Database) -> None:
    address = "192.0.2.7"
    key = "UPDATE opt_out_attempts SET attempts = 119 RETURNING octet_length(address)"
    call(db, unsubscribing.count_attempt, address)
    assert fetch(db, key) == [(16,)]

    call(db, unsubscribing.count_attempt, address)
    for _ in range(2):
        with pytest.raises(TooManyOptOuts):
            call(db, unsubscribing.count_attempt, address)
    call(db, unsubscribing.count_attempt, "192.0.2.8")
    fetch(db, "UPDATE opt_out_attempts SET minute = minute - interval '1 minute' RETURNING 1")
    call(db, unsubscribing.count_attempt, address)


def test_an_unknown_link_unsubscribes_nobody(db: Database, account_id: int, token: str) -> None:
    for use_case in (unsubscribing.page, unsubscribing.unsubscribe, unsubscribing.undo):
        with pytest.raises(UnknownLink):
            call(db, use_case, token[::-1])

    assert not on_the_list(db, account_id)


def test_an_older_name_of_an_account_does_not_replace_a_newer(
    db: Database, account_id: int, token: str
) -> None:
    for name, version in (("Άνθη", 2), ("Old", 1)):
        call(db, unsubscribing.save_account_name, account_id, name, version)

    assert call(db, unsubscribing.page, token)["account_name"] == "Άνθη"


def test_what_was_decided_and_by_whom_is_in_the_audit_once(db: Database, account_id: int, token: str) -> None:
    context.act_as("user:5")
    try:
        decide_by_hand(db, account_id)
        first = call(db, opt_outs.request, account_id, NUMBER, "link", 1)
        second = call(db, opt_outs.request, account_id, NUMBER + 1, "link", 1)
        for _ in range(2):
            call(db, opt_outs.approve, account_id, first)
            call(db, opt_outs.reject, account_id, second, "Mistaken")
    finally:
        context.act_as("")
    call(db, unsubscribing.undo, token)

    entries = call(db, audit.list_audit, account_id, {}, None, 10)["data"]
    assert [(one["actor"], one["action"], one["object"]) for one in entries] == [
        ("", "opt_out.undone", f"opt_out:{first}"),
        ("user:5", "opt_out.rejected", f"opt_out:{second}"),
        ("user:5", "opt_out.approved", f"opt_out:{first}"),
        ("user:5", "opt_out_settings.updated", "opt_out_settings"),
    ]
    assert entries[-1]["details"] == {"auto_approve": False}
    assert str(NUMBER)[2:] not in str(entries)
