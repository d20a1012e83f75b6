"""A number that was erased is in no notice, whichever event comes first; the notice stays."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from contracts.events import NumbersErased, OptOutRequested
from servicekit.database import Database, cursor_of
from services.notifier import erasing, notices

pytestmark = pytest.mark.integration

MINE, THEIRS = 7, 8
NUMBER, OTHER = "306900000001", "306900000002"
BEFORE, ERASED_AT, AFTER = (f"2026-11-20T10:00:0{second}.000Z" for second in (1, 2, 3))


def ask(db: Database, at: str, number: str = NUMBER, account_id: int = MINE, **more: Any) -> None:
    event = OptOutRequested(account_id, 5, number, **({"channel": "link", "state": "approved"} | more))
    with db.transaction() as session:
        notices.keep_opt_out(session, event, at)


def erase(db: Database, *numbers: str, at: str = ERASED_AT) -> None:
    with db.transaction() as session:
        erasing.erase(session, NumbersErased(MINE, list(numbers or (NUMBER,))), at)


def texts(db: Database, locale: str = "en", account_id: int = MINE) -> list[str]:
    """Of all notices, the oldest first."""
    with db.transaction() as session:
        found = notices.notices(session, account_id, locale, False, None, 50)["data"]
    return [one["text"] for one in reversed(found)]


def stored(db: Database) -> str:
    """All that the tables have."""
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(
            "SELECT (SELECT string_agg(n::text, '') FROM notices n), string_agg(e::text, '') FROM erased_numbers e"
        )
        return str(cursor.fetchone())


@pytest.mark.parametrize("channel", ["link", "keyword"])
@pytest.mark.parametrize("state", ["approved", "pending"])
@pytest.mark.parametrize("erased_first", [False, True])
def test_the_notice_says_in_both_languages_that_the_number_was_erased(
    db: Database, channel: str, state: str, erased_first: bool
) -> None:
    if erased_first:
        erase(db)
    ask(db, BEFORE, channel=channel, state=state)
    if not erased_first:
        erase(db)

    (greek,), (english,) = texts(db, "el"), texts(db, "en")

    assert "έχει διαγραφεί" in greek
    assert "has been erased" in english
    assert ("link" in english) == (channel == "link")
    assert NUMBER not in greek + english + stored(db)


def test_only_the_erased_numbers_of_that_account_go(db: Database) -> None:
    ask(db, BEFORE)
    ask(db, BEFORE, OTHER)
    ask(db, BEFORE, account_id=THEIRS)

    erase(db)
    ask(db, BEFORE, account_id=THEIRS)

    assert [NUMBER in one or OTHER in one for one in texts(db)] == [False, True]
    assert all(NUMBER in one for one in texts(db, account_id=THEIRS))


@pytest.mark.parametrize("erased_first", [False, True])
def test_a_number_that_came_back_is_shown_whichever_event_is_delivered_first(
    db: Database, erased_first: bool
) -> None:
    if erased_first:
        erase(db)
    ask(db, AFTER)
    if not erased_first:
        erase(db)

    assert f"+{NUMBER}" in texts(db)[0]


def test_of_two_erasures_the_later_one_counts_in_any_order(db: Database) -> None:
    erase(db, at=AFTER)
    erase(db, at=BEFORE)

    ask(db, ERASED_AT)

    assert NUMBER not in texts(db)[0]


def test_a_notice_that_has_no_time_yet_loses_its_number_too(db: Database) -> None:
    ask(db, AFTER)
    with db.transaction() as session:
        cursor_of(session).execute("UPDATE notices SET data = data - 'asked_at'")

    erase(db)

    assert NUMBER not in stored(db)


def test_a_request_that_is_being_kept_while_its_number_is_erased_loses_it(db: Database) -> None:
    event = OptOutRequested(MINE, 5, NUMBER, "link", "approved")
    erasure = threading.Thread(target=erase, args=(db,))
    with db.transaction() as session:
        notices.keep_opt_out(session, event, BEFORE)
        erasure.start()
        erasure.join(0.5)
        assert erasure.is_alive()  # it waits for the request
    erasure.join(10)

    assert NUMBER not in stored(db)


def test_who_opts_out_by_an_old_link_changes_no_notice(db: Database) -> None:
    ask(db, BEFORE)

    with db.transaction() as session:
        erasing.erase(session, NumbersErased(MINE, [], opted_out_since=["-5"]), AFTER)

    assert NUMBER in texts(db)[0]


def test_pseudonyms_go_when_no_event_from_before_can_come_any_more(db: Database) -> None:
    erase(db, NUMBER, OTHER, at="2100-01-01T00:00:00.000Z")
    with db.transaction() as session:
        assert erasing.forget_old(session) == 0
        cursor_of(session).execute("UPDATE erased_numbers SET erased_at = now() - interval '15 days'")
        assert erasing.forget_old(session) == 2
