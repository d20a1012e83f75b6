"""Words that phones send back."""

from __future__ import annotations

import pytest

from contracts.events import ReceivedMessage
from servicekit.database import Database
from services.contacts.queries import opt_outs as read
from services.contacts.queries import suppressions as blacklist
from services.contacts.use_cases import answering
from tests.integration.contacts.support import call, fetch

pytestmark = pytest.mark.integration


def message(n: int, account_id: int, text: str, number: str = "306970000001") -> ReceivedMessage:
    return ReceivedMessage(n, account_id, number, "54555", text, "2026-11-20T09:14:30.402Z", campaign_id=3)


def listed(db: Database, account_id: int) -> list[str]:
    page = call(db, blacklist.list_suppressed, account_id, None, None, None, 50)
    return [f"{one['number']} {one['source']}: {one['reason']}" for one in page["data"]]


def test_stop_does_what_the_link_does(db: Database, account_id: int, other_account_id: int) -> None:
    batch = [
        message(3, other_account_id, "Καλημέρα"),
        message(2, account_id, "στοπ παρακαλώ"),
        message(1, account_id, "ποιος είστε;", "306970000002"),
    ]

    call(db, answering.answer, batch)

    assert listed(db, account_id) == ["306970000001 keyword: στοπ παρακαλώ"]
    assert not listed(db, other_account_id)
    (one,) = call(db, read.list_opt_outs, account_id, None, None, None, 10)["data"]
    assert (one["channel"], one["campaign_id"], one["text"]) == ("keyword", 3, "στοπ παρακαλώ")


def test_stop_and_start_count_in_the_order_they_came(db: Database, account_id: int) -> None:
    stop, start = message(1, account_id, "STOP"), message(2, account_id, "ΝΑΙ")
    call(db, answering.answer, [start, stop])

    assert not listed(db, account_id)
    consents = "SELECT how, wording, source, at::date::text FROM consents WHERE account_id = %s"
    assert fetch(db, consents, account_id) == [("sms", "ΝΑΙ", "message 2", "2026-11-20")]
    call(db, answering.answer, [message(3, account_id, "STOP")])
    assert listed(db, account_id) == ["306970000001 keyword: STOP"]


def test_a_word_as_long_as_a_novel_is_cut(db: Database, account_id: int) -> None:
    call(db, answering.answer, [message(1, account_id, "STOP " + "x" * 2_000)])

    assert len(listed(db, account_id)[0]) == len("306970000001 keyword: ") + 500
