"""Imports through the worker's own process: every row is accounted for, nothing is doubled."""

from __future__ import annotations

import base64
import io
from typing import Any

import openpyxl
import pytest

from servicekit import context
from servicekit.database import Database
from services.contacts.errors import (
    InvalidFields,
    InvalidMapping,
    UnknownGroup,
    WrongImportState,
)
from services.contacts.queries import contacts as contacts_read
from services.contacts.queries import imports as read
from services.contacts.use_cases import audit, imports
from tests.integration.contacts.support import (
    EXAMPLES,
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
    told,
    until_over,
    upload,
    workbook_of_rejects,
)
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("worker")]

FINISHED = "contacts.import_finished"


def test_the_example_workbook_ends_in_a_group_with_every_row_accounted_for(
    db: Database, account_id: int
) -> None:
    group_id = new_group(db, account_id)
    found = analysed(db, account_id, PELATES, "pelates.xlsx")

    assert found["header_row"] == 1
    assert found["mapping"]["number"]["header"] == "Κινητό"
    assert found["mapping"]["number"]["letter"] == "D"
    assert found["labels"]["custom1"] == "Πόλη"
    assert len(found["preview"]) == 10
    assert found["counts"]["rows"] == 5_000
    assert adds_up(found["counts"])
    assert everyone(db, account_id) == []

    done = commit(db, account_id, found["id"], policy="overwrite", group_ids=[group_id])

    assert done["state"] == "done"
    assert done["counts"] == found["counts"]
    assert done["counts"]["rejected"] > 0 < done["counts"]["duplicates"]
    accepted = done["counts"]["accepted"]
    assert done["progress"] == {"done": accepted, "total": accepted}
    assert call(db, contacts_read.get_group, account_id, group_id)["members"] == accepted
    assert fetch(db, "SELECT count(*) FROM contacts WHERE account_id = %s", account_id) == [(accepted,)]

    sheet = openpyxl.load_workbook(io.BytesIO(workbook_of_rejects(db, account_id, found["id"]))).active
    assert sheet is not None
    assert sheet.max_row == 1 + done["counts"]["rejected"]


def test_importing_the_same_file_again_updates_and_never_duplicates(db: Database, account_id: int) -> None:
    first = analysed(db, account_id, PELATES, "pelates.xlsx")
    commit(db, account_id, first["id"])
    before = fetch(db, "SELECT count(*), sum(version) FROM contacts WHERE account_id = %s", account_id)

    second = analysed(db, account_id, PELATES, "pelates.xlsx")
    done = commit(db, account_id, second["id"], policy="overwrite")

    assert (done["counts"]["accepted"], done["counts"]["updated"]) == (0, first["counts"]["accepted"])
    assert done["counts"]["rejected"] == first["counts"]["rejected"]
    assert (
        fetch(db, "SELECT count(*), sum(version) FROM contacts WHERE account_id = %s", account_id) == before
    )


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("skip", ("Παλιό", "", "", ["306970000001"])),
        ("fill", ("Παλιό", "Νέο", "", ["306970000001", "306970000002"])),
        ("overwrite", ("Νέο", "Νέο", "", ["306970000001", "306970000002"])),
    ],
)
def test_the_policy_says_what_happens_to_known_contacts(
    db: Database, account_id: int, policy: str, expected: tuple[Any, ...]
) -> None:
    contact_id = new_contact(db, account_id, "6970000001", first_name="Παλιό")
    group_id = new_group(db, account_id)
    found = analysed(
        db, account_id, csv("Κινητό;Κινητό 2;Όνομα;Επώνυμο;E-mail", "6970000001;6970000002;Νέο;Νέο;")
    )

    done = commit(db, account_id, found["id"], policy=policy, group_ids=[group_id])

    assert done["counts"] == {"rows": 1, "accepted": 0, "updated": 1, "duplicates": 0, "rejected": 0}
    contact = call(db, contacts_read.get_contact, account_id, contact_id)
    numbers = [number["number"] for number in contact["numbers"]]
    assert (contact["first_name"], contact["last_name"], contact["email"], numbers) == expected
    assert contact["group_ids"] == [group_id]


def test_a_row_with_several_numbers_is_one_contact(db: Database, account_id: int) -> None:
    found = analysed(
        db,
        account_id,
        csv("Κινητό;Όνομα", "6970000001 / 6970000002;Άννα", "6970000002;Ελένη", "6970000003;Ζωή"),
    )
    assert found["counts"] == {"rows": 3, "accepted": 2, "updated": 0, "duplicates": 1, "rejected": 0}

    commit(db, account_id, found["id"])

    anna, zoe = everyone(db, account_id)
    assert [(n["number"], n["primary"]) for n in anna["numbers"]] == [
        ("306970000001", True),
        ("306970000002", False),
    ]
    assert zoe["first_name"] == "Ζωή"


