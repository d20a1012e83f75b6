"""Exports as jobs: asked for here, written by ``exporter``, handed out in pieces."""

from __future__ import annotations

import base64
from typing import Any

from psycopg2.extras import Json

from servicekit import idempotency
from servicekit.database import cursor_of

from . import queries
from .errors import ExportNotReady, InvalidFields, UnknownExport
from .rows import one

CHANNEL = "exports"
FORMATS = ("xlsx", "csv")
_SHOWN = (
    "SELECT id, what, format, state, total, written, error, created_at, finished_at FROM exports"
    " WHERE id = %s AND account_id = %s"
)


def create(
    session: Any, account_id: int, what: str, format_: str, filters: dict[str, Any], key: str | None
) -> dict[str, Any]:
    """A new export job. Raises InvalidFields."""
    if what != "messages" or format_ not in FORMATS:
        raise InvalidFields(
            "A value is not valid.",
            errors=[
                {"pointer": "/what", "code": "invalid", "detail": "Messages can be exported, as xlsx or csv."}
            ],
        )
    queries.conditions(account_id, filters)
    request = {"what": what, "format": format_, "filter": filters}

    def produce() -> dict[str, Any]:
        cursor = cursor_of(session)
        cursor.execute(
            "INSERT INTO exports (account_id, what, format, filter) VALUES (%s, %s, %s, %s) RETURNING id",
            (account_id, what, format_, Json(filters)),
        )
        export_id = cursor.fetchone()[0]
        cursor.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
        return get(cursor, account_id, export_id)

    answer: dict[str, Any] = idempotency.remember(session, account_id, key, request, produce, "export")
    return answer


def get(cursor: Any, account_id: int, export_id: int) -> dict[str, Any]:
    """State and progress (0 to 1). Raises UnknownExport."""
    row = one(cursor, _SHOWN, (export_id, account_id))
    if row is None:
        raise UnknownExport("There is no such export.")
    total, written = row.pop("total"), row.pop("written")
    done = row["state"] == "done"
    return {**row, "progress": 1.0 if done else round(written / total, 4) if total else 0.0, "rows": written}


def piece(cursor: Any, account_id: int, export_id: int, offset: int) -> dict[str, Any]:
    """The ``offset``-th piece of the file, and the next offset or None. Raises UnknownExport, ExportNotReady."""
    export = get(cursor, account_id, export_id)
    if export["state"] != "done":
        raise ExportNotReady(f"The export is {export['state']}.")
    cursor.execute(
        "SELECT data, (SELECT max(no) FROM export_pieces WHERE export_id = %s) FROM export_pieces"
        " WHERE export_id = %s AND no = %s",
        (export_id, export_id, offset),
    )
    row = cursor.fetchone()
    data, last = row if row else (b"", offset)
    return {
        "data_b64": base64.b64encode(bytes(data)).decode("ascii"),
        "next_offset": offset + 1 if offset < last else None,
        "filename": f"messages-{export_id}.{export['format']}",
    }
