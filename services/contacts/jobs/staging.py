"""The first half of an import: the file is judged in a child process, its rows wait as pages."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from servicekit import logs, scratch, settings

from .. import domain, queries
from ..importing import isolated, pages, paste, reasons, rejects, verdicts
from ..importing.analysis import PREVIEW_ROWS, Options, PreviewRow, Understanding, preview_row
from ..importing.errors import ImportingError
from ..importing.headers import NUMBER_HEADER
from ..importing.pages import Page
from ..importing.verdicts import Rejected
from ..queries.contacts import owners_of
from ..use_cases import import_ends
from . import Claim, stored

log = logs.get(__name__)

MAX_REMEMBERED = 200
"""Corrected mappings that an account's next file is compared with, the latest ones."""

_PIECES = "SELECT data FROM import_pieces WHERE import_id = %(id)s AND kind = 'file' AND seq = %(seq)s"

_UNDERSTOOD = """
UPDATE imports SET mapping = %(mapping)s::jsonb, header_row = %(header_row)s, columns = %(columns)s::jsonb,
    labels = %(labels)s::jsonb, options = options || %(options)s::jsonb, preview = %(preview)s::jsonb, updated_at = now()
WHERE id = %(id)s
"""

_REMEMBERED = """
SELECT fingerprint, mapping FROM import_mappings WHERE account_id = %(account_id)s ORDER BY at DESC LIMIT %(most)s
"""

_REMEMBER = """
INSERT INTO import_mappings (account_id, fingerprint, mapping) VALUES (%(account_id)s, %(fingerprint)s, %(mapping)s::jsonb)
ON CONFLICT (account_id, fingerprint) DO UPDATE SET mapping = excluded.mapping, at = now()
"""

_COUNT = """
UPDATE imports SET staged_row = %(staged_row)s, rows = rows + %(rows)s, accepted = accepted + %(accepted)s,
    updated = updated + %(updated)s, duplicates = duplicates + %(duplicates)s, rejected = rejected + %(rejected)s,
    attempts = 0, updated_at = now()
WHERE id = %(id)s
"""

_DONE = "UPDATE imports SET state = 'analysed', preview = %(preview)s::jsonb, updated_at = now() WHERE id = %(id)s"

_FAILED = """
UPDATE imports SET state = 'failed', error_code = %(code)s, error_detail = %(detail)s, rows = 0, accepted = 0,
    updated = 0, duplicates = 0, rejected = 0, preview = '[]', updated_at = now()
WHERE id = %(id)s
"""


def analyse(claim: Claim) -> None:
    """Judge and stage all rows of the import, then show them: state analysed, or failed with nothing staged.

    Raises LostJob and Stopping between two pages.
    """
    with tempfile.TemporaryDirectory(dir=scratch.settle(settings.temporary_folder())) as folder:
        try:
            record = _begin(claim)
            path = Path(folder) / "file"
            _write_file(claim, record["pieces"], path)
            with closing(
                _read(claim, record, path)
            ) as found:  # closing ends the child of a job that was lost
                for page in found:
                    _stage_page(claim, record["account_id"], page)
            _finish(claim, Path(folder) / "rejects.xlsx")
        except ImportingError as refusal:
            fail(claim, "analysing", refusal.code, refusal.detail)


def fail(claim: Claim, state: str, code: str, detail: str) -> None:
    """End the import as failed; nothing of its staging stays."""
    with claim.connection, claim.connection.cursor() as cursor:
        record = claim.begin(cursor, state)
        stored.drop(cursor, claim.import_id)
        queries.run(cursor, _FAILED, {"id": claim.import_id, "code": code, "detail": _plain(detail)[:500]})
        import_ends.tell(cursor, record, "failed", code)
    log.info("import_failed", import_id=claim.import_id, code=code)


def _begin(claim: Claim) -> dict[str, Any]:
    """The import's row; at the very beginning what an earlier analysis left is dropped."""
    with claim.connection, claim.connection.cursor() as cursor:
        record = claim.begin(cursor, "analysing")
        if record["staged_row"] == 0:
            stored.drop(cursor, claim.import_id)
        params = {"account_id": record["account_id"], "most": MAX_REMEMBERED}
        found = queries.rows(cursor, _REMEMBERED, params)
    return record | {"remembered": {one["fingerprint"]: one["mapping"] for one in found}}


def _write_file(claim: Claim, pieces: int, path: Path) -> None:
    with path.open("wb") as file, claim.connection, claim.connection.cursor() as cursor:
        for seq in range(pieces):
            file.write(queries.value(cursor, _PIECES, {"id": claim.import_id, "seq": seq}))


def _read(claim: Claim, record: dict[str, Any], path: Path) -> Generator[Page]:
    """The rows that are not staged yet; what the file is understood as is stored before the first."""
    after = record["staged_row"]
    if record["source"] == "text":
        yield from _read_paste(claim, path, after)
        return
    labels = record["options"].get("labels", {})
    # A file is read to its end as it was begun, whatever has been remembered since.
    mapping = record["mapping"] if after else record["wanted_mapping"]
    sheet = record["options"].get("wanted_sheet")
    remembered = {} if after else record["remembered"]
    options = Options(labels=labels, mapping=mapping, remembered=remembered, sheet=sheet)
    with closing(isolated.read(path, record["filename"], options, after)) as found:
        for one in found:
            if isinstance(one, Page):
                yield one
            elif not after:
                _understand(claim, record["account_id"], one)


