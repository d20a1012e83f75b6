"""Notices in the account: kept, listed in the account's language, read one by one or all at once."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.events import BalanceLow, ImportFinished, OptOutRequested
from servicekit.database import Database, cursor_of
from services.notifier import notices
from services.notifier.errors import BadCursor, UnknownNotice

pytestmark = pytest.mark.integration

MINE, THEIRS = 7, 8
ASKED_AT = "2026-01-02T10:00:00.000Z"


def opt_out(
    n: int = 1, account_id: int = MINE, channel: str = "link", state: str = "approved"
) -> OptOutRequested:
    return OptOutRequested(account_id, n, f"3069000000{n:02d}", channel, state, 3)


def keep(db: Database, *events: OptOutRequested) -> None:
    with db.transaction() as session:
        for event in events:
            notices.keep_opt_out(session, event, ASKED_AT)


def listed(
    db: Database, locale: str = "el", unread: bool = False, cursor: str | None = None, limit: int = 50
) -> Any:
    with db.transaction() as session:
        return notices.notices(session, MINE, locale, unread, cursor, limit)


def count(db: Database) -> int:
    with db.transaction() as session:
        return notices.unread_count(session, MINE)["unread"]


def read(db: Database, notice_id: int, account_id: int = MINE) -> dict[str, Any]:
    with db.transaction() as session:
        return notices.read_notice(session, account_id, notice_id, "en")


@pytest.mark.parametrize("channel", ["link", "keyword"])
@pytest.mark.parametrize("state", ["approved", "pending"])
def test_an_opt_out_is_said_in_both_languages(db: Database, channel: str, state: str) -> None:
    keep(db, opt_out(1, channel=channel, state=state))

    (greek,), (english,), (other,) = (listed(db, locale)["data"] for locale in ("el", "en", "fr"))

    assert (greek["kind"], greek["subject_id"], greek["read_at"]) == ("opt_out", 1, None)
    assert all("+306900000001" in one["text"] for one in (greek, english))
    assert greek["title"] != english["title"]
    assert other == english
    words = "έγκρισή" if state == "pending" else "λίστα αποκλεισμού"
    assert words in greek["text"]


def test_a_low_balance_is_a_notice_too(db: Database) -> None:
    event = BalanceLow(MINE, "Άνθη", "el", [], available=9_000_000, level=10_000_000)
    with db.transaction() as session:
        notices.keep_balance_low(session, event)

    assert "9,00 €" in listed(db, "el")["data"][0]["text"]
    assert "€10.00" in listed(db, "en")["data"][0]["text"]


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
@pytest.mark.parametrize("filename", ["πελάτες.xlsx", ""])
def test_the_end_of_an_import_is_said_in_both_languages(db: Database, state: str, filename: str) -> None:
    event = ImportFinished(MINE, 44, filename, state, 5_000, 4_620, 150, 180, 50, stored=4_770)
    with db.transaction() as session:
        notices.keep_import(session, event)

    (greek,), (english,) = (listed(db, locale)["data"] for locale in ("el", "en"))

    assert (greek["kind"], greek["subject_id"]) == ("import", 44)
    assert (filename or "επικολλημένων") in greek["text"]
    assert (filename or "pasted") in english["text"]
    assert greek["title"] != english["title"]
    counts = {"done": ("5,000", "4,620", "150", "180", "50"), "cancelled": ("4,770", "5,000")}
    assert all(count in english["text"] for count in counts.get(state, ("4,770",)))


def test_pages_follow_each_other_newest_first(db: Database) -> None:
    keep(db, *(opt_out(n) for n in range(1, 6)), opt_out(9, THEIRS))

    seen, cursor, pages = [], None, 0
    while True:
        page = listed(db, cursor=cursor, limit=2)
        seen += [one["subject_id"] for one in page["data"]]
        cursor, pages = page["next_cursor"], pages + 1
        if cursor is None:
            break

    assert (seen, pages) == ([5, 4, 3, 2, 1], 3)
    for wrong in ("x", "-1", "9" * 19):
        with pytest.raises(BadCursor):
            listed(db, cursor=wrong)


def test_one_is_read_once_and_keeps_its_time(db: Database) -> None:
    keep(db, opt_out(1), opt_out(2))
    newest = listed(db)["data"][0]

    first, again = read(db, newest["id"]), read(db, newest["id"])

    assert first["read_at"] == again["read_at"] is not None
    assert count(db) == 1
    assert [one["subject_id"] for one in listed(db, unread=True)["data"]] == [1]


def test_all_are_read_or_those_that_were_shown(db: Database) -> None:
    keep(db, opt_out(1), opt_out(2), opt_out(3), opt_out(9, THEIRS))
    shown = listed(db)["data"][1]["id"]

    with db.transaction() as session:
        assert notices.read_notices(session, MINE, shown) == {"read": 2}
    assert count(db) == 1
    with db.transaction() as session:
        assert notices.read_notices(session, MINE, None) == {"read": 1}
        assert notices.read_notices(session, MINE, 2**70) == {"read": 0}
        assert notices.unread_count(session, THEIRS) == {"unread": 1}


def test_another_accounts_notice_is_unknown(db: Database) -> None:
    keep(db, opt_out(1))
    (notice,) = listed(db)["data"]

    for notice_id, account_id in ((notice["id"], THEIRS), (notice["id"] + 1, MINE), (2**70, MINE), (0, MINE)):
        with pytest.raises(UnknownNotice):
            read(db, notice_id, account_id)
    assert count(db) == 1


def test_old_notices_go(db: Database) -> None:
    keep(db, opt_out(1), opt_out(2))
    with db.transaction() as session:
        cursor_of(session).execute(
            "UPDATE notices SET created_at = now() - interval '401 days' WHERE (data->>'subject_id')::int = 1"
        )
        assert notices.forget_old(session) == 1
    assert [one["subject_id"] for one in listed(db)["data"]] == [2]
