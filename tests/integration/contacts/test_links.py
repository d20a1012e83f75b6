"""Unsubscribe links: whom a token stands for, and for how long."""

from __future__ import annotations

import pytest

from servicekit import pseudonyms
from servicekit.database import Database
from services.contacts.errors import UnknownLink
from services.contacts.queries import audiences, links
from services.contacts.queries.links import Recipient
from services.contacts.use_cases import erasing
from tests.integration.contacts.support import call, fetch, freeze
from tests.support.dataplane import SECRET

pytestmark = pytest.mark.integration


def frozen(db: Database, account_id: int, count: int = 1, campaign_id: int = 1) -> tuple[int, list[str]]:
    """(snapshot, tokens of its recipients in their order)."""
    numbers = [str(6_970_000_000 + n) for n in range(count)]
    snapshot_id = freeze(db, account_id, campaign_id, {"numbers": numbers})
    tokens: list[str] = []
    while page := call(db, audiences.audience_page, account_id, snapshot_id, len(tokens), 500)["members"]:
        tokens += [member[2] for member in page]
    return snapshot_id, tokens


def test_a_token_stands_for_one_number_in_one_campaign(db: Database, account_id: int) -> None:
    _, first = frozen(db, account_id, 2, campaign_id=1)
    _, second = frozen(db, account_id, 2, campaign_id=2)

    found = [call(db, links.recipient, token) for token in (*first, *second)]

    assert found == [
        Recipient(account_id, campaign, 306_970_000_000 + n) for campaign in (1, 2) for n in (0, 1)
    ]


def test_pages_of_numbers_follow_each_other(db: Database, account_id: int) -> None:
    snapshot_id, tokens = frozen(db, account_id, 2_001)

    found = [call(db, links.recipient, tokens[n]).msisdn for n in (0, 999, 1_000, 1_999, 2_000)]

    assert found == [306_970_000_000 + n for n in (0, 999, 1_000, 1_999, 2_000)]
    sizes = "SELECT page, cardinality(msisdns) FROM link_pages WHERE snapshot_id = %s ORDER BY page"
    assert fetch(db, sizes, snapshot_id) == [(0, 1_000), (1, 1_000), (2, 1)]


def test_a_link_works_when_campaign_and_snapshot_are_gone(db: Database, account_id: int) -> None:
    snapshot_id, (token,) = frozen(db, account_id)
    fetch(db, "DELETE FROM snapshot_members WHERE snapshot_id = %s RETURNING 1", snapshot_id)
    fetch(db, "DELETE FROM snapshots WHERE id = %s RETURNING 1", snapshot_id)

    assert call(db, links.recipient, token).msisdn == 306_970_000_000


def test_a_link_works_for_two_years_and_not_for_ever(db: Database, account_id: int) -> None:
    snapshot_id, (token,) = frozen(db, account_id)
    age = "UPDATE link_pages SET frozen_at = now() - %s::interval WHERE snapshot_id = %s RETURNING 1"

    fetch(db, age, "2 years 5 months", snapshot_id)
    assert call(db, links.recipient, token)
    fetch(db, age, "2 years 7 months", snapshot_id)
    with pytest.raises(UnknownLink):
        call(db, links.recipient, token)


def test_an_erased_number_is_behind_no_link_but_its_pseudonym_and_the_others_keep_theirs(
    db: Database, account_id: int, other_account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERYX_SECRET_KEY", SECRET)  # of the pseudonym that is kept
    _, tokens = frozen(db, account_id, 3)
    _, theirs = frozen(db, other_account_id, 3)

    call(db, erasing.erase, account_id, "306970000001")

    gone = call(db, links.recipient, tokens[1])
    assert (gone.is_erased, gone.msisdn) == (True, pseudonyms.of(account_id, 306_970_000_001))
    found = [call(db, links.recipient, token).msisdn for token in (tokens[0], tokens[2], theirs[1])]
    assert found == [306_970_000_000, 306_970_000_002, 306_970_000_001]


def test_what_nobody_got_is_unknown(db: Database, account_id: int) -> None:
    snapshot_id, (token,) = frozen(db, account_id)
    nobody = call(db, lambda session: links.links.tokens(links.key(session), snapshot_id, [0, 2, 2**32 - 1]))

    for asked in (*nobody, token[::-1], token[:-1], f"{token}0", "", "€" * 11, "zzzzzzzzzzz", None, 7):
        with pytest.raises(UnknownLink):
            call(db, links.recipient, asked)
