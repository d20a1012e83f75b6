"""Imports from the side of who asks for them; the work is done by ``staging`` and ``applying`` in the worker."""

from __future__ import annotations

import base64
import binascii
import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from servicekit import idempotency

from .. import domain, queries, schemas
from ..errors import (
    FileTooLarge,
    ImportIncomplete,
    InvalidFields,
    InvalidMapping,
    PasteTooLarge,
    PieceOutOfOrder,
    PieceTooLarge,
    TooManyImports,
    WrongImportState,
)
from ..importing import template
from ..importing.columns import letter, validate_mapping
from ..importing.errors import BadMapping
from ..importing.paste import MAX_CHARACTERS
from ..importing.reader import MAX_COLUMNS
from ..importing.reasons import Locale
from ..queries import imports as read
from . import audit, import_ends, lock_contacts
from .naming import groups_named

_INSERT = """
INSERT INTO imports (account_id, filename, source, size, received, pieces, state, options)
VALUES (%(account_id)s, %(filename)s, %(source)s, %(size)s, 0, 0, 'receiving', %(options)s::jsonb) RETURNING id
"""

_OPEN = """
SELECT count(*) FROM imports WHERE account_id = %(account_id)s AND NOT purged
    AND state IN ('receiving', 'analysing', 'analysed', 'queued', 'running')
"""

_PUT_PIECE = """
INSERT INTO import_pieces (import_id, kind, seq, data) VALUES (%(id)s, 'file', %(seq)s, %(data)s)
"""

_COUNT_PIECE = """
UPDATE imports SET pieces = pieces + 1, received = received + %(size)s, updated_at = now() WHERE id = %(id)s
"""

_PIECE = "SELECT data FROM import_pieces WHERE import_id = %(id)s AND kind = 'file' AND seq = %(seq)s"

_SET_STATE = "UPDATE imports SET state = %(state)s, updated_at = now() WHERE id = %(id)s"

# staged_row 0 tells the worker to begin again: it drops what an earlier analysis has staged.
_REMAP = """
UPDATE imports SET state = 'analysing', wanted_mapping = %(mapping)s::jsonb, options = options || %(options)s::jsonb,
    staged_row = 0, attempts = 0, rows = 0, accepted = 0, updated = 0, duplicates = 0, rejected = 0, preview = '[]',
    error_code = '', error_detail = '', updated_at = now()
WHERE id = %(id)s
"""

_COMMIT = """
UPDATE imports SET state = 'queued', policy = %(policy)s, group_ids = %(group_ids)s, blacklist = %(blacklist)s,
    attempts = 0, updated_at = now()
WHERE id = %(id)s
"""


def create_import(
    session: Any, account_id: int, data: Any, idempotency_key: str | None = None
) -> dict[str, Any]:
    """A place for a file of ``size`` bytes: ``{id, state}``. Under the same key the same place, as it is now.

    Raises InvalidFields, FileTooLarge, TooManyImports, Conflict("idempotency_key_reused").
    """
    wanted = schemas.load(schemas.NewImport, data)
    if wanted["size"] > domain.MAX_FILE_BYTES:
        raise FileTooLarge(f"At most {domain.MAX_FILE_BYTES >> 20} MB a file.")

    def produce() -> int:
        return _new(session, account_id, "file", wanted)

    import_id = idempotency.remember(session, account_id, idempotency_key, wanted, produce, "create_import")
    return {"id": import_id, "state": read.record(session, account_id, import_id)["state"]}


def append_import(session: Any, account_id: int, import_id: int, seq: int, data_b64: Any) -> dict[str, Any]:
    """The next piece of the file (``seq`` from 0, at most 1 MiB); the same one again changes nothing.

    Raises UnknownImport, WrongImportState, InvalidFields, PieceTooLarge, PieceOutOfOrder, FileTooLarge.
    """
    data = _decode(data_b64)
    found = read.record(session, account_id, import_id, lock=True)
    if not found["purged"] and _is_known(session, import_id, seq, data):
        return {"id": import_id, "received": found["received"], "size": found["size"]}
    domain.require_state("append", found["state"])
    if not isinstance(seq, int) or seq < 0 or seq > found["pieces"]:
        raise PieceOutOfOrder(f"Piece {found['pieces']} comes next.")
    if seq < found["pieces"]:
        raise PieceOutOfOrder(f"Piece {seq} is here already, and is another one.")
    if found["received"] + len(data) > found["size"]:
        raise FileTooLarge(f"More than the {found['size']} bytes announced.")
    _put_piece(session, import_id, seq, data)
    return {"id": import_id, "received": found["received"] + len(data), "size": found["size"]}


def analyse_import(session: Any, account_id: int, import_id: int) -> dict[str, Any]:
    """The file is complete: judge its rows. Again changes nothing. Raises UnknownImport, ImportIncomplete."""
    found = read.record(session, account_id, import_id, lock=True)
    if found["state"] != "receiving":
        return read.shown(found)
    if found["received"] != found["size"]:
        raise ImportIncomplete(f"{found['received']} of {found['size']} bytes have arrived.")
    _set_state(session, import_id, "analysing")
    return read.get_import(session, account_id, import_id)


