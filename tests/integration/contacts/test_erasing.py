"""Who was erased is nowhere any more, and can still say no."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest

from servicekit import pseudonyms
from servicekit.database import Database
from services.contacts.errors import NothingToUndo
from services.contacts.jobs import freezing
from services.contacts.queries import audiences
from services.contacts.queries import contacts as read
from services.contacts.use_cases import audiences as asking
from services.contacts.use_cases import bulk, contacts, erasing, gdpr, suppressions, unsubscribing
from tests.integration.contacts.support import analysed, call, commit, csv, fetch, freeze, new_contact, told
from tests.support.dataplane import SECRET

pytestmark = pytest.mark.integration

NUMBER, OTHER = "306970000001", "306970000002"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the pseudonyms."""
    monkeypatch.setenv("KERYX_SECRET_KEY", SECRET)


def test_a_snapshot_loses_number_and_fields_and_keeps_its_places(db: Database, account_id: int) -> None:
    new_contact(db, account_id, NUMBER, first_name="Άννα")
    snapshot_id = freeze(db, account_id, 1, {"all": True, "numbers": [OTHER, NUMBER]})

    call(db, erasing.erase, account_id, NUMBER)

    page = call(db, audiences.audience_page, account_id, snapshot_id, 0, 10)["members"]
    assert [(ordinal, msisdn, any(fields)) for ordinal, msisdn, _, fields in page] == [
        (1, "", False),
        (2, OTHER, False),
    ]
    everything = fetch(
        db,
        "SELECT (SELECT string_agg(s::text, '') FROM snapshots s), (SELECT string_agg(l::text, '') FROM link_pages l),"
        " (SELECT string_agg(m::text, '') FROM snapshot_members m)",
    )
    assert NUMBER not in str(everything)
    assert OTHER in str(everything)
    assert not call(db, gdpr.about, account_id, NUMBER)["known"]


def test_a_snapshot_whose_links_have_gone_loses_the_number_too(db: Database, account_id: int) -> None:
    snapshot_id = freeze(db, account_id, 1, {"numbers": [NUMBER, OTHER]})
    fetch(db, "DELETE FROM link_pages WHERE snapshot_id = %s RETURNING 1", snapshot_id)

    call(db, erasing.erase, account_id, NUMBER)

    sql = "SELECT msisdn FROM snapshot_members WHERE snapshot_id = %s ORDER BY ordinal"
    assert fetch(db, sql, snapshot_id) == [(0,), (int(OTHER),)]


def test_what_is_known_of_a_number_names_the_audiences_it_was_frozen_in(
    db: Database, account_id: int, other_account_id: int
) -> None:
    freeze(db, account_id, 1, {"numbers": [OTHER, NUMBER]})
    new_contact(db, account_id, NUMBER, first_name="Άννα", custom1="VIP", note="δική μας")
    freeze(db, account_id, 2, {"all": True})
    freeze(db, other_account_id, 3, {"numbers": [NUMBER]})
    old = freeze(db, account_id, 4, {"numbers": [NUMBER]})
    fetch(db, "DELETE FROM link_pages WHERE snapshot_id = %s RETURNING 1", old)

    mine = call(db, gdpr.about, account_id, NUMBER)["audiences"]

    fields = {"first_name": "Άννα", "custom1": "VIP"}
    assert [
        (one["campaign_id"], {k: v for k, v in (one["fields"] or {}).items() if k != "vocative"})
        for one in mine
    ] == [
        (1, {}),
        (2, fields),
        (4, fields),
    ]
    assert mine[0]["fields"] is None
    assert all(one["frozen_at"].endswith("Z") for one in mine)
    found = call(db, gdpr.about, account_id, OTHER)
    assert (found["known"], [one["campaign_id"] for one in found["audiences"]]) == (True, [1])


def test_a_number_whose_snapshot_has_gone_is_known_by_its_link_until_it_is_erased(
    db: Database, account_id: int
) -> None:
    snapshot_id = freeze(db, account_id, 1, {"numbers": [NUMBER]})
    fetch(db, "DELETE FROM snapshot_members WHERE snapshot_id = %s RETURNING 1", snapshot_id)
    fetch(db, "DELETE FROM snapshots WHERE id = %s RETURNING 1", snapshot_id)
    assert [one["campaign_id"] for one in call(db, gdpr.about, account_id, NUMBER)["audiences"]] == [1]

    call(db, erasing.erase, account_id, NUMBER)

    assert not call(db, gdpr.about, account_id, NUMBER)["known"]


