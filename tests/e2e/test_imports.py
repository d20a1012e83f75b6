"""Imports as customers do them: from the template or their own file to contacts in groups, and what goes wrong."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest

from deploy.local.layout import ROOT
from tests.support.waiting import eventually

from .shop import Keryx, Shop, numbers

pytestmark = pytest.mark.e2e

EXAMPLES = ROOT / "examples"
NO_ROWS = {"rows": 0, "accepted": 0, "updated": 0, "duplicates": 0, "rejected": 0}


@pytest.fixture
def shop(running: Keryx) -> Shop:
    """A customer; nothing is sent, so no money is needed."""
    return running.shop(money=0)


def upload(shop: Shop, content: bytes, name: str = "file.csv", key: str = "") -> dict[str, Any]:
    """An import once its file is looked at."""
    headers = {"Idempotency-Key": key} if key else {}
    answer = shop.http.post("/api/v1/imports", files={"file": (name, content)}, headers=headers)
    assert answer.status_code in (201, 202), answer.text
    return until(shop, answer.json()["id"], "analysed", "failed")


def until(shop: Shop, import_id: str, *states: str, timeout: float = 30) -> dict[str, Any]:
    """An import once it is in one of ``states``."""

    def look() -> dict[str, Any]:
        found: dict[str, Any] = shop.get(f"/imports/{import_id}")
        assert found["state"] in states, found
        return found

    return eventually(look, timeout, 0.05, f"import {states}")


def commit(shop: Shop, import_id: str, **how: Any) -> dict[str, Any]:
    """An import once it is stored."""
    shop.post(f"/imports/{import_id}/commit", how, 202)
    return until(shop, import_id, "done")


def csv(*rows: str, encoding: str = "utf-8-sig") -> bytes:
    """A file as Excel saves it."""
    return "\r\n".join(rows).encode(encoding)


def members(shop: Shop) -> dict[str, int]:
    """How many contacts each group has, by its name."""
    return {group["name"]: group["members"] for group in shop.get("/groups")["data"]}


@pytest.mark.parametrize(
    ("lang", "number", "name"), [("el", "Κινητό", "Επίθετο"), ("en", "Mobile", "Last name")]
)
def test_the_template_is_downloaded_filled_in_and_imported(
    shop: Shop, lang: str, number: str, name: str
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(shop.get("/imports/template.xlsx", lang=lang)))
    sheet = book.worksheets[0]
    headers = [cell.value for cell in sheet[1]]
    assert {number, name} <= set(headers)
    for row, (mobile, surname) in enumerate([("694 111 1111", "Μακρής"), ("21", "Ρήγας")], 2):
        sheet.cell(row, headers.index(number) + 1).value = mobile
        sheet.cell(row, headers.index(name) + 1).value = surname
    filled = io.BytesIO()
    book.save(filled)

    found = upload(shop, filled.getvalue(), "template.xlsx")

    assert found["mapping"]["last_name"]["header"] == name
    assert [(row["verdict"], row["reason"]) for row in found["preview"]] == [
        ("accepted", ""),
        ("rejected", "too_short"),
    ]
    assert commit(shop, found["id"])["counts"] == NO_ROWS | {"rows": 2, "accepted": 1, "rejected": 1}
    assert [one["last_name"] for one in shop.get("/contacts")["data"]] == ["Μακρής"]
    shop.get("/imports/template.xlsx", 422, lang="de")


@pytest.mark.parametrize(
    ("encoding", "separator"), [("utf-8", ";"), ("utf-8-sig", ","), ("utf-16", "\t"), ("cp1253", ";")]
)
def test_text_is_read_in_every_encoding_and_with_every_separator(
    shop: Shop, encoding: str, separator: str
) -> None:
    rows = (["Όνομα", "Κινητό", "Πόλη"], ["Άννα", "+30 694 222 2222", "Βόλος"], ["Ζωή", "x", "Άργος"])
    found = upload(shop, csv(*(separator.join(row) for row in rows), encoding=encoding))

    assert found["header_row"] == 1
    assert found["labels"] == {"custom1": "Πόλη"}
    assert found["counts"] == NO_ROWS | {"rows": 2, "accepted": 1, "rejected": 1}
    assert found["preview"][0]["fields"] == {"first_name": "Άννα", "custom1": "Βόλος"}


def test_the_samples_import_sensibly_and_again_without_doubling(shop: Shop) -> None:
    found = upload(shop, (EXAMPLES / "pelates.xlsx").read_bytes(), "pelates.xlsx")
    counts = NO_ROWS | {"rows": 5000, "accepted": 4470, "duplicates": 142, "rejected": 388}
    assert (found["header_row"], found["counts"]) == (1, counts)
    assert commit(shop, found["id"], group_names=["Πελάτες"])["counts"] == counts

    text = upload(shop, (EXAMPLES / "pelates-excel-greek.csv").read_bytes(), "pelates.csv")
    again = commit(shop, text["id"], policy="overwrite", group_names=["πελατες", "Από το Excel"])
    assert again["counts"]["accepted"] == 0
    assert again["counts"]["updated"] == text["counts"]["updated"] > 300
    assert members(shop) == {"Πελάτες": 4470, "Από το Excel": again["counts"]["updated"]}

    pasted = shop.post("/imports", {"text": (EXAMPLES / "paste.txt").read_text(encoding="utf-8")}, 201)
    total = pasted["counts"]
    assert (
        total["rows"] == total["accepted"] + total["updated"] + total["duplicates"] + total["rejected"] > 200
    )
    assert total["accepted"] > 200


def test_a_mapping_is_corrected_remembered_and_said_so(shop: Shop) -> None:
    headers = "Κινητό;Όνομα;Πόλη"
    first = upload(shop, csv(headers, "6940000001;Μακρής;κλειστό τα Σάββατα"))
    assert first["mapping_source"] == "detected"
    wanted = {"number": "A", "last_name": 1, "note": "C"}
    shop.ask("PATCH", f"/imports/{first['id']}", json={"mapping": wanted})
    corrected = until(shop, first["id"], "analysed")
    assert corrected["mapping_source"] == "corrected"

    again = upload(shop, csv(headers, "6940000002;Ρήγας;-"))
    assert again["mapping_source"] == "remembered"
    assert again["mapping"] == corrected["mapping"]
    commit(shop, again["id"])
    assert [one["last_name"] for one in shop.get("/contacts")["data"]] == ["Ρήγας"]

    problem = shop.ask("PATCH", f"/imports/{first['id']}", 422, json={"mapping": {"number": 7}})
    assert (problem["code"], problem["errors"][0]["pointer"]) == ("invalid_mapping", "/mapping/number")


def test_another_sheet_of_a_workbook_is_read_when_asked_for(shop: Shop) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Αθήνα"
    for sheet, people in (
        (book.active, ("6940000001", "6940000002")),
        (book.create_sheet("Βόλος"), ("6940000003",)),
    ):
        for row in ("Κινητό", *people):
            sheet.append([row])
    content = io.BytesIO()
    book.save(content)
    found = upload(shop, content.getvalue(), "file.xlsx")
    assert (found["sheet"], found["other_sheets"], found["counts"]["rows"]) == ("Αθήνα", ["Βόλος"], 2)

    shop.ask("PATCH", f"/imports/{found['id']}", json={"sheet": "Βόλος"})

    assert commit(shop, until(shop, found["id"], "analysed")["id"])["counts"]["accepted"] == 1
    assert [one["numbers"][0]["number"] for one in shop.get("/contacts")["data"]] == ["306940000003"]
    both = {"sheet": "Αθήνα", "mapping": {"number": 0}}
    assert shop.ask("PATCH", f"/imports/{found['id']}", 422, json=both)["code"] == "invalid_fields"


def test_rejected_rows_are_mended_in_their_workbook_and_imported(shop: Shop) -> None:
    first = upload(shop, csv("Όνομα;Κινητό", "Άννα;694", "Ζωή;6940000003", "=1+1;2104628897"))
    commit(shop, first["id"])
    book = openpyxl.load_workbook(io.BytesIO(shop.get(f"/imports/{first['id']}/rejects.xlsx")))
    sheet = book.active
    assert sheet is not None
    assert [[cell.value for cell in row[:2]] for row in sheet.iter_rows(min_row=2)] == [
        ["Άννα", "694"],
        ["=1+1", "2104628897"],
    ]
    sheet["B2"], sheet["B3"] = "6940000004", "6940000005"
    mended = io.BytesIO()
    book.save(mended)

    second = upload(shop, mended.getvalue(), "rejected.xlsx")

    assert commit(shop, second["id"])["counts"] == NO_ROWS | {"rows": 2, "accepted": 2}
    assert {one["first_name"] for one in shop.get("/contacts")["data"]} == {"Ζωή", "Άννα", "=1+1"}


@pytest.mark.parametrize(("policy", "name", "email"), [
    ("skip", "Παλιό", ""), ("fill", "Παλιό", "a@example.gr"), ("overwrite", "Νέο", "a@example.gr"),
])  # fmt: skip
def test_the_policy_says_what_becomes_of_known_numbers(
    shop: Shop, policy: str, name: str, email: str
) -> None:
    shop.post("/contacts", {"first_name": "Παλιό", "numbers": [{"number": "6940000006"}]}, 201)
    found = upload(shop, csv("Κινητό;Όνομα;Email", "6940000006;Νέο;a@example.gr"))

    assert commit(shop, found["id"], policy=policy)["counts"] == NO_ROWS | {"rows": 1, "updated": 1}
    (contact,) = shop.get("/contacts")["data"]
    assert (contact["first_name"], contact["email"]) == (name, email)


def test_an_import_blacklists_when_asked(shop: Shop) -> None:
    found = upload(shop, csv("Κινητό", *numbers(3)))
    commit(shop, found["id"], blacklist=True)
    assert {one["number"] for one in shop.get("/blacklist")["data"]} == set(numbers(3))


def test_a_repeated_upload_and_a_repeated_commit_happen_once(shop: Shop) -> None:
    content = csv("Κινητό", "6940000007")
    first, again = upload(shop, content, key="upload-1"), upload(shop, content, key="upload-1")
    assert first["id"] == again["id"]
    assert len(shop.get("/imports")["data"]) == 1
    other = {"file": ("file.csv", csv("Κινητό", "6940000008"))}
    problem = shop.ask("POST", "/imports", 409, files=other, headers={"Idempotency-Key": "upload-1"})
    assert problem["code"] == "idempotency_key_reused"

    way = f"/imports/{first['id']}/commit"
    for _ in range(2):
        shop.post(way, {"policy": "fill"}, 202, headers={"Idempotency-Key": "commit-1"})
    problem = shop.post(way, {"policy": "skip"}, 409, headers={"Idempotency-Key": "commit-1"})
    assert problem["code"] == "idempotency_key_reused"
    assert until(shop, first["id"], "done")["counts"]["accepted"] == 1


def bomb() -> bytes:
    """A small archive that inflates to 300 MB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/workbook.xml", bytes(300 << 20))
    return buffer.getvalue()