def create_import_text(
    session: Any, account_id: int, text: Any, idempotency_key: str | None = None
) -> dict[str, Any]:
    """An import of pasted numbers, analysed next. Under the same key the same import, as it is now.

    Raises InvalidFields, PasteTooLarge, TooManyImports, Conflict("idempotency_key_reused").
    """
    if not isinstance(text, str):
        raise _invalid("/text", "invalid", "not a text")
    if len(text) > MAX_CHARACTERS:
        raise PasteTooLarge(f"At most {MAX_CHARACTERS} characters.")
    data = text.encode("utf-8", "replace")

    def produce() -> int:
        wanted = {"filename": "", "size": len(data), "labels": []}
        import_id = _new(session, account_id, "text", wanted)
        for seq, start in enumerate(range(0, len(data), domain.MAX_PIECE_BYTES)):
            _put_piece(session, import_id, seq, data[start : start + domain.MAX_PIECE_BYTES])
        _set_state(session, import_id, "analysing")
        return import_id

    request = hashlib.sha256(data).hexdigest()
    import_id = idempotency.remember(session, account_id, idempotency_key, request, produce, "create_import")
    return read.get_import(session, account_id, import_id)


def update_import(
    session: Any, account_id: int, import_id: int, mapping: Any = None, sheet: Any = None
) -> dict[str, Any]:
    """Judge the rows anew by another mapping, field → column as index, letter or ``{"column": index}``; or those of another
    sheet of the workbook, one of its ``other_sheets``, with columns as they are found there.

    Raises UnknownImport, WrongImportState, InvalidMapping, InvalidFields.
    """
    found = read.record(session, account_id, import_id, lock=True)
    domain.require_state("remap", found["state"], found["error_code"])
    if found["purged"]:
        raise WrongImportState("The file is not kept any more; upload it again.")
    if mapping is not None and sheet is not None:
        raise _invalid("/sheet", "mapping_or_sheet", "either a mapping or a sheet")
    if sheet is None:
        wanted, options = queries.json(_mapping(mapping, found["columns"])), {}
    else:
        wanted, options = None, {"wanted_sheet": _sheet(sheet, found["options"])}
    queries.run(session, _REMAP, {"id": import_id, "mapping": wanted, "options": queries.json(options)})
    _wake(session)
    return read.get_import(session, account_id, import_id)


def commit_import(
    session: Any, account_id: int, import_id: int, data: Any, idempotency_key: str | None = None
) -> dict[str, Any]:
    """Store the judged rows; imports of one account run one after the other. The same commit again changes nothing.

    ``policy`` says what happens to contacts that are there already: skip leaves them as they are (they join the
    groups all the same), fill writes into blank fields only, overwrite writes every field the file has a value for.
    Groups are ``group_ids``, and ``group_names``, made where they are not there. Answers the import as it is now.
    Raises UnknownImport, WrongImportState, InvalidFields, UnknownGroup, Conflict("idempotency_key_reused").
    """
    wanted = schemas.load(schemas.CommitImport, data)
    request = {"id": import_id, "wanted": wanted}

    def produce() -> int:
        _commit(session, account_id, import_id, dict(wanted))
        return import_id

    idempotency.remember(session, account_id, idempotency_key, request, produce, "commit_import")
    return read.get_import(session, account_id, import_id)


def _commit(session: Any, account_id: int, import_id: int, wanted: dict[str, Any]) -> None:
    if names := wanted.pop("group_names"):
        lock_contacts(session, account_id)  # before the import, as a page that is applied does
    found = read.record(session, account_id, import_id, lock=True)
    group_ids = set(wanted["group_ids"])
    if names:
        group_ids.update(groups_named(session, account_id, names).values())
    wanted["group_ids"] = sorted(group_ids)
    is_same = all(found[name] == value for name, value in wanted.items())
    if found["state"] not in ("queued", "running", "done") or not is_same:
        domain.require_state("commit", found["state"])
        queries.require_groups(session, account_id, wanted["group_ids"])
        queries.run(session, _COMMIT, wanted | {"id": import_id})
        _note_commit(session, account_id, found, wanted)
        _wake(session)


def cancel_import(session: Any, account_id: int, import_id: int) -> dict[str, Any]:
    """Stop. Again changes nothing.

    Before the commit nothing is stored. A running import stops between two pages: each row is stored whole, with its
    numbers, groups and blacklisting, or not at all; ``progress.done`` says how many are, and they stay. The same file
    imported again stores the others and doubles none. Raises UnknownImport, WrongImportState when it is done or has failed.
    """
    found = read.record(session, account_id, import_id, lock=True)
    if found["state"] != "cancelled":
        domain.require_state("cancel", found["state"])
        _set_state(session, import_id, "cancelled")
        audit.note(session, account_id, "import.cancelled", f"import:{import_id}", stored=found["applied"])
        if found["state"] in domain.COMMITTED:
            import_ends.tell(session, found, "cancelled")
    return read.get_import(session, account_id, import_id)