def _read_paste(claim: Claim, path: Path, after: int) -> Iterator[Page]:
    text = path.read_text(encoding="utf-8")
    if not after:
        preview = [preview_row(verdict, getattr(verdict, "values", ())) for verdict in _first(text)]
        with claim.connection, claim.connection.cursor() as cursor:
            claim.begin(cursor, "analysing")
            params = {"id": claim.import_id, "preview": queries.json([_shown(row) for row in preview])}
            queries.run(cursor, "UPDATE imports SET preview = %(preview)s::jsonb WHERE id = %(id)s", params)
    yield from pages.build(verdict for verdict in paste.read(text) if verdict.row > after)


def _first(text: str) -> Iterator[verdicts.Verdict]:
    return islice(paste.read(text), PREVIEW_ROWS)


def _understand(claim: Claim, account_id: int, found: Understanding) -> None:
    columns = [
        {
            "index": c.index,
            "letter": c.letter,
            "header": _plain(c.header),
            "samples": [_plain(s) for s in c.samples],
        }
        for c in found.columns
    ]
    params = {
        "id": claim.import_id,
        "account_id": account_id,
        "fingerprint": found.fingerprint,
        "mapping": queries.json(dict(found.mapping)),
        "header_row": found.header_row,
        "columns": queries.json(columns),
        "labels": queries.json({field: _plain(label) for field, label in found.labels.items()}),
        "options": queries.json({"total": found.rows, "mapping_source": found.source, **_sheets(found)}),
        "preview": queries.json([_shown(row) for row in found.preview]),
    }
    with claim.connection, claim.connection.cursor() as cursor:
        claim.begin(cursor, "analysing")
        queries.run(cursor, _UNDERSTOOD, params)
        if found.source == "corrected" and found.fingerprint:
            queries.run(cursor, _REMEMBER, params)


def _sheets(found: Understanding) -> dict[str, Any]:
    return {"sheet": _plain(found.sheet), "other_sheets": [_plain(name) for name in found.other_sheets]}


def _stage_page(claim: Claim, account_id: int, page: Page) -> None:
    """Keep a page; a row is *updated* when the account has one of its numbers now."""
    with claim.connection, claim.connection.cursor() as cursor:
        claim.begin(cursor, "analysing")
        updated = len(page.owners(owners_of(cursor, account_id, page.all_numbers)))
        stored.put(cursor, claim.import_id, page, updated)
        params = {
            "id": claim.import_id,
            "staged_row": page.last_row,
            "rows": page.rows,
            "accepted": len(page.numbers) - updated,
            "updated": updated,
            "duplicates": page.duplicates,
            "rejected": len(page.rejects),
        }
        queries.run(cursor, _COUNT, params)


def _finish(claim: Claim, path: Path) -> None:
    rejects_of = _write_rejects(claim, path)
    with claim.connection, claim.connection.cursor() as cursor:
        record = claim.begin(cursor, "analysing")
        _store_rejects(cursor, claim.import_id, path)
        preview = _with_known(cursor, record["account_id"], record["preview"])
        queries.run(cursor, _DONE, {"id": claim.import_id, "preview": queries.json(preview)})
    log.info("import_analysed", import_id=claim.import_id, rejected=rejects_of)


def _with_known(cursor: Any, account_id: int, preview: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The preview with *updated* for the rows whose numbers the account has."""
    numbers = [int(number) for row in preview for number in row["numbers"]]
    known = owners_of(cursor, account_id, numbers)
    for row in preview:
        if row["verdict"] == "accepted" and any(int(number) in known for number in row["numbers"]):
            row["verdict"] = "updated"
    return preview


def _shown(row: PreviewRow) -> dict[str, Any]:
    words = {locale: reasons.words(row.reason, locale) for locale in ("el", "en")} if row.reason else None
    return {
        "row": row.row,
        "verdict": row.verdict,
        "reason": row.reason,
        "words": words,
        "detail": _plain(row.detail),
        "numbers": row.numbers,
        "fields": {name: _plain(value) for name, value in row.fields.items()},
        "values": [_plain(value) for value in row.values],
    }


def _write_rejects(claim: Claim, path: Path) -> int:
    """The workbook of rejected rows; always there, also without rows. How many it has."""
    with claim.connection, claim.connection.cursor() as cursor:
        record = claim.begin(cursor, "analysing")
    is_paste = record["source"] == "text"
    header = [NUMBER_HEADER] if is_paste else [column["header"] for column in record["columns"]]
    return rejects.write(path, header, _rejected(claim))


def _rejected(claim: Claim) -> Iterator[Rejected]:
    after = 0
    while True:
        with claim.connection, claim.connection.cursor() as cursor:
            found = stored.next_page(cursor, claim.import_id, after)
        if found is None:
            return
        after = found.page.last_row
        for row, reason, detail, values in found.page.rejects:
            yield Rejected(row, reason, detail, tuple(values))


def _store_rejects(cursor: Any, import_id: int, path: Path) -> None:
    delete = "DELETE FROM import_pieces WHERE import_id = %(id)s AND kind = 'rejects'"
    insert = (
        "INSERT INTO import_pieces (import_id, kind, seq, data) VALUES (%(id)s, 'rejects', %(seq)s, %(data)s)"
    )
    queries.run(cursor, delete, {"id": import_id})
    with path.open("rb") as file:
        seq = 0
        while data := file.read(domain.REJECTS_PIECE_BYTES):
            queries.run(cursor, insert, {"id": import_id, "seq": seq, "data": data})
            seq += 1


def _plain(value: str) -> str:
    """``value`` as PostgreSQL takes it: no NUL, no lone surrogate."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode()