@pytest.mark.parametrize("policy", ["fill", "overwrite"])
def test_a_contact_that_is_there_gets_no_more_numbers_than_it_may_have(
    db: Database, account_id: int, policy: str
) -> None:
    its = [f"69700000{n:02d}" for n in range(18)]
    new_contact(db, account_id, *its)
    rows = (f"{its[0]} / 6971000001;", f"6971000002;{its[1]}", f"6971000003;{its[2]}")
    found = analysed(db, account_id, csv("Κινητό;Κινητό 2", *rows))

    done = commit(db, account_id, found["id"], policy=policy)

    assert done["counts"] == {"rows": 3, "accepted": 0, "updated": 3, "duplicates": 0, "rejected": 0}
    [contact] = everyone(db, account_id)
    gained = {"306971000001", "306971000002"}
    assert {one["number"] for one in contact["numbers"]} == {f"30{number}" for number in its} | gained


def test_what_was_new_when_looked_at_may_be_known_when_stored(db: Database, account_id: int) -> None:
    found = analysed(db, account_id, csv("Κινητό", "6970000001", "6970000002"))
    new_contact(db, account_id, "6970000001")

    done = commit(db, account_id, found["id"])

    assert done["counts"] == {"rows": 2, "accepted": 1, "updated": 1, "duplicates": 0, "rejected": 0}
    assert len(everyone(db, account_id)) == 2


def test_rows_join_the_groups_they_name(db: Database, account_id: int) -> None:
    vip = new_group(db, account_id, "VIP")
    found = analysed(
        db, account_id, csv("Κινητό;Ομάδα", "6970000001;vip; ", "6970000002;Νέοι, VIP", "6970000003;")
    )

    commit(db, account_id, found["id"])

    groups = {
        g["name"]: g["members"] for g in call(db, contacts_read.list_groups, account_id, None, 10)["data"]
    }
    assert groups == {"VIP": 2, "Νέοι": 1}
    assert everyone(db, account_id)[0]["group_ids"] == [vip]


def test_an_import_can_blacklist_its_numbers(db: Database, account_id: int) -> None:
    found = analysed(db, account_id, csv("Κινητό", *(str(6_970_000_000 + n) for n in range(600))))

    commit(db, account_id, found["id"], blacklist=True)

    events = told(db, account_id, "contacts.suppression_bulk_changed")
    assert [len(event["suppressed"]) for event in events] == [500, 100]
    assert all(contact["blacklisted"] for contact in everyone(db, account_id))


def test_how_an_import_ended_is_told_once_with_its_counts(db: Database, account_id: int) -> None:
    found = analysed(
        db, account_id, csv("Κινητό", "6970000001", "6970000002", "6970000001", "x"), "πελάτες.csv"
    )
    assert told(db, account_id, FINISHED) == []

    done = commit(db, account_id, found["id"])
    call(db, imports.commit_import, account_id, found["id"], {})
    (event,) = told(db, account_id, FINISHED)

    assert {name: event[name] for name in done["counts"]} == done["counts"]
    assert (event["import_id"], event["filename"], event["state"]) == (found["id"], "πελάτες.csv", "done")
    assert (event["stored"], event["failed"]) == (2, None)


def test_an_import_that_fails_is_told_with_the_reason(db: Database, account_id: int) -> None:
    import_id = upload(db, account_id, b"PK\x03\x04 no workbook")
    failed = until_over(db, account_id, import_id)

    (event,) = told(db, account_id, FINISHED)
    assert (event["state"], event["failed"]) == ("failed", failed["error"]["code"])
    assert (event["rows"], event["stored"]) == (0, 0)


def test_a_commit_is_in_the_audit_once_with_who_did_it_and_no_numbers(db: Database, account_id: int) -> None:
    found = analysed(db, account_id, csv("Κινητό", "6970000001", "6970000002"))
    context.act_as("user:5")
    try:
        commit(db, account_id, found["id"], blacklist=True)
        call(db, imports.commit_import, account_id, found["id"], {"blacklist": True})
    finally:
        context.act_as("")

    (entry,) = call(db, audit.list_audit, account_id, {}, None, 10)["data"]
    assert (entry["actor"], entry["action"], entry["object"]) == (
        "user:5", "import.committed", f"import:{found['id']}",
    )  # fmt: skip
    assert (entry["details"]["accepted"], entry["details"]["blacklist"]) == (2, True)
    assert "697000" not in str(entry)


