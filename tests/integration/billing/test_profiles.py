"""Billing profiles on a real database: the country that decides an order's tax, and first ones that come at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from servicekit.database import Database, cursor_of
from services.billing.orders import profiles, schemas
from services.billing.orders.errors import ProfileChanged
from services.billing.schemas import load
from tests.integration.billing.shop import new_order, rows
from tests.integration.billing.test_concurrency import at_once
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


def put(db: Database, account_id: int, version: int | None = None, **said: Any) -> dict[str, Any]:
    """Replace the profile, as the entry point does."""
    wanted = load(schemas.Profile, **{"name": "Anthi", "country": "GR", **said})
    with db.transaction() as session:
        return profiles.put(session, account_id, wanted, version)


def test_a_greek_who_says_el_pays_greek_vat(db: Database, account_id: int) -> None:
    profile = put(db, account_id, country="EL", vat_number="094014201")
    made = new_order(db, account_id)

    assert (profile["country"], profile["vat_number"]) == ("GR", "EL094014201")
    assert (made["vat_treatment"], made["vat_cents"], made["buyer"]["country"]) == ("domestic", 24_00, "GR")


@pytest.mark.parametrize(
    ("kept", "shown", "vat"), [("EL", "GR", 24_00), ("XX", "XX", 24_00), ("UK", "GB", 0), ("CH", "CH", 0)]
)
def test_a_country_kept_before_countries_were_checked_frees_nobody_of_vat(
    db: Database, account_id: int, kept: str, shown: str, vat: int
) -> None:
    put(db, account_id)
    with db.transaction() as session:
        update = "UPDATE billing_profiles SET country = %s WHERE account_id = %s"
        cursor_of(session).execute(update, (kept, account_id))
    with db.transaction() as session:
        assert profiles.get(session, account_id)["country"] == shown

    assert new_order(db, account_id)["vat_cents"] == vat


def test_of_two_first_profiles_at_once_the_second_waits_and_replaces_the_other(
    db: Database, account_id: int
) -> None:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool:
        with db.transaction() as session:
            profiles.put(session, account_id, load(schemas.Profile, name="Anthi", country="GR"), None)
            second = pool.submit(put, db, account_id, name="Anthi IKE")
            eventually(lambda: rows(db, waiting) or second.done(), 10, 0.02, "the second waits")
        assert second.result()["version"] == 2

    with db.transaction() as session:
        assert profiles.get(session, account_id)["name"] == "Anthi IKE"


def test_of_first_profiles_that_come_at_once_one_is_the_first(db: Database, account_id: int) -> None:
    def first(index: int) -> str:
        try:
            return f"version {put(db, account_id, version=0, name=f'Anthi {index}')['version']}"
        except ProfileChanged as refused:
            return refused.code

    answers = at_once(first)

    assert answers.count("version 1") == 1
    assert answers.count("version_mismatch") == len(answers) - 1
