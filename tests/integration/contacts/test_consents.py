"""Consents on a contact's card."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from servicekit import context
from servicekit.database import Database
from services.contacts.errors import InvalidFields, UnknownContact
from services.contacts.use_cases import consents
from tests.integration.contacts.support import call, new_contact

pytestmark = pytest.mark.integration


def test_a_consent_says_when_how_in_what_words_from_where_and_who_wrote_it_down(
    db: Database, account_id: int
) -> None:
    contact_id = new_contact(db, account_id, "6971234567", "6971234568")
    said = {"how": "form", "wording": "Θέλω νέα", "source": "/register", "at": "2026-01-02T10:00:00+02:00"}
    context.enter(None, actor="key:7")

    made = call(db, consents.record_consent, account_id, contact_id, said | {"number": "697 123 4568"})

    assert (made["number"], made["at"], made["actor"]) == (
        "306971234568",
        "2026-01-02T08:00:00.000Z",
        "key:7",
    )
    call(db, consents.record, account_id, 306971234567, "sms", "ΝΑΙ", "message 5", None)
    card = call(db, consents.list_consents, account_id, contact_id, None, 50)["data"]
    assert [(one["number"], one["how"]) for one in card] == [
        ("306971234567", "sms"),
        ("306971234568", "form"),
    ]


@pytest.mark.parametrize("ahead", [timedelta(minutes=6), timedelta(days=365 * 2_000)])
def test_a_consent_is_not_of_the_future(db: Database, account_id: int, ahead: timedelta) -> None:
    contact_id = new_contact(db, account_id, "6971234567")
    now = datetime.now(UTC)
    call(db, consents.record_consent, account_id, contact_id, {"how": "form", "at": now.isoformat()})

    with pytest.raises(InvalidFields) as refused:
        call(db, consents.record_consent, account_id, contact_id, {"how": "form", "at": str(now + ahead)})

    assert [(one["pointer"], one["code"]) for one in refused.value.errors] == [("/at", "in_the_future")]
    assert len(call(db, consents.list_consents, account_id, contact_id, None, 50)["data"]) == 1


def test_a_consent_is_of_a_number_of_that_contact(
    db: Database, account_id: int, other_account_id: int
) -> None:
    contact_id = new_contact(db, account_id, "6971234567")

    with pytest.raises(InvalidFields):
        call(db, consents.record_consent, account_id, contact_id, {"how": "sms", "number": "6971234568"})
    for act in (consents.record_consent, consents.list_consents):
        more = ({"how": "sms"},) if act is consents.record_consent else (None, 50)
        with pytest.raises(UnknownContact):
            call(db, act, other_account_id, contact_id, *more)
