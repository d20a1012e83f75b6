"""The first half of an import: the file is judged in a child process, its rows wait in the staging table."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, cast

import orjson

from servicekit import logs

from .. import domain, queries
from ..importing import isolated, paste, reasons, rejects, verdicts
from ..importing.analysis import Analysis, Options
from ..importing.errors import ImportingError
from ..importing.verdicts import Accepted, Duplicate, Rejected, Verdict
from ..queries.contacts import owners_of
from . import Claim, copying

log = logs.get(__name__)

PAGE_ROWS = 4_000
PREVIEW_ROWS = 10
MAX_CELLS_PER_ROW = 32_768
MAX_CELLS_PER_IMPORT = 100 << 20
"""Characters of rejected rows kept for the workbook; beyond, only their reasons are kept. A file can refer to one long
text from every cell, so what it says need not fit what it weighs."""

_PIECES = "SELECT data FROM import_pieces WHERE import_id = %(id)s AND kind = 'file' AND seq = %(seq)s"

_TARGET = "import_rows (import_id, row_no, verdict, reason, detail, numbers, fields, cells)"

_UNDERSTOOD = """
UPDATE imports SET mapping = %(mapping)s::jsonb, header_row = %(header_row)s, columns = %(columns)s::jsonb,
    labels = %(labels)s::jsonb, options = options || %(options)s::jsonb, updated_at = now()
WHERE id = %(id)s
"""

_COUNT = """
UPDATE imports SET staged_row = %(staged_row)s, rows = rows + %(rows)s, accepted = accepted + %(accepted)s,
    updated = updated + %(updated)s, duplicates = duplicates + %(duplicate)s, rejected = rejected + %(rejected)s,
    attempts = 0, updated_at = now()
WHERE id = %(id)s
"""

_FIRST_ROWS = """
SELECT row_no, verdict, reason, detail, numbers::text[] AS numbers, fields, cells AS values
FROM import_rows WHERE import_id = %(id)s ORDER BY row_no LIMIT %(limit)s
"""

_REJECTED = """
SELECT row_no, reason, detail, cells FROM import_rows
WHERE import_id = %(id)s AND verdict = 'rejected' AND row_no > %(after)s ORDER BY row_no LIMIT %(limit)s
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
    with tempfile.TemporaryDirectory(prefix="keryx-import-") as folder:
        try:
            record = _begin(claim)
            _stage(claim, record, Path(folder))
            _finish(claim, Path(folder))
        except ImportingError as refusal:
            fail(claim, "analysing", refusal.code, refusal.detail)


def fail(claim: Claim, state: str, code: str, detail: str) -> None:
    """End the import as failed; nothing of its staging stays."""
    with claim.connection, claim.connection.cursor() as cursor:
        claim.step(cursor, state)
        queries.run(cursor, "DELETE FROM import_rows WHERE import_id = %(id)s", {"id": claim.import_id})
        queries.run(cursor, _FAILED, {"id": claim.import_id, "code": code, "detail": _plain(detail)[:500]})
    log.info("import_failed", import_id=claim.import_id, code=code)


def _begin(claim: Claim) -> dict[str, Any]:
    """The import's row; at the very beginning what an earlier analysis left is dropped."""
    with claim.connection, claim.connection.cursor() as cursor:
        record = claim.step(cursor, "analysing")
        if record["staged_row"] == 0:
            queries.run(cursor, "DELETE FROM import_rows WHERE import_id = %(id)s", {"id": claim.import_id})
    return record


def _stage(claim: Claim, record: dict[str, Any], folder: Path) -> None:
    path = folder / "file"
    _write_file(claim, record["pieces"], path)
    keeper = _CellKeeper()
    with closing(_verdicts(claim, record, path)) as judged:
        while page := list(islice(judged, PAGE_ROWS)):
            _stage_page(claim, record["account_id"], page, keeper)


def _write_file(claim: Claim, pieces: int, path: Path) -> None:
    with path.open("wb") as file, claim.connection, claim.connection.cursor() as cursor:
        for seq in range(pieces):
            file.write(queries.value(cursor, _PIECES, {"id": claim.import_id, "seq": seq}))


def _verdicts(claim: Claim, record: dict[str, Any], path: Path) -> Generator[Verdict]:
    """The verdicts on the rows that are not staged yet."""
    after = record["staged_row"]
    if record["source"] == "text":
        for verdict in paste.read(path.read_text(encoding="utf-8")):
            if verdict.row > after:
                yield verdict
        return
    options = Options(labels=record["options"].get("labels", {}), mapping=record["wanted_mapping"])
    if after == 0:
        analysis = isolated.analyse(path, record["filename"], options)
        _remember(claim, analysis)
        mapping = dict(analysis.mapping)
    else:
        mapping = record["mapping"]
    options = Options(labels=options.labels, mapping=mapping)
    judged = cast(Generator[list[Verdict]], isolated.judge(path, record["filename"], options, after))
    with closing(judged) as batches:  # closing ends the child, also when a page is not wanted any more
        for batch in batches:
            yield from batch