def test_a_paste_is_imported_like_a_file(db: Database, account_id: int) -> None:
    text = (EXAMPLES / "paste.txt").read_text(encoding="utf-8")
    import_id = call(db, imports.create_import_text, account_id, text)["id"]
    found = until_over(db, account_id, import_id)

    assert found["state"] == "analysed"
    assert found["counts"]["accepted"] > 200
    assert adds_up(found["counts"])
    done = commit(db, account_id, import_id)
    assert done["progress"]["done"] == done["counts"]["accepted"]


def test_greek_csv_of_old_excel_is_read(db: Database, account_id: int) -> None:
    content = (EXAMPLES / "pelates-excel-greek.csv").read_bytes()
    found = analysed(db, account_id, content, "pelates-excel-greek.csv")

    assert found["mapping"]["number"]["header"] == "Κινητό"
    assert adds_up(found["counts"])


def test_a_corrected_mapping_judges_the_rows_anew(db: Database, account_id: int) -> None:
    found = analysed(db, account_id, csv("Κινητό;Όνομα;Πόλη", "6970000001;Άννα;Βόλος", "x;Ζωή;Βόλος"))
    assert found["counts"]["accepted"] == 1

    call(
        db,
        imports.update_import,
        account_id,
        found["id"],
        {"number": 0, "last_name": "B", "note": {"column": 2}},
    )
    again = until_over(db, account_id, found["id"])

    assert again["counts"] == found["counts"]
    assert again["mapping"]["last_name"] == {"column": 1, "letter": "B", "header": "Όνομα"}
    commit(db, account_id, found["id"])
    (anna,) = everyone(db, account_id)
    assert (anna["first_name"], anna["last_name"], anna["note"]) == ("", "Άννα", "Βόλος")


def two_sheets() -> bytes:
    """A workbook that somebody has cut by the alphabet."""
    book = openpyxl.Workbook()
    book.active.title = "Α–Μ"
    for row in (("Κινητό", "Όνομα"), ("6970000001", "Άννα"), ("6970000002", "Βάσω")):
        book.active.append(row)
    second = book.create_sheet("Ν–Ω")
    for row in (("Όνομα", "Πόλη", "Κινητό"), ("Νίκος", "Βόλος", "6970000003")):
        second.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_second_sheet_of_people_is_named_and_read_when_asked_for(db: Database, account_id: int) -> None:
    found = analysed(db, account_id, two_sheets(), "file.xlsx")
    assert (found["sheet"], found["other_sheets"], found["counts"]["rows"]) == ("Α–Μ", ["Ν–Ω"], 2)

    call(db, imports.update_import, account_id, found["id"], None, "Ν–Ω")
    second = until_over(db, account_id, found["id"])

    assert (second["sheet"], second["other_sheets"], second["counts"]["rows"]) == ("Ν–Ω", ["Α–Μ"], 1)
    assert second["mapping"]["number"]["column"] == 2
    call(db, imports.update_import, account_id, found["id"], {"number": "C", "first_name": "B"})
    assert until_over(db, account_id, found["id"])["sheet"] == "Ν–Ω", "another mapping is of the same sheet"
    commit(db, account_id, found["id"])
    assert [one["first_name"] for one in everyone(db, account_id)] == ["Βόλος"]


@pytest.mark.parametrize("sheet", ["Ω", "", 5, ["Ν–Ω"]])
def test_a_sheet_that_is_not_there_is_refused_and_changes_nothing(
    db: Database, account_id: int, sheet: Any
) -> None:
    found = analysed(db, account_id, two_sheets(), "file.xlsx")

    with pytest.raises(InvalidFields) as refused:
        call(db, imports.update_import, account_id, found["id"], None, sheet)
    assert refused.value.errors[0]["pointer"] == "/sheet"
    with pytest.raises(InvalidFields):
        call(db, imports.update_import, account_id, found["id"], {"number": 0}, "Ν–Ω")
    assert call(db, read.get_import, account_id, found["id"])["state"] == "analysed"


def test_the_workbook_of_rejects_has_cells_beyond_the_columns_too(db: Database, account_id: int) -> None:
    people = [f"69700{n:05};Α" for n in range(300)]
    found = analysed(db, account_id, csv("Κινητό;Όνομα", *people, "Παππάς; Άννα;;;6971111111"))

    workbook = openpyxl.load_workbook(io.BytesIO(workbook_of_rejects(db, account_id, found["id"])))

    rows = list(workbook.active.iter_rows(values_only=True))
    assert rows[0][:2] == ("Κινητό", "Όνομα")
    assert rows[1][:2] == ("Παππάς", " Άννα")
    assert rows[1][4:] == (None, None, "6971111111")