def import_template(locale: Any, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The workbook to fill in, in Greek or English: ``{data_b64, filename}``."""
    language: Locale = "en" if locale == "en" else "el"
    with tempfile.TemporaryDirectory(prefix="keryx-") as folder:
        path = Path(folder) / "template.xlsx"
        template.write(path, language, labels)
        content = base64.b64encode(path.read_bytes()).decode("ascii")
    return {
        "data_b64": content,
        "filename": "keryx-contacts.xlsx" if language == "en" else "keryx-epafes.xlsx",
    }


def _note_commit(session: Any, account_id: int, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """One entry for all that a commit brings: how many rows, and whether their numbers go on the blacklist."""
    counts = {name: found[name] for name in ("accepted", "updated")}
    chosen = {name: wanted[name] for name in ("policy", "group_ids", "blacklist")}
    audit.note(session, account_id, "import.committed", f"import:{found['id']}", **counts, **chosen)


def _new(session: Any, account_id: int, source: str, wanted: Mapping[str, Any]) -> int:
    queries.value(
        session, "SELECT pg_advisory_xact_lock(hashtextextended('imports', %(id)s))", {"id": account_id}
    )
    if queries.value(session, _OPEN, {"account_id": account_id}) >= domain.MAX_OPEN_IMPORTS:
        raise TooManyImports("Commit or cancel some of the imports that are open.")
    labels = {f"custom{index}": label for index, label in enumerate(wanted["labels"], 1) if label}
    params = {
        "account_id": account_id,
        "source": source,
        "filename": wanted["filename"],
        "size": wanted["size"],
    }
    return int(queries.value(session, _INSERT, params | {"options": queries.json({"labels": labels})}))


def _is_known(session: Any, import_id: int, seq: Any, data: bytes) -> bool:
    """Whether this very piece has arrived before."""
    if not isinstance(seq, int) or not 0 <= seq < 2**31:
        return False
    known = queries.value(session, _PIECE, {"id": import_id, "seq": seq})
    return known is not None and bytes(known) == data


def _put_piece(session: Any, import_id: int, seq: int, data: bytes) -> None:
    queries.run(session, _PUT_PIECE, {"id": import_id, "seq": seq, "data": data})
    queries.run(session, _COUNT_PIECE, {"id": import_id, "size": len(data)})


def _decode(data_b64: Any) -> bytes:
    if not isinstance(data_b64, str):
        raise _invalid("/data_b64", "invalid", "not base64")
    if len(data_b64) > domain.MAX_PIECE_BYTES * 4 // 3 + 4:
        raise PieceTooLarge("At most 1 MiB a piece.")
    try:
        data = base64.b64decode(data_b64, validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("/data_b64", "invalid", "not base64") from None
    if not data:
        raise _invalid("/data_b64", "invalid", "empty piece")
    if len(data) > domain.MAX_PIECE_BYTES:
        raise PieceTooLarge("At most 1 MiB a piece.")
    return data


def _sheet(sheet: Any, options: dict[str, Any]) -> str:
    known = [options.get("sheet"), *options.get("other_sheets", ())]
    if not isinstance(sheet, str) or sheet not in known:
        raise _invalid("/sheet", "unknown_sheet", "one of the sheets of this workbook that have numbers")
    return sheet


def _mapping(mapping: Any, columns: list[dict[str, Any]]) -> dict[str, int]:
    if not isinstance(mapping, dict) or len(mapping) > 50:
        raise InvalidMapping("mapping", [{"pointer": "/mapping", "code": "invalid", "detail": "an object"}])
    # What failed before its columns were known is checked again by the analysis.
    count = len(columns) or MAX_COLUMNS
    by_letter = {column["letter"]: column["index"] for column in columns}
    by_letter = by_letter or {letter(index): index for index in range(count)}
    plain: dict[str, Any] = {}
    for field, value in mapping.items():
        column = value.get("column") if isinstance(value, dict) else value
        if column is not None:
            plain[str(field)] = by_letter.get(column.upper(), column) if isinstance(column, str) else column
    try:
        return validate_mapping(plain, count)
    except BadMapping as error:
        fault = {"pointer": error.pointer, "code": error.code, "detail": error.detail}
        raise InvalidMapping("The mapping cannot be used.", [fault]) from None


def _set_state(session: Any, import_id: int, state: str) -> None:
    queries.run(session, _SET_STATE, {"id": import_id, "state": state})
    _wake(session)


def _wake(session: Any) -> None:
    queries.value(session, "SELECT pg_notify('imports', '')", {})


def _invalid(pointer: str, code: str, detail: str) -> InvalidFields:
    return InvalidFields(detail, [{"pointer": pointer, "code": code, "detail": detail}])