def with_entity() -> bytes:
    """A workbook whose XML reaches for a file of ours."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(EXAMPLES / "pelates.xlsx") as good, zipfile.ZipFile(buffer, "w") as bad:
        for name in good.namelist():
            entity = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
            bad.writestr(name, (entity if name.endswith("workbook.xml") else b"") + good.read(name))
    return buffer.getvalue()


def hostile() -> Iterator[tuple[str, bytes, str]]:
    """Name, content and the code it is refused with."""
    yield "bomb.xlsx", bomb(), "workbook_too_large"
    yield "entity.xlsx", with_entity(), "workbook_unsafe"
    yield "photo.xlsx", b"\x89PNG\r\n" + bytes(range(256)), "not_a_workbook"
    yield "page.xls", b"<html><table><tr><td>6940000000</table>", "not_a_workbook"
    yield "zeros.csv", b"\x00" * 500, "csv_binary"
    yield "old.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old_xls_format"
    yield "endless.csv", csv("Κινητό;Όνομα", '6940000000;"' + "x" * (2 << 20)), "csv_broken"
    yield "nobody.csv", csv("Όνομα;Πόλη", "Άννα;Βόλος"), "no_number_column"
    yield "empty.csv", b" \r\n", "no_data_rows"


def test_hostile_files_end_with_a_stable_code_in_both_languages(shop: Shop) -> None:
    for name, content, code in hostile():
        found = upload(shop, content, name)
        assert (found["state"], found["error"]["code"], found["counts"]) == ("failed", code, NO_ROWS), name
        assert found["error"]["el"] != found["error"]["en"]
        assert shop.post(f"/imports/{found['id']}/commit", {}, 409)["code"] == "wrong_import_state"
    assert shop.get("/contacts")["data"] == []


def test_cancelled_before_the_commit_nothing_is_stored(shop: Shop) -> None:
    found = upload(shop, csv("Κινητό", "6940000009"))
    for _ in range(2):
        shop.ask("DELETE", f"/imports/{found['id']}", 204)
    assert shop.get(f"/imports/{found['id']}")["state"] == "cancelled"
    assert shop.post(f"/imports/{found['id']}/commit", {}, 409)["code"] == "wrong_import_state"
    assert shop.get("/contacts")["data"] == []


def test_cancelled_or_killed_in_the_middle_each_row_is_stored_whole_and_the_rest_follows(
    running: Keryx, shop: Shop
) -> None:
    count = 40_000
    content = csv("Κινητό;Όνομα", *(f"{number};Όνομα" for number in numbers(count)))
    first = upload(shop, content)
    shop.post(f"/imports/{first['id']}/commit", {"group_names": ["Α"]}, 202)
    eventually(lambda: shop.get(f"/imports/{first['id']}")["progress"]["done"], 30, 0.02, "a page stored")
    shop.ask("DELETE", f"/imports/{first['id']}", 204)
    stored = shop.get(f"/imports/{first['id']}")["progress"]["done"]
    assert 0 < stored < count
    assert members(shop) == {"Α": stored}

    second = upload(shop, content)
    assert second["counts"] == NO_ROWS | {"rows": count, "accepted": count - stored, "updated": stored}
    shop.post(f"/imports/{second['id']}/commit", {"group_names": ["Α"]}, 202)
    eventually(lambda: shop.get(f"/imports/{second['id']}")["progress"]["done"], 30, 0.02, "a page stored")
    running.kill("contacts-worker")

    done = until(shop, second["id"], "done", timeout=60)
    assert done["counts"] == second["counts"]
    assert done["progress"] == {"done": count, "total": count}
    assert members(shop) == {"Α": count}
