"""What an account's next import knows of the one before, and what must not happen twice."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Iterator
from typing import Any

import openpyxl
import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.errors import Conflict
from servicekit.database import Database
from services.contacts import queries
from services.contacts.errors import WrongImportState
from services.contacts.jobs import Claim, applying, staging
from services.contacts.queries import contacts as contacts_read
from services.contacts.queries import imports as read
from services.contacts.use_cases import contacts, groups, imports
from tests.integration.contacts.support import (
    PELATES,
    adds_up,
    analysed,
    call,
    commit,
    csv,
    everyone,
    fetch,
    new_contact,
    new_group,
    until_over,
    upload,
    workbook_of_rejects,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("worker")]

HEADERS = "Κινητό;Όνομα;Πόλη"
_ids = itertools.count(900_000)


def group_counts(db: Database, account_id: int) -> dict[str, int]:
    """Members by name of group."""
    found = call(db, contacts_read.list_groups, account_id, None, 100)["data"]
    return {group["name"]: group["members"] for group in found}


def test_a_corrected_mapping_is_remembered_for_files_with_the_same_headers(
    db: Database, account_id: int, other_account_id: int
) -> None:
    first = analysed(db, account_id, csv(HEADERS, "6970000001;Άννα;Βόλος"))
    assert first["mapping_source"] == "detected"
    corrected = {"number": "A", "last_name": "B", "note": "C"}
    call(db, imports.update_import, account_id, first["id"], corrected)
    assert until_over(db, account_id, first["id"])["mapping_source"] == "corrected"

    again = analysed(db, account_id, csv("ΚΙΝΗΤΟ;ονομα;Πόλη", "6970000002;Ζωή;Άργος"))
    other_headers = analysed(db, account_id, csv("Κινητό;Όνομα;Χωριό", "6970000003;Εύα;Λίμνη"))
    other_account = analysed(db, other_account_id, csv(HEADERS, "6970000001;Άννα;Βόλος"))

    assert again["mapping_source"] == "remembered"
    assert {field: one["column"] for field, one in again["mapping"].items()} == {
        "number": 0,
        "last_name": 1,
        "note": 2,
    }
    assert again["labels"] == {}
    assert (other_headers["mapping_source"], other_headers["labels"]) == ("detected", {"custom1": "Χωριό"})
    assert other_account["mapping_source"] == "detected"


def test_a_mapping_that_mended_a_failed_import_is_remembered_too(db: Database, account_id: int) -> None:
    rows = ("Όνομα;Στοιχεία", "Άννα;697-000", "Ζωή;6970000001", "Εύα;-", "Ρέα;x")
    import_id = analysed_or_failed(db, account_id, csv(*rows))["id"]
    call(db, imports.update_import, account_id, import_id, {"number": "B"})
    assert until_over(db, account_id, import_id)["state"] == "analysed"

    again = analysed(db, account_id, csv(*rows))

    assert (again["mapping_source"], again["counts"]["accepted"]) == ("remembered", 1)


def analysed_or_failed(db: Database, account_id: int, content: bytes) -> dict[str, Any]:
    """The import of a file once nothing is being done to it."""
    return until_over(db, account_id, upload(db, account_id, content, "file.csv"))


def test_rejected_rows_can_be_mended_in_their_workbook_and_imported(db: Database, account_id: int) -> None:
    first = analysed(db, account_id, PELATES, "pelates.xlsx")
    done = commit(db, account_id, first["id"])
    book = openpyxl.load_workbook(io.BytesIO(workbook_of_rejects(db, account_id, first["id"])))
    sheet = book.active
    assert sheet is not None
    number = [cell.value for cell in sheet[1]].index("Κινητό") + 1
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row, number).value = str(6_900_000_000 + row)
    buffer = io.BytesIO()
    book.save(buffer)

    second = analysed(db, account_id, buffer.getvalue(), "pelates-rejected.xlsx")
    mended = commit(db, account_id, second["id"])

    assert second["mapping"].keys() == first["mapping"].keys()
    assert mended["counts"] == {
        "rows": done["counts"]["rejected"],
        "accepted": done["counts"]["rejected"],
        "updated": 0,
        "duplicates": 0,
        "rejected": 0,
    }
    total = done["counts"]["accepted"] + mended["counts"]["accepted"]
    assert fetch(db, "SELECT count(*) FROM contacts WHERE account_id = %s", account_id) == [(total,)]


def test_what_was_rejected_of_a_paste_can_be_mended_in_its_workbook_and_imported(
    db: Database, account_id: int
) -> None:
    text = "697000001\n6970000002\n2104628897 =1+1"
    import_id = call(db, imports.create_import_text, account_id, text)["id"]
    assert until_over(db, account_id, import_id)["counts"]["rejected"] == 3
    book = openpyxl.load_workbook(io.BytesIO(workbook_of_rejects(db, account_id, import_id)))
    sheet = book.active
    assert sheet is not None
    header, *rows = sheet.iter_rows(values_only=True)
    assert header[0] == "Κινητό / Mobile"
    assert [row[0] for row in rows] == ["697000001", "2104628897", "=1+1"]
    assert all("line" in str(row[2]) for row in rows)
    sheet["A2"] = "6970000001"
    buffer = io.BytesIO()
    book.save(buffer)

    mended = analysed(db, account_id, buffer.getvalue(), "import-rejected.xlsx")

    assert mended["mapping"].keys() == {"number"}
    assert (mended["counts"]["accepted"], mended["counts"]["rejected"]) == (1, 2)
    commit(db, account_id, mended["id"])
    assert [one["numbers"][0]["number"] for one in everyone(db, account_id)] == ["306970000001"]


def test_target_groups_may_be_named_and_are_made_where_they_are_not_there(
    db: Database, account_id: int
) -> None:
    vip, other = new_group(db, account_id, "VIP"), new_group(db, account_id, "Άλλη")
    found = analysed(db, account_id, csv("Κινητό;Ομάδα", "6970000001;Νέοι", "6970000002;"))

    done = commit(db, account_id, found["id"], group_ids=[other], group_names=["vip", "Νέοι", "νεοι"])

    assert {vip, other} < set(done["group_ids"])
    assert group_counts(db, account_id) == {"VIP": 2, "Άλλη": 2, "Νέοι": 2}
    assert (
        commit(db, account_id, found["id"], group_ids=[other], group_names=["VIP", "ΝΈΟΙ"])["state"] == "done"
    )


def test_the_preview_shows_values_and_verdicts_of_the_first_rows(db: Database, account_id: int) -> None:
    new_contact(db, account_id, "6970000002")
    rows = ("6970000001;Άννα", "6970000002;Ζωή", "6970000001;Εύα", "2104628897;Ρέα")
    preview = analysed(db, account_id, csv("Κινητό;Όνομα", *rows))["preview"]

    assert [row["verdict"] for row in preview] == ["accepted", "updated", "duplicate", "rejected"]
    assert [row["values"] for row in preview] == [row.split(";") for row in rows]
    assert [row["row"] for row in preview] == [2, 3, 4, 5]
    assert preview[3]["words"]["el"] != preview[3]["words"]["en"]
    assert preview[3]["reason"] == "landline"


def test_a_repeated_upload_is_one_import_and_goes_on_where_it_broke_off(
    db: Database, account_id: int
) -> None:
    content = b"6970000001\n6970000002\n"
    data = {"filename": "f.csv", "size": len(content), "digest": "d1"}
    first = call(db, imports.create_import, account_id, data, "key-1")
    append(db, account_id, first["id"], 0, content[:10])

    again = call(db, imports.create_import, account_id, data, "key-1")
    assert again == first == {"id": first["id"], "state": "receiving"}
    append(db, account_id, again["id"], 0, content[:10])
    append(db, account_id, again["id"], 1, content[10:])
    for _ in range(2):
        call(db, imports.analyse_import, account_id, again["id"])
    append(db, account_id, again["id"], 1, content[10:])

    assert until_over(db, account_id, again["id"])["counts"]["accepted"] == 2
    assert call(db, imports.create_import, account_id, data, "key-1")["state"] == "analysed"
    with pytest.raises(WrongImportState):
        append(db, account_id, again["id"], 2, b"6970000003\n")
    with pytest.raises(Conflict, match="idempotency_key_reused"):
        call(db, imports.create_import, account_id, data | {"digest": "d2"}, "key-1")


def append(db: Database, account_id: int, import_id: int, seq: int, piece: bytes) -> None:
    """A piece of a file."""
    call(db, imports.append_import, account_id, import_id, seq, base64.b64encode(piece).decode())


def test_a_repeated_paste_and_a_repeated_commit_happen_once(db: Database, account_id: int) -> None:
    first, again = (
        call(db, imports.create_import_text, account_id, "6970000001", "paste-1")["id"] for _ in range(2)
    )
    assert first == again
    until_over(db, account_id, first)
    for _ in range(2):
        call(db, imports.commit_import, account_id, first, {"group_names": ["Α"]}, "commit-1")
    assert until_over(db, account_id, first)["state"] == "done"
    with pytest.raises(Conflict, match="idempotency_key_reused"):
        call(db, imports.commit_import, account_id, first, {"policy": "fill"}, "commit-1")
    with pytest.raises(Conflict, match="idempotency_key_reused"):
        call(db, imports.create_import_text, account_id, "6970000002", "paste-1")
    assert len(everyone(db, account_id)) == 1


def test_numbers_and_memberships_go_with_their_contact_and_their_group(db: Database, account_id: int) -> None:
    found = analysed(db, account_id, csv("Κινητό", "6970000001 / 6970000002", "6970000003"))
    done = commit(db, account_id, found["id"], group_names=["Α", "Β"])
    first, second = (contact["id"] for contact in everyone(db, account_id))

    call(db, contacts.delete_contact, account_id, first)
    call(db, groups.delete_group, account_id, done["group_ids"][0])

    assert fetch(db, "SELECT msisdn FROM phones WHERE account_id = %s", account_id) == [(306970000003,)]
    members = "SELECT group_id, contact_id FROM group_members WHERE group_id = ANY(%s)"
    assert fetch(db, members, done["group_ids"]) == [(done["group_ids"][1], second)]


@pytest.fixture(scope="module")
def connections(database_url: str) -> Iterator[tuple[Any, Any]]:
    """Connections as the worker has two."""
    connected = psycopg2.connect(database_url), psycopg2.connect(database_url)
    yield connected
    for one in connected:
        one.close()


def claim_for_me(session: Any, import_id: int, state: str) -> None:
    """The import in ``state`` and leased, in the transaction that gives it to workers: none gets it."""
    sql = """UPDATE imports SET owner = 'me', lease_until = now() + interval '1 minute', state = %(state)s
        WHERE id = %(id)s"""
    queries.run(session, sql, {"id": import_id, "state": state})


def carried_out(
    db: Database, connections: tuple[Any, Any], account_id: int, text: str, policy: str
) -> dict[str, Any]:
    """A paste taken over by the worker's own code, in pages of three rows; another worker keeps off."""
    with db.transaction() as session:
        import_id = imports.create_import_text(session, account_id, text)["id"]
        claim_for_me(session, import_id, "analysing")
    claim = Claim(*connections, import_id, "me", lambda: False)
    staging.analyse(claim)
    assert adds_up(call(db, read.get_import, account_id, import_id)["counts"])
    with db.transaction() as session:
        imports.commit_import(session, account_id, import_id, {"policy": policy})
        claim_for_me(session, import_id, "running")
    applying.apply(claim)
    return dict(call(db, read.get_import, account_id, import_id)["counts"])