def test_an_audience_is_not_frozen_while_somebody_is_erased_and_then_without_him(
    db: Database, account_id: int
) -> None:
    new_contact(db, account_id, NUMBER)
    wanted = {"all": True, "numbers": [NUMBER, OTHER]}
    snapshot_id = call(db, asking.freeze_audience, account_id, 1, wanted)["snapshot_id"]
    url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(url)

    with db.transaction() as session:
        erasing.erase(session, account_id, NUMBER)
        assert not freezing.freeze_next(connection)
    assert freezing.freeze_next(connection)
    connection.close()

    page = call(db, audiences.audience_page, account_id, snapshot_id, 0, 10)["members"]
    assert [member[1] for member in page] == [OTHER]


def test_what_undoes_a_bulk_action_forgets_the_number_too(db: Database, account_id: int) -> None:
    contact_id = new_contact(db, account_id, NUMBER)
    call(db, suppressions.suppress, account_id, [NUMBER], "asked", "hand")
    job = call(db, bulk.bulk, account_id, "unblacklist", {"ids": [contact_id]}, None)
    call(db, erasing.erase, account_id, NUMBER)

    call(db, bulk.undo_bulk, account_id, job["id"])

    assert not call(db, gdpr.about, account_id, NUMBER)["known"]
    assert NUMBER not in str(fetch(db, "SELECT before FROM bulk_items WHERE job_id = %s", job["id"]))


def test_the_link_opts_out_by_the_pseudonym_once_and_for_ever(
    db: Database, account_id: int, other_account_id: int
) -> None:
    snapshot_id = freeze(db, account_id, 1, {"numbers": [NUMBER]})
    ((_, _, token, _),) = call(db, audiences.audience_page, account_id, snapshot_id, 0, 10)["members"]
    call(db, erasing.erase, account_id, NUMBER)
    assert call(db, unsubscribing.page, token) == {
        "account_name": "",
        "number": "",
        "state": "open",
        "may_undo": False,
    }

    for _ in range(2):
        assert call(db, unsubscribing.unsubscribe, token)["state"] == "done"

    with pytest.raises(NothingToUndo):
        call(db, unsubscribing.undo, token)
    pseudonym = str(pseudonyms.of(account_id, int(NUMBER)))
    events = told(db, account_id, "contacts.numbers_erased")
    assert [event["opted_out_since"] for event in events] == [[], [pseudonym]]
    mine, theirs = new_contact(db, account_id, NUMBER), new_contact(db, other_account_id, NUMBER)
    assert call(db, read.get_contact, account_id, mine)["blacklisted"]
    assert not call(db, read.get_contact, other_account_id, theirs)["blacklisted"]


def test_no_table_has_the_number_or_the_name_when_all_is_over(
    db: Database, account_id: int, worker: Any
) -> None:
    rows = csv("Κινητό;Όνομα", f"{NUMBER};Ζηνοβία", f"{OTHER};Άννα")
    commit(db, account_id, analysed(db, account_id, rows)["id"])
    made = {"first_name": "Ζηνοβία", "numbers": [{"number": "306970000003"}, {"number": "306970000004"}]}
    answer = call(db, contacts.create_contact, account_id, made, "key-1")

    call(db, erasing.erase, account_id, NUMBER)
    call(db, erasing.erase, account_id, "306970000004")

    mine = fetch(
        db,
        "SELECT table_name FROM information_schema.columns JOIN pg_class ON relname = table_name AND relkind = 'r'"
        " WHERE column_name = 'account_id' AND table_schema = 'public'",
    )
    kept = {
        name: str(fetch(db, f"SELECT t::text FROM {name} t WHERE account_id = %s", account_id))
        for (name,) in mine
    }
    assert OTHER in kept["phones"]
    gone = (NUMBER, "306970000003", "Ζηνοβία", "ζηνοβια")
    assert [name for name, found in kept.items() if any(word in found for word in gone)] == []
    again = call(db, contacts.create_contact, account_id, made, "key-1")
    assert again == {"id": answer["id"], "version": answer["version"]}


def test_an_import_that_failed_after_its_columns_were_seen_forgets_the_number_too(
    db: Database, account_id: int, worker: Any
) -> None:
    new_contact(db, account_id, NUMBER)
    import_id = analysed(db, account_id, csv("Κινητό;Όνομα", f"{NUMBER};Άννα"))["id"]
    fetch(db, "UPDATE imports SET state = 'failed', preview = '[]' WHERE id = %s RETURNING 1", import_id)
    columns = "SELECT columns::text FROM imports WHERE id = %s"
    assert NUMBER in fetch(db, columns, import_id)[0][0]

    call(db, erasing.erase, account_id, NUMBER)

    left = fetch(db, columns, import_id)[0][0]
    assert NUMBER not in left
    assert "Άννα" not in left
