"""Merging duplicates."""

from __future__ import annotations

import pytest

from servicekit.database import Database
from services.contacts.errors import InvalidFields, TooManyNumbers, UnknownContact, VersionMismatch
from services.contacts.queries import contacts as read
from services.contacts.use_cases import merging
from tests.integration.contacts.support import call, new_contact

pytestmark = pytest.mark.integration


def test_what_one_has_stays_what_it_lacks_comes_from_the_others_in_their_order(
    db: Database, account_id: int
) -> None:
    kept = new_contact(db, account_id, "6971234501", first_name="Άννα", note="a")
    second = new_contact(db, account_id, "6971234502", first_name="Anna", last_name="Ζήση", note="b")
    third = new_contact(db, account_id, "6971234503", last_name="Zisi", email="a@example.gr", note="a")

    merged = call(db, merging.merge, account_id, kept, [second, third])

    texts = [merged[name] for name in ("first_name", "last_name", "email", "note")]
    assert texts == ["Άννα", "Ζήση", "a@example.gr", "a\nb"]
    numbers = [(one["number"], one["primary"]) for one in merged["numbers"]]
    assert numbers == [("306971234501", True), ("306971234502", False), ("306971234503", False)]
    assert merged["version"] == 2


def test_a_merge_that_cannot_be_leaves_everybody_as_they_were(
    db: Database, account_id: int, other_account_id: int
) -> None:
    many = [f"69712346{n:02}" for n in range(20)]
    kept, full = new_contact(db, account_id, "6971234501"), new_contact(db, account_id, *many)
    theirs = new_contact(db, other_account_id, "6971234501")

    for others, version, refusal in (
        ([kept], None, InvalidFields),
        ([], None, InvalidFields),
        ([theirs], None, UnknownContact),
        ([full, theirs], None, UnknownContact),
        ([full], None, TooManyNumbers),
        ([full], 9, VersionMismatch),
    ):
        with pytest.raises(refusal):
            call(db, merging.merge, account_id, kept, others, version)
    with pytest.raises(UnknownContact):
        call(db, merging.merge, other_account_id, kept, [theirs])

    assert len(call(db, read.get_contact, account_id, full)["numbers"]) == 20
    assert call(db, read.get_contact, account_id, kept)["version"] == 1
