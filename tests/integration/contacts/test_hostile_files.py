"""Files and uploads that are wrong, and meant to be: a clear code, nothing stored, no process down."""

from __future__ import annotations

import base64
import io
import random
import zipfile

import openpyxl
import pytest

from servicekit.database import Database
from services.contacts import domain
from services.contacts.errors import (
    FileTooLarge,
    ImportIncomplete,
    InvalidFields,
    PasteTooLarge,
    PieceOutOfOrder,
    PieceTooLarge,
    TooManyImports,
    WrongImportState,
)
from services.contacts.use_cases import imports
from tests.integration.contacts.support import (
    PELATES,
    Running,
    analysed,
    call,
    commit,
    csv,
    everyone,
    fetch,
    until_over,
    upload,
    workbook_of_rejects,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("worker")]


def zipped(**entries: bytes) -> bytes:
    """An archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return buffer.getvalue()


def entity_bomb() -> bytes:
    """The example workbook with entities in one of its parts."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(PELATES)) as good,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bad,
    ):
        for name in good.namelist():
            content = good.read(name)
            if name.endswith("workbook.xml"):
                content = b'<!DOCTYPE x [<!ENTITY a "b">]>' + content
            bad.writestr(name, content)
    return buffer.getvalue()


HOSTILE = {
    "empty": (b"", "file_empty"),
    "blank": (b" \n \n", "no_data_rows"),
    "noise": (random.Random(1).randbytes(5_000), None),
    "cut off": (PELATES[:100_000], "workbook_broken"),
    "a web page": (b"<html><table><tr><td>6970000001</td></tr></table></html>", "not_a_workbook"),
    "an old or locked workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_000), "old_xls_format"),
    "locked": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le") + bytes(4_000),
        "workbook_encrypted",
    ),
    "a zip of something else": (zipped(readme=b"hello"), "not_a_workbook"),
    "a bomb": (
        zipped(**{"[Content_Types]_xml": b"<x/>", "xl__workbook_xml": bytes(300 << 20)}),
        "workbook_too_large",
    ),
    "entities": (entity_bomb(), "workbook_unsafe"),
    "wrong columns": (csv("Όνομα;Πόλη", "Άννα;Βόλος"), "no_number_column"),
    "headers only": (csv("Κινητό;Όνομα"), "no_data_rows"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_cannot_be_imported_fails_with_its_code_and_leaves_nothing(
    db: Database, account_id: int, worker: Running, name: str
) -> None:
    content, code = HOSTILE[name]

    found = until_over(db, account_id, upload(db, account_id, content, "πελάτες.xlsx"))

    assert found["state"] == "failed"
    assert code is None or found["error"]["code"] == code
    assert found["error"]["el"] != found["error"]["code"] != found["error"]["en"]
    assert found["counts"] == {"rows": 0, "accepted": 0, "updated": 0, "duplicates": 0, "rejected": 0}
    assert fetch(db, "SELECT count(*) FROM import_pages WHERE import_id = %s", found["id"]) == [(0,)]
    assert everyone(db, account_id) == []
    assert worker.process.poll() is None
    with pytest.raises(WrongImportState):
        call(db, imports.commit_import, account_id, found["id"], {})


def test_values_that_look_like_something_to_the_database_are_only_text(db: Database, account_id: int) -> None:
    name = "a\\N {\\.} \\x00 'b'"
    rows = (f"6970000001;{name}", '"bad\\""{}\t,NULL";x', "=cmd|'x'!A1;=1+1", "\\.;\\N")
    found = analysed(db, account_id, csv("Κινητό;Όνομα", *rows))

    assert found["counts"] == {"rows": 4, "accepted": 1, "updated": 0, "duplicates": 0, "rejected": 3}
    assert commit(db, account_id, found["id"])["state"] == "done"
    assert everyone(db, account_id)[0]["first_name"] == name
    sheet = openpyxl.load_workbook(io.BytesIO(workbook_of_rejects(db, account_id, found["id"]))).active
    assert sheet is not None
    kept = [[cell.value for cell in row[:2]] for row in sheet.iter_rows(min_row=2)]
    assert kept == [['bad\\"{}\t,NULL', "x"], ["=cmd|'x'!A1", "=1+1"], ["\\.", "\\N"]]


def test_a_file_comes_in_pieces_in_order(db: Database, account_id: int) -> None:
    import_id = call(db, imports.create_import, account_id, {"filename": "f.csv", "size": 4})["id"]
    piece = base64.b64encode(b"ab").decode()

    with pytest.raises(PieceOutOfOrder):
        call(db, imports.append_import, account_id, import_id, 1, piece)
    for _ in range(2):
        assert call(db, imports.append_import, account_id, import_id, 0, piece)["received"] == 2
    with pytest.raises(PieceOutOfOrder):
        call(db, imports.append_import, account_id, import_id, 0, base64.b64encode(b"xx").decode())
    with pytest.raises(ImportIncomplete):
        call(db, imports.analyse_import, account_id, import_id)
    with pytest.raises(FileTooLarge):
        call(db, imports.append_import, account_id, import_id, 1, base64.b64encode(b"abc").decode())
    for bad in ("", "not base64", 5, None):
        with pytest.raises(InvalidFields):
            call(db, imports.append_import, account_id, import_id, 1, bad)
    with pytest.raises(PieceTooLarge):
        call(
            db,
            imports.append_import,
            account_id,
            import_id,
            1,
            base64.b64encode(bytes((1 << 20) + 1)).decode(),
        )


def test_files_and_pastes_have_a_size_they_may_not_pass(db: Database, account_id: int) -> None:
    with pytest.raises(FileTooLarge):
        call(db, imports.create_import, account_id, {"filename": "f", "size": domain.MAX_FILE_BYTES + 1})
    with pytest.raises(PasteTooLarge):
        call(db, imports.create_import_text, account_id, "6" * 5_000_001)
    with pytest.raises(InvalidFields):
        call(db, imports.create_import, account_id, {"filename": "f", "size": -1})


def test_an_account_has_a_number_of_open_imports_it_may_not_pass(db: Database, account_id: int) -> None:
    ids = [call(db, imports.create_import, account_id, {"filename": "f", "size": 1})["id"] for _ in range(20)]

    with pytest.raises(TooManyImports):
        call(db, imports.create_import_text, account_id, "6970000001")
    call(db, imports.cancel_import, account_id, ids[0])
    call(db, imports.create_import_text, account_id, "6970000001")