def test_a_paste_of_more_scraps_than_a_sheet_has_rows_fails_naming_its_text_and_leaves_nothing(
    db: Database, connections: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, account_id: int
) -> None:
    monkeypatch.setattr("services.contacts.importing.pages.PAGE_ROWS", 2)
    monkeypatch.setattr("services.contacts.importing.paste.MAX_ROWS", 5)
    with db.transaction() as session:
        import_id = imports.create_import_text(session, account_id, "6970000001," + "a," * 5)["id"]
        claim_for_me(session, import_id, "analysing")

    staging.analyse(Claim(*connections, import_id, "me", lambda: False))

    found = call(db, read.get_import, account_id, import_id)
    assert (found["state"], found["error"]["code"]) == ("failed", "too_many_rows")
    assert found["error"]["detail"].startswith("text: ")
    assert set(found["counts"].values()) == {0}
    assert fetch(db, "SELECT count(*) FROM import_pages WHERE import_id = %s", import_id) == [(0,)]


tokens = st.sampled_from(
    ["6970000001", "+30 697 000 0001", "6970000002", "00306970000003", "6970000004", "2104628897", "x", "697"]
)
texts = st.lists(tokens, min_size=1, max_size=12).map("\n".join)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts, texts, st.sampled_from(["skip", "fill", "overwrite"]))
def test_whatever_is_imported_each_row_counts_once_and_each_number_is_stored_once(
    db: Database,
    connections: tuple[Any, Any],
    monkeypatch: pytest.MonkeyPatch,
    first: str,
    second: str,
    policy: str,
) -> None:
    monkeypatch.setattr("services.contacts.importing.pages.PAGE_ROWS", 3)
    account_id = next(_ids)

    one = carried_out(db, connections, account_id, first, policy)
    two = carried_out(db, connections, account_id, second, policy)
    three = carried_out(db, connections, account_id, second, policy)

    assert [adds_up(counts) for counts in (one, two, three)] == [True] * 3
    assert (one["rows"], two["rows"]) == (len(first.split("\n")), len(second.split("\n")))
    stored = fetch(
        db, "SELECT count(*), count(DISTINCT msisdn) FROM phones WHERE account_id = %s", account_id
    )
    accepted = one["accepted"] + two["accepted"]
    assert stored == [(accepted, accepted)]
    assert (three["accepted"], three["updated"]) == (0, two["accepted"] + two["updated"])
    assert fetch(db, "SELECT count(*) FROM contacts WHERE account_id = %s", account_id) == [(accepted,)]