@pytest.mark.parametrize(
    "mapping",
    [{}, [], None, {"number": 99}, {"number": 0, "email": 0}, {"number": 0, "x": 1}, {"number": "ZZ"}],
)
def test_a_mapping_that_cannot_be_is_refused_and_changes_nothing(
    db: Database, account_id: int, mapping: Any
) -> None:
    found = analysed(db, account_id, csv("Κινητό;Όνομα", "6970000001;Άννα"))

    with pytest.raises(InvalidMapping):
        call(db, imports.update_import, account_id, found["id"], mapping)
    assert call(db, read.get_import, account_id, found["id"])["state"] == "analysed"


def test_without_a_column_of_numbers_it_fails_until_somebody_points_at_one(
    db: Database, account_id: int
) -> None:
    content = csv("α;β", "x;697-000", "y;6970000001", "z;w")
    found = until_over(db, account_id, upload(db, account_id, content, "file.csv"))
    assert (found["state"], found["error"]["code"]) == ("failed", "no_number_column")
    assert found["error"]["el"] != found["error"]["en"]

    call(db, imports.update_import, account_id, found["id"], {"number": "B"})

    again = until_over(db, account_id, found["id"])
    assert (again["state"], again["error"], again["counts"]["accepted"]) == ("analysed", None, 1)


def test_a_cancelled_import_stores_nothing_more(db: Database, account_id: int) -> None:
    found = analysed(db, account_id, csv("Κινητό", "6970000001"))

    assert call(db, imports.cancel_import, account_id, found["id"])["state"] == "cancelled"
    assert call(db, imports.cancel_import, account_id, found["id"])["state"] == "cancelled"
    assert told(db, account_id, FINISHED) == []  # it had not begun
    cancelled = call(db, audit.list_audit, account_id, {"action": "import.cancelled"}, None, 10)["data"]
    assert [one["object"] for one in cancelled] == [f"import:{found['id']}"]
    with pytest.raises(WrongImportState):
        call(db, imports.commit_import, account_id, found["id"], {})
    assert everyone(db, account_id) == []


def test_the_same_commit_again_changes_nothing_and_another_is_refused(db: Database, account_id: int) -> None:
    found = analysed(db, account_id, csv("Κινητό", "6970000001"))
    commit(db, account_id, found["id"], policy="fill")

    assert commit(db, account_id, found["id"], policy="fill")["state"] == "done"
    with pytest.raises(WrongImportState):
        call(db, imports.commit_import, account_id, found["id"], {"policy": "overwrite"})
    other = analysed(db, account_id, csv("Κινητό", "6970000002"))
    with pytest.raises(UnknownGroup):
        call(db, imports.commit_import, account_id, other["id"], {"group_ids": [10**9]})


def test_imports_of_one_account_run_one_after_the_other(db: Database, account_id: int) -> None:
    rows = [f"{6_970_000_000 + n};{n}" for n in range(6_000)]
    ids = [analysed(db, account_id, csv("Κινητό;Όνομα", *rows))["id"] for _ in range(2)]
    for import_id in ids:
        call(db, imports.commit_import, account_id, import_id, {"policy": "overwrite"})

    first, second = (until_over(db, account_id, import_id) for import_id in ids)

    assert first["counts"]["accepted"] == second["counts"]["updated"] == 6_000
    assert fetch(db, "SELECT count(*) FROM contacts WHERE account_id = %s", account_id) == [(6_000,)]


def test_what_an_import_leaves_behind_is_tidied_up_and_its_rejects_stay(
    db: Database, account_id: int
) -> None:
    found = analysed(db, account_id, csv("Κινητό", "6970000001", "x"))
    commit(db, account_id, found["id"])

    eventually(lambda: fetch(db, "SELECT purged FROM imports WHERE id = %s", found["id"]) == [(True,)])

    assert fetch(db, "SELECT count(*) FROM import_pages WHERE import_id = %s", found["id"]) == [(0,)]
    kinds = fetch(db, "SELECT DISTINCT kind FROM import_pieces WHERE import_id = %s", found["id"])
    assert kinds == [("rejects",)]
    assert workbook_of_rejects(db, account_id, found["id"])[:2] == b"PK"


@pytest.mark.parametrize("locale", ["el", "en"])
def test_the_template_can_be_filled_in_and_imported(db: Database, account_id: int, locale: str) -> None:
    answer = imports.import_template(locale)
    workbook = openpyxl.load_workbook(io.BytesIO(base64.b64decode(answer["data_b64"])))
    sheet = workbook.worksheets[0]
    sheet.append(["6970000001", None, "κ.", "Άννα"])
    buffer = io.BytesIO()
    workbook.save(buffer)

    found = analysed(db, account_id, buffer.getvalue(), "template.xlsx")

    assert found["counts"]["accepted"] == 1
    assert len(found["mapping"]) == 13
