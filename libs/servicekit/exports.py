"""Exports as jobs: a service is asked for a file here, its exporter writes it (``exporting``), pieces of it are handed out."""

from __future__ import annotations

import base64
from typing import Any

from psycopg2.extras import Json
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from contracts.errors import Conflict, Invalid, NotFound

from . import idempotency
from .database import cursor_of

CHANNEL = "exports"
FORMATS = ("xlsx", "csv")

_NAMES = ("id", "what", "format", "state", "total", "written", "error", "created_at", "finished_at")
_SHOWN = f"SELECT {', '.join(_NAMES)} FROM exports WHERE id = %s AND account_id = %s"
_INSERT = "INSERT INTO exports (account_id, what, format, filter) VALUES (%s, %s, %s, %s) RETURNING id"
_PIECE = """
SELECT data, (SELECT max(no) FROM export_pieces WHERE export_id = %s) FROM export_pieces WHERE export_id = %s AND no = %s
"""


def export_tables(metadata: MetaData) -> None:
    """Add the tables of exports to a service's metadata."""
    moment = DateTime(timezone=True)
    Table(
        "exports",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("account_id", BigInteger, nullable=False),
        Column("what", Text, nullable=False),
        Column("format", Text, nullable=False),
        Column("filter", JSONB, nullable=False, server_default=text("'{}'")),
        Column("state", Text, nullable=False, server_default=text("'queued'")),
        Column("total", BigInteger, nullable=False, server_default=text("0")),
        Column("written", BigInteger, nullable=False, server_default=text("0")),
        Column("size", BigInteger),
        Column("error", Text),
        Column("owner", Text),
        Column("lease_until", moment),
        Column("created_at", moment, nullable=False, server_default=text("now()")),
        Column("finished_at", moment),
        Index("exports_account", "account_id", "id"),
    )
    Table(
        "export_pieces",  # the finished file, so that any replica can hand it out
        metadata,
        Column("export_id", BigInteger, ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True),
        Column("no", Integer, primary_key=True, autoincrement=False),
        Column("data", LargeBinary, nullable=False),
    )


def create_export_tables(op: Any) -> None:
    """For an alembic revision: the tables of ``export_tables``."""
    metadata = MetaData()
    export_tables(metadata)
    metadata.create_all(op.get_bind())


def drop_export_tables(op: Any) -> None:
    """Undo ``create_export_tables``."""
    metadata = MetaData()
    export_tables(metadata)
    metadata.drop_all(op.get_bind())


def create(
    session: Any, account_id: int, what: str, format_: str, filters: dict[str, Any], key: str | None
) -> dict[str, Any]:
    """A new export job; the caller has checked ``what`` and ``filters``, which any JSON can be.

    Raises Invalid("invalid_fields") for a format that is not written, Conflict("idempotency_key_reused").
    """
    if format_ not in FORMATS:
        raise invalid("/format", f"one of {', '.join(FORMATS)}")
    request = {"what": what, "format": format_, "filter": filters}

    def produce() -> dict[str, Any]:
        cursor = cursor_of(session)
        cursor.execute(_INSERT, (account_id, what, format_, Json(filters)))
        export_id = cursor.fetchone()[0]
        cursor.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
        return get(cursor, account_id, export_id)

    answer: dict[str, Any] = idempotency.remember(session, account_id, key, request, produce, "export")
    return answer


def invalid(pointer: str, detail: str) -> Invalid:
    """The refusal of what cannot be exported."""
    error = {"pointer": pointer, "code": "invalid", "detail": detail}
    return Invalid("invalid_fields", "A value is not valid.", [error])


def get(session: Any, account_id: int, export_id: int) -> dict[str, Any]:
    """State and progress (0 to 1). Raises NotFound("unknown_export")."""
    cursor = cursor_of(session)
    cursor.execute(_SHOWN, (export_id, account_id))
    found = cursor.fetchone()
    if found is None:
        raise NotFound("unknown_export", "There is no such export.")
    row = dict(zip(_NAMES, found, strict=True))
    total, written = row.pop("total"), row.pop("written")
    for name in ("created_at", "finished_at"):
        row[name] = row[name].isoformat().replace("+00:00", "Z") if row[name] else None
    done = row["state"] == "done"
    return {**row, "progress": 1.0 if done else round(written / total, 4) if total else 0.0, "rows": written}


def piece(session: Any, account_id: int, export_id: int, offset: int) -> dict[str, Any]:
    """The ``offset``-th piece of the file, and the next offset or None.

    Raises NotFound("unknown_export"), Conflict("export_not_ready").
    """
    export = get(session, account_id, export_id)
    if export["state"] != "done":
        raise Conflict("export_not_ready", f"The export is {export['state']}.")
    cursor = cursor_of(session)
    cursor.execute(_PIECE, (export_id, export_id, offset))
    row = cursor.fetchone()
    data, last = row if row else (b"", offset)
    return {
        "data_b64": base64.b64encode(bytes(data)).decode("ascii"),
        "next_offset": offset + 1 if offset < last else None,
        "filename": f"{export['what']}-{export_id}.{export['format']}",
    }
