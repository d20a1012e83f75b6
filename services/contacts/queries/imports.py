"""Imports, read."""

from __future__ import annotations

import base64
from pathlib import PurePath
from typing import Any

from .. import domain, schemas
from ..errors import UnknownImport, WrongImportState
from ..importing import columns, reasons
from . import page, row, rows, value

_COLUMNS = """id, account_id, filename, source, size, received, pieces, state, options, wanted_mapping, mapping, header_row,
    columns, labels, preview, rows, accepted, updated, duplicates, rejected, staged_row, policy, group_ids, blacklist,
    applied_row, applied, error_code, error_detail, purged, created_at, updated_at"""


def record(session: Any, account_id: int, import_id: int, *, lock: bool = False) -> dict[str, Any]:
    """The row of the account's import. Raises UnknownImport."""
    sql = f"SELECT {_COLUMNS} FROM imports WHERE account_id = %(account_id)s AND id = %(id)s"
    params = {"account_id": account_id, "id": import_id}
    found = row(session, sql + (" FOR UPDATE" if lock else ""), params) if domain.is_id(import_id) else None
    if found is None:
        raise UnknownImport("There is no such import.")
    return found


def get_import(session: Any, account_id: int, import_id: int) -> dict[str, Any]:
    """The import as clients see it. Raises UnknownImport."""
    return shown(record(session, account_id, import_id))


def list_imports(session: Any, account_id: int, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of the account's imports, newest first, without previews and columns. Raises BadCursor."""
    limit = domain.page_size(limit)
    before = domain.read_cursor(cursor) or domain.MAX_ID
    sql = f"""SELECT {_COLUMNS} FROM imports WHERE account_id = %(account_id)s AND id < %(before)s
        ORDER BY id DESC LIMIT %(limit)s"""
    found = rows(session, sql, {"account_id": account_id, "before": before, "limit": limit + 1})
    data, following = page(found, limit)
    details = ("preview", "columns")
    return {
        "data": [{k: v for k, v in shown(one).items() if k not in details} for one in data],
        "next_cursor": following,
    }


def shown(record: dict[str, Any]) -> dict[str, Any]:
    """A row of imports as clients see it.

    ``counts``: accepted (numbers new to the account) + updated (the account has the number) + duplicates (the number
    stands higher up in the file) + rejected = rows. ``progress`` counts rows judged, of about ``total``, or rows stored.
    ``other_sheets`` of the workbook look like lists of people too. ``mapping_source``: detected, corrected, or remembered
    from an earlier file with the same headers.
    """
    return {
        "id": record["id"],
        "state": domain.shown_state(record["state"]),
        "filename": record["filename"],
        "source": record["source"],
        "sheet": record["options"].get("sheet") or None,
        "other_sheets": record["options"].get("other_sheets", []),
        "header_row": record["header_row"],
        "mapping": _mapping(record),
        "mapping_source": record["options"].get("mapping_source"),
        "columns": record["columns"],
        "labels": record["labels"],
        "preview": record["preview"],
        "counts": {name: record[name] for name in ("rows", "accepted", "updated", "duplicates", "rejected")},
        "progress": _progress(record),
        "policy": record["policy"],
        "group_ids": record["group_ids"],
        "blacklist": record["blacklist"],
        "error": _error(record),
        "created_at": schemas.iso(record["created_at"]),
        "updated_at": schemas.iso(record["updated_at"]),
    }


def _mapping(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    described = {column["index"]: column for column in record["columns"]}
    return {
        field: {
            "column": index,
            "letter": described[index]["letter"] if index in described else columns.letter(index),
            "header": described[index]["header"] if index in described else "",
        }
        for field, index in record["mapping"].items()
    }


def _progress(record: dict[str, Any]) -> dict[str, int]:
    if record["state"] in ("queued", "running", "done", "cancelled") or record["applied"]:
        return {"done": record["applied"], "total": record["accepted"] + record["updated"]}
    about = record["options"].get("total", 0) if record["state"] == "analysing" else 0
    return {"done": record["rows"], "total": max(about, record["rows"])}


def _error(record: dict[str, Any]) -> dict[str, str] | None:
    code = record["error_code"]
    if not code:
        return None
    words = {locale: reasons.words(code, locale) for locale in ("el", "en")}
    if code == "internal_error":
        words = {"el": "Κάτι πήγε στραβά από τη μεριά μας", "en": "Something went wrong on our side"}
    return {"code": code, "detail": record["error_detail"], **words}


def import_rejects(session: Any, account_id: int, import_id: int, offset: int) -> dict[str, Any]:
    """A piece of at most 512 KiB of the workbook of rejected rows, and where the next begins (None: that was all).

    Raises UnknownImport; WrongImportState while there is none.
    """
    found = record(session, account_id, import_id)
    seq = max(0, int(offset)) // domain.REJECTS_PIECE_BYTES
    sql = "SELECT data FROM import_pieces WHERE import_id = %(id)s AND kind = 'rejects' AND seq = %(seq)s"
    data = value(session, sql, {"id": import_id, "seq": min(seq, 2**31 - 1)})
    if data is None and seq == 0:
        raise WrongImportState(f"The import is {found['state']}; it has no workbook of rejected rows.")
    content = bytes(data or b"")[max(0, int(offset)) % domain.REJECTS_PIECE_BYTES :]
    whole = data is not None and len(data) == domain.REJECTS_PIECE_BYTES
    stem = PurePath(found["filename"]).stem or "import"
    return {
        "data_b64": base64.b64encode(content).decode("ascii"),
        "next_offset": (seq + 1) * domain.REJECTS_PIECE_BYTES if whole else None,
        "filename": f"{stem}-rejected.xlsx",
    }