def _remember(claim: Claim, analysis: Analysis) -> None:
    columns = [
        {
            "index": c.index,
            "letter": c.letter,
            "header": _plain(c.header),
            "samples": [_plain(s) for s in c.samples],
        }
        for c in analysis.columns
    ]
    params = {
        "id": claim.import_id,
        "mapping": queries.json(dict(analysis.mapping)),
        "header_row": analysis.header_row,
        "columns": queries.json(columns),
        "labels": queries.json({field: _plain(label) for field, label in analysis.labels.items()}),
        "options": queries.json({"total": analysis.counts.rows}),
    }
    with claim.connection, claim.connection.cursor() as cursor:
        claim.step(cursor, "analysing")
        queries.run(cursor, _UNDERSTOOD, params)


class _CellKeeper:
    """Decides how much of a rejected row is kept for the workbook."""

    def __init__(self) -> None:
        self._left = MAX_CELLS_PER_IMPORT

    def keep(self, values: tuple[str, ...]) -> list[str]:
        kept: list[str] = []
        room = min(MAX_CELLS_PER_ROW, self._left)
        for value in values:
            kept.append(value[:room])
            room -= len(kept[-1])
        self._left -= sum(map(len, kept))
        return kept


def _stage_page(claim: Claim, account_id: int, page: list[Verdict], keeper: _CellKeeper) -> None:
    counts = {"accepted": 0, "updated": 0, "duplicate": 0, "rejected": 0}
    lines: list[str] = []
    with claim.connection, claim.connection.cursor() as cursor:
        claim.step(cursor, "analysing")
        numbers = [
            int(number) for verdict in page if isinstance(verdict, Accepted) for number in verdict.numbers
        ]
        known = set(owners_of(cursor, account_id, numbers))
        for verdict in page:
            name, line = _line(claim.import_id, verdict, known, keeper)
            counts[name] += 1
            lines.append(line)
        copying.put(cursor, _TARGET, lines)
        params = counts | {"id": claim.import_id, "staged_row": page[-1].row, "rows": len(page)}
        queries.run(cursor, _COUNT, params)


def _line(import_id: int, verdict: Verdict, known: set[int], keeper: _CellKeeper) -> tuple[str, str]:
    """(name of the verdict, its line for COPY)."""
    if isinstance(verdict, Accepted):
        name = "updated" if any(int(number) in known for number in verdict.numbers) else "accepted"
        reason = verdict.notes[0].code if verdict.notes else ""
        detail = "; ".join(f"{note.field}: {note.code}" for note in verdict.notes)
        numbers, fields = ",".join(verdict.numbers), copying.text(orjson.dumps(verdict.fields).decode())
        cells = copying.NULL
    elif isinstance(verdict, Duplicate):
        name, reason, detail = "duplicate", "duplicate", str(verdict.first_row)
        numbers, fields, cells = verdict.number, "{}", copying.NULL
    else:
        name, reason, detail, numbers, fields = "rejected", verdict.reason, verdict.detail, "", "{}"
        cells = copying.array(keeper.keep(verdict.values))
    line = (
        f"{import_id}\t{verdict.row}\t{name}\t{copying.text(reason)}\t{copying.text(detail[:500])}"
        f"\t{{{numbers}}}\t{fields}\t{cells}"
    )
    return name, line


def _finish(claim: Claim, folder: Path) -> None:
    path = folder / "rejects.xlsx"
    _write_rejects(claim, path)
    with claim.connection, claim.connection.cursor() as cursor:
        claim.step(cursor, "analysing")
        _store_rejects(cursor, claim.import_id, path)
        rows = queries.rows(cursor, _FIRST_ROWS, {"id": claim.import_id, "limit": PREVIEW_ROWS})
        params = {"id": claim.import_id, "preview": queries.json([_preview(row) for row in rows])}
        queries.run(cursor, _DONE, params)
    log.info("import_analysed", import_id=claim.import_id)


def _preview(row: dict[str, Any]) -> dict[str, Any]:
    code = row["reason"]
    words = {locale: reasons.words(code, locale) for locale in ("el", "en")} if code else None
    return {
        "row": row["row_no"],
        "verdict": row["verdict"],
        "reason": code,
        "words": words,
        "detail": row["detail"],
        "numbers": row["numbers"],
        "fields": row["fields"],
        "values": [value[:200] for value in row["values"] or []],
    }


def _write_rejects(claim: Claim, path: Path) -> None:
    """The workbook of rejected rows; always there, also without rows."""
    with claim.connection, claim.connection.cursor() as cursor:
        columns = claim.step(cursor, "analysing")["columns"]
    rejects.write(path, [column["header"] for column in columns], _rejected(claim))


def _rejected(claim: Claim) -> Iterator[Rejected]:
    after = 0
    while True:
        with claim.connection, claim.connection.cursor() as cursor:
            params = {"id": claim.import_id, "after": after, "limit": PAGE_ROWS}
            rows = queries.rows(cursor, _REJECTED, params)
        for row in rows:
            after = row["row_no"]
            yield verdicts.Rejected(after, row["reason"], row["detail"], tuple(row["cells"] or ()))
        if len(rows) < PAGE_ROWS:
            return


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
